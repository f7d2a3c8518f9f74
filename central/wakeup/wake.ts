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

  /**
   * Tries the gateways in turn, with one id so that a gateway asked twice sends once. One whose policy refuses
   * may lag behind its twin, so a refusal stands only when it is the last word.
   */
  async function handOver(address: WakeupAddress): Promise<HandOver> {
    const id = uuidV7(clock.now());
    const wakeup = {
      id,
      network: address.network,
      ip: address.address.text,
      port: address.port,
      protocol: address.protocol,
    };
    const handed: HandOver = { result: undefined, isMaybeSent: false };
    for (const gateway of networks().gatewaysFor(address)) {
      try {
        handed.result = await gateway.wake(wakeup);
        if (handed.result.outcome !== 'refused') return handed;
      } catch (error) {
        noteFailure(gateway, error);
        if (isMaybeSent(error)) handed.isMaybeSent = true;
      }
    }
    return handed;
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
    const handed = await handOver(address);
    log(traces.wakeupAnswered, { device, network: address.network, ...outcomeOf(handed) });
    await settle({ ...owed, attempts }, handed, dueMs);
  }

  async function settle(sent: OwedWakeup, handed: HandOver, dueMs: number): Promise<void> {
    const { device, serial, attempts } = sent;
    const unsent = { ...sent, attempts: attempts - 1 };
    const { result, isMaybeSent } = handed;
    if (result?.outcome === 'triggered') return count(sent.address, 'triggered');
    if (result?.outcome === 'deferred') {
      const { min, max } = deferredDelayMs;
      return delay(unsent, Math.min(Math.max(result.retryAfterMs ?? min, min), max));
    }
    count(sent.address, 'failure');
    // A refusal may be a mistake of an hour, so it is an attempt like a failed one and not the last word.
    // An answer that was lost may have been that of a datagram sent.
    if (result || isMaybeSent) return store.planWakeup({ device, serial, attempts, dueMs });
    return delay(unsent, unreachableDelayMs);
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
      const isHeld = presence.signal(owed.device);
      if (isHeld) detach(delay(owed, waitAfter(1)), log, traces.storeFailed);
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
      const { result } = await handOver(address);
      return result ?? { id: '', outcome: 'failed', reason: 'no-gateway' };
    },
    close: () => {
      isClosed = true;
    },
  };
}

/** What became of a wakeup at the gateways. */
interface HandOver {
  /** The last gateway's answer; `undefined` when none gave one. */
  result: WakeupResult | undefined;
  /** A gateway got it, or may have, and its answer was lost. */
  isMaybeSent: boolean;
}

// Errors after which the gateway has certainly sent nothing: it was not reached, or it said no as a whole.
const unsentCodes = new Set(['gateway-busy', 'gateway-refused']);
const unsentCauses = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function isMaybeSent(error: unknown): boolean {
  if (!(error instanceof CodedError)) return true;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return !unsentCodes.has(error.code) && !unsentCauses.has(String(code));
}

function outcomeOf({ result, isMaybeSent }: HandOver): Record<string, unknown> {
  if (result) return { outcome: result.outcome, reason: result.reason };
  return { outcome: isMaybeSent ? 'answer-lost' : 'no-gateway' };
}
