// Negative signs: wakeups that left a gateway and of which the network said that nobody is there. Gateways are
// asked while wakeups of theirs are awaited; a sign that is missed costs the rest of a window and nothing else.
import type { Clock } from '../../shared/clock.js';
import type { DeviceWakeup } from '../store/store.js';
import type { GatewayClient } from './gateway-client.js';

export interface Signs {
  /** Listens for signs about a wakeup that left, until the end of its window. */
  await(id: string, wakeup: DeviceWakeup, gateway: GatewayClient): void;
  close(): void;
}

/** Wakeups listened for at a time; of more than that no signs are heard. */
export const signsAwaitedMax = 50_000;

export function createSigns(parts: {
  clock: Clock;
  pollMs: number;
  onSign: (wakeup: DeviceWakeup) => void;
  /** A wakeup left that nothing is listened for. */
  countUnheard: () => void;
}): Signs {
  const { clock, pollMs, onSign, countUnheard } = parts;
  const byGateway = new Map<GatewayClient, Map<string, DeviceWakeup>>();
  let isClosed = false;

  const awaited = () => [...byGateway.values()].reduce((sum, { size }) => sum + size, 0);

  function forgetPassed(wakeups: Map<string, DeviceWakeup>): void {
    const nowMs = clock.now();
    for (const [id, { dueMs = 0 }] of wakeups) if (dueMs <= nowMs) wakeups.delete(id);
  }

  async function ask(gateway: GatewayClient, wakeups: Map<string, DeviceWakeup>): Promise<void> {
    forgetPassed(wakeups);
    if (wakeups.size === 0 || isClosed) {
      byGateway.delete(gateway);
      return;
    }
    // A gateway that cannot say has no signs; whether it is well is for the probe to find out.
    const signs = await gateway.signs().catch(() => []);
    for (const { id } of signs) {
      const wakeup = wakeups.get(id);
      wakeups.delete(id);
      if (wakeup) onSign(wakeup);
    }
    clock.after(pollMs, () => void ask(gateway, wakeups));
  }

  return {
    await(id, wakeup, gateway) {
      if (awaited() >= signsAwaitedMax) {
        countUnheard();
        return;
      }
      const known = byGateway.get(gateway);
      if (known) {
        known.set(id, wakeup);
        return;
      }
      const wakeups = new Map([[id, wakeup]]);
      byGateway.set(gateway, wakeups);
      clock.after(pollMs, () => void ask(gateway, wakeups));
    },
    close() {
      isClosed = true;
    },
  };
}
