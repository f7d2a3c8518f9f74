// Asks each gateway what it serves, again and again. A gateway that does not answer makes its networks not
// wakeable, and devices that say hello meanwhile keep their sockets.
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { GatewayClient } from './gateway-client.js';
import type { Networks } from './networks.js';

/** How soon a gateway that failed is asked again; a gateway refuses for 5 s after its start. */
const retryMs = 1_000;

export interface Probe {
  /** Resolves when every gateway was asked once, whatever it said. */
  asked: Promise<void>;
  isAsked(): boolean;
  close(): void;
}

export function startProbe(options: {
  networks: Networks;
  intervalMs: number;
  clock: Clock;
  log: Log;
}): Probe {
  const { networks, intervalMs, clock, log } = options;
  const unasked = new Set(networks.gateways());
  let isClosed = false;

  async function ask(gateway: GatewayClient): Promise<void> {
    if (isClosed) return;
    let nextMs = intervalMs;
    try {
      const served = await gateway.networks();
      if (networks.noteServed(gateway, served, clock.now())) {
        log(traces.gatewayOnline, { gateway: gateway.url, networks: served.length });
      }
    } catch (error) {
      nextMs = Math.min(retryMs, intervalMs);
      const wasReachable = networks.noteFailure(gateway, messageOf(error), clock.now());
      // A client that is closed under a request has no news of its gateway.
      if (!isClosed && (wasReachable || unasked.has(gateway))) {
        log(traces.gatewayOffline, { gateway: gateway.url, error: messageOf(error) });
      }
    }
    unasked.delete(gateway);
    if (!isClosed) clock.after(nextMs, () => void ask(gateway));
  }

  const first = Promise.all(networks.gateways().map(ask));
  return {
    asked: first.then(() => {}),
    isAsked: () => unasked.size === 0,
    close: () => {
      isClosed = true;
    },
  };
}
