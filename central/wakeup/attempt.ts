// One attempt to wake one device, from the moment its turn has come to the gateway's answer. Each step is an event
// of the table in states.ts; the first one is on disk before anything is sent, so that a crash can only repeat a
// wakeup, never lose one nor send more than the limit. One whose outcome nobody noted is made again when its window is
// over, also where it is for messages that want only one.
import type { Clock } from '../../shared/clock.js';
import type { Log } from '../../shared/log.js';
import type { NetworkKey } from '../../shared/network.js';
import { traces } from '../../shared/traces.js';
import { type DatagramWords, wakeupMac } from '../../shared/wakeup/datagram.js';
import type { Ids } from '../protocol/ids.js';
import type { DeviceWakeup, Store } from '../store/store.js';
import type { Books } from './books.js';
import type { HandedOver, HandOver } from './hand-over.js';
import type { Networks } from './networks.js';
import type { ReconnectTimes } from './reconnect-times.js';
import type { Signs } from './signs.js';
import type { WakeupReport } from './states.js';
import { createTurns, type Turns } from './turns.js';

/** How long to leave a wakeup that no gateway takes now. Such a delay is not an attempt. */
const unsentDelayMs = 5_000;
/** How long to leave one whose address no gateway of its network serves. */
const unservedDelayMs = 60_000;
/**
 * Events of one network that the store is told at a time: those of another one wait for no more than these. Twice what the
 * store takes in a transaction, so that those of the next one are there when it has answered.
 */
const movesMax = 200;
const deferredDelayMs = { min: 200, max: 3_600_000 };

export function createAttempt(parts: {
  store: Store;
  ids: Ids;
  networks: () => Networks;
  handOver: HandOver;
  times: ReconnectTimes;
  signs: Signs;
  books: Books;
  limits: { wakeupLeaseMs: number; wakeupAttemptsMax: number };
  clock: Clock;
  log: Log;
}) {
  const { store, ids, networks, handOver, times, signs, books, limits, clock, log } = parts;
  const attemptsMax = limits.wakeupAttemptsMax;
  const turns = new Map<NetworkKey | undefined, Turns>();

  function turnOf(network: NetworkKey | undefined): Turns {
    const known = turns.get(network) ?? createTurns(movesMax);
    turns.set(network, known);
    return known;
  }

  async function move({ device, serial, address }: DeviceWakeup, event: WakeupReport) {
    const turn = turnOf(address?.network);
    const moved = await turn(() => store.move({ device, serial, event }));
    books.moved(moved);
    return moved;
  }

  /** Rejects when the store fails; what it holds then is tried again when it is due. */
  async function attempt(owed: DeviceWakeup): Promise<void> {
    const { address, saidAtMs } = owed;
    const nowMs = clock.now();
    if (!address) return;
    if (saidAtMs + limits.wakeupLeaseMs < nowMs) {
      await move(owed, { name: 'lapsed', nowMs });
      return;
    }
    if (networks().gatewaysFor(address).length === 0) {
      await move(owed, { name: 'held', dueMs: nowMs + unservedDelayMs });
      return;
    }
    const dueMs = nowMs + times.windowMs(address.network, owed.attempts + 1);
    const moved = await move(owed, { name: 'begun', nowMs, dueMs });
    if (!moved) return;
    const { now: begun, isUrgent } = moved;
    const { device, attempts } = begun;
    const { network, protocol } = address;
    log(traces.notifying, { device, network, protocol, attempts });
    // Whatever else it is for is `normal` to the gateways, as it would be without a word.
    const urgency = isUrgent ? 'high' : undefined;
    const handed = await handOver(address, wordsOf(begun, ids), urgency);
    log(traces.wakeupAnswered, { device, network, ...outcomeOf(handed) });
    await settle(begun, network, handed);
  }

  async function settle(
    begun: DeviceWakeup,
    network: NetworkKey,
    { id, result, gateway, isMaybeSent }: HandedOver,
  ): Promise<void> {
    const nowMs = clock.now();
    if (result?.outcome === 'triggered') {
      books.triggered(network);
      // A gateway that did not answer may have taken half of the window; the device has all of it.
      const dueMs = nowMs + (begun.dueMs ?? nowMs) - (begun.sentMs ?? nowMs);
      if (gateway) signs.await(id, { ...begun, dueMs }, gateway);
      await move(begun, { name: 'triggered', dueMs });
      return;
    }
    // An answer that was lost may have been that of a datagram that left: its window runs.
    if (isMaybeSent) return;
    if (result?.outcome === 'deferred') {
      const { min, max } = deferredDelayMs;
      const delayMs = Math.min(Math.max(result.retryAfterMs ?? min, min), max);
      await move(begun, { name: 'unsent', dueMs: nowMs + delayMs });
    } else if (result?.outcome === 'refused') {
      // It may be a mistake of an hour, so it is an attempt and not the last word.
      await move(begun, { name: 'refused', nowMs, attemptsMax });
    } else {
      // Nothing left, through no fault of the device: that was no attempt.
      if (result) books.failed(network);
      await move(begun, { name: 'unsent', dueMs: nowMs + unsentDelayMs });
    }
  }

  return {
    attempt,
    /** The window of a wakeup is over. */
    pass: (sent: DeviceWakeup) => move(sent, { name: 'passed', nowMs: clock.now(), attemptsMax }),
    /** The network said that nobody is there. */
    unreachable: (sent: DeviceWakeup) =>
      move(sent, { name: 'sign', nowMs: clock.now(), attemptsMax }),
    /** The device holds a socket: whether it is alive is for its session to find out. */
    hold: (owed: DeviceWakeup, network: NetworkKey) =>
      move(owed, { name: 'held', dueMs: clock.now() + times.windowMs(network, 1) }),
  };
}

/** What the datagram of a wakeup says beside the address. */
export function wordsOf(wakeup: DeviceWakeup, ids: Ids): DatagramWords {
  const { device, address, counter, isAuthenticated } = wakeup;
  if (!isAuthenticated || !address) return {};
  const place = { ip: address.address.text, port: address.port };
  return { auth: { counter, mac: wakeupMac(ids.wakeupKeyOf(device), { ...place, counter }) } };
}

function outcomeOf({ result, isMaybeSent }: HandedOver): Record<string, unknown> {
  if (result) return { outcome: result.outcome, reason: result.reason };
  return { outcome: isMaybeSent ? 'answer-lost' : 'no-gateway' };
}
