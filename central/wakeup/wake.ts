// Waking one device: when, through which gateway, how often. Every attempt is noted in the store before it is
// sent, so that a crash can only repeat a wakeup, never lose one nor send more than the limit.
import type { Clock } from '../../shared/clock.js';
import { CodedError, messageOf } from '../../shared/errors.js';
import { uuidV7 } from '../../shared/id.js';
import { detach } from '../../shared/lifecycle.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { WakeupResult } from '../../shared/wakeup/request.js';
import type { Presence } from '../presence/presence.js';
import type { DeviceId } from '../protocol/ids.js';
import type { WakeupAddress } from '../protocol/messages.js';
import type { OwedWakeup, Store } from '../store/store.js';
import type { GatewayClient } from './gateway-client.js';
import type { Networks } from './networks.js';

/** How a wakeup went, in the words of 3GPP TS 29.122 (T8) DeliveryResult. */
export const wakeupOutcomes = [
  'triggered',
  'success',
  'unconfirmed',
  'failure',
  'expired',
  'replaced',
] as const;
export type WakeupOutcome = (typeof wakeupOutcomes)[number];

export interface WakeSettings {
  /** How long to wait after the first, second, … attempt; the last one stands for all further. */
  wakeupRetryMs: readonly number[];
  wakeupAttemptsMax: number;
  /** How long an address stays good after the device said it. */
  addressLeaseMs: number;
}

export interface Wake {
  /** Starts a wakeup that is owed. Returns at once. */
  start(owed: OwedWakeup): void;
  /** Sends one wakeup now, outside of any other, and tells how it went. */
  once(address: WakeupAddress): Promise<WakeupResult>;
  /** Wakeups being handed over now. */
  underWay(): number;
  /** Looks for due wakeups from now on. */
  run(): void;
  close(): void;
}

const scanMs = 1_000;
const duePerScan = 500;
/** How long to leave a wakeup that no gateway takes now. Such a delay is not an attempt. */
const unreachableDelayMs = 5_000;
const deferredDelayMs = { min: 200, max: 60_000 };

export function createWake(parts: {
  store: Store;
  presence: Presence;
  networks: () => Networks;
  /** Whether the gateways have been asked; before, nobody knows what can be woken. */
  isAsked: () => boolean;
  settings: WakeSettings;
  clock: Clock;
  log: Log;
  count: (address: WakeupAddress, outcome: WakeupOutcome) => void;
  countFailure: (code: string) => void;
}): Wake {
  const { store, presence, networks, isAsked, settings, clock, log, count, countFailure } = parts;
  const underWay = new Set<DeviceId>();
  let isClosed = false;

  function waitAfter(attempts: number): number {
    const { wakeupRetryMs } = settings;
    return wakeupRetryMs[Math.min(attempts, wakeupRetryMs.length) - 1] ?? unreachableDelayMs;
  }

  function delay(owed: OwedWakeup, delayMs: number): Promise<void> {
    const { device, serial, attempts } = owed;
    return store.planWakeup({ device, serial, attempts, dueMs: clock.now() + delayMs });
  }

  function giveUp(owed: OwedWakeup, attempts: number): Promise<void> {
    const { device, serial, address } = owed;
    count(address, 'expired');
    log(traces.wakeupExpired, { device, network: address.network, attempts });
    return store.planWakeup({ device, serial, attempts, dueMs: undefined });
  }

  /** Tries the gateways in turn with one id, so that none sends what another has sent already. */
  async function handOver(address: WakeupAddress): Promise<WakeupResult | undefined> {
    const id = uuidV7(clock.now());
    const wakeup = {
      id,
      network: address.network,
      ip: address.address.text,
      port: address.port,
      protocol: address.protocol,
    };
    for (const gateway of networks().gatewaysFor(address)) {
      try {
        return await gateway.wake(wakeup);
      } catch (error) {
        noteFailure(gateway, error);
      }
    }
    return undefined;
  }

  function noteFailure(gateway: GatewayClient, error: unknown): void {
    const code = error instanceof CodedError ? error.code : 'bug';
    countFailure(code);
    log(traces.gatewayFailed, { gateway: gateway.url, error: messageOf(error) });
    // Devices keep their sockets from now on, until the gateway answers when it is next asked.
    if (code === 'gateway-unreachable') {
      networks().noteFailure(gateway, messageOf(error), clock.now());
    }
  }

  async function attempt(owed: OwedWakeup): Promise<void> {
    const { device, serial, address } = owed;
    if (owed.isAwaited) count(address, 'unconfirmed');
    const isStale = owed.saidAtMs + settings.addressLeaseMs < clock.now();
    if (isStale || owed.attempts >= settings.wakeupAttemptsMax) return giveUp(owed, owed.attempts);
    if (!networks().isWakeable(address)) return delay(owed, unreachableDelayMs);
    const attempts = owed.attempts + 1;
    const sentAtMs = clock.now();
    const dueMs = sentAtMs + waitAfter(attempts);
    // Noted before it is sent: a device that is back before the answer finds its wakeup counted.
    await store.planWakeup({ device, serial, attempts, dueMs, sentAtMs });
    log(traces.notifying, {
      device,
      network: address.network,
      protocol: address.protocol,
      attempts,
    });
    const result = await handOver(address);
    log(traces.wakeupAnswered, { device, network: address.network, ...outcomeOf(result) });
    await settle({ ...owed, attempts }, result, dueMs);
  }

  async function settle(
    sent: OwedWakeup,
    result: WakeupResult | undefined,
    dueMs: number,
  ): Promise<void> {
    const { device, serial, attempts } = sent;
    const unsent = { ...sent, attempts: attempts - 1 };
    switch (result?.outcome) {
      case 'triggered':
        return count(sent.address, 'triggered');
      case 'failed':
        count(sent.address, 'failure');
        return store.planWakeup({ device, serial, attempts, dueMs });
      case 'refused':
        // The operator's policy says no to this address; only a new hello can change that.
        count(sent.address, 'failure');
        return giveUp(sent, attempts);
      case 'deferred': {
        const { min, max } = deferredDelayMs;
        return delay(unsent, Math.min(Math.max(result.retryAfterMs ?? min, min), max));
      }
      default:
        count(sent.address, 'failure');
        return delay(unsent, unreachableDelayMs);
    }
  }

  function start(owed: OwedWakeup): void {
    if (isClosed || underWay.has(owed.device)) return;
    underWay.add(owed.device);
    const done = attempt(owed).finally(() => underWay.delete(owed.device));
    detach(done, log, traces.storeFailed);
  }

  async function scan(): Promise<void> {
    if (!isAsked()) return;
    for (const owed of await store.dueWakeups(clock.now(), duePerScan)) {
      if (underWay.has(owed.device)) continue;
      // Its socket is open: whether it is alive is for the session to find out, and for us to wait.
      if (presence.holds(owed.device)) detach(delay(owed, waitAfter(1)), log, traces.storeFailed);
      else start(owed);
    }
  }

  function run(): void {
    detach(
      scan().finally(() => {
        if (!isClosed) clock.after(scanMs, run);
      }),
      log,
      traces.storeFailed,
    );
  }

  return {
    start,
    run,
    underWay: () => underWay.size,
    async once(address) {
      const result = await handOver(address);
      return result ?? { id: '', outcome: 'failed', reason: 'no-gateway' };
    },
    close: () => {
      isClosed = true;
    },
  };
}

function outcomeOf(result: WakeupResult | undefined): Record<string, unknown> {
  return result ? { outcome: result.outcome, reason: result.reason } : { outcome: 'no-gateway' };
}
