// How fast wakeups may leave, from the outside in: a central's allowance, the network's page budget, a prefix, a
// handset. All of them are asked before any is charged. There is no queue: who is over comes again later.
import type { Address } from '../../shared/address.js';
import type { Clock } from '../../shared/clock.js';
import type { NetworkKey } from '../../shared/network.js';
import { handsetOf, prefixOf } from '../../shared/places.js';
import type { Urgency } from '../../shared/wakeup/request.js';
import { createRecent, type Recent } from './recent.js';
import { createSteadyTime } from './steady-time.js';
import { type Bucket, levelOf, refillMs, waitMs } from './token-bucket.js';

/** The pace of one network, as its operator set it. */
export interface NetworkPace {
  key: NetworkKey;
  maxPerSecond: number;
  prefixMaxPerSecond: number;
  /** Shortest time between two wakeups of a handset; 0 is none. */
  handsetIntervalMs: number;
}

/** A wakeup that the policy lets through. */
export interface Paced {
  central: { id: string; maxPerSecond: number };
  network: NetworkPace;
  address: Address;
  port: number;
  urgency: Urgency;
}

/** Why a wakeup is put off, from the outside in; `busy` is a limit of this host. */
export const paceReasons = [
  'paced',
  'paced-network',
  'paced-prefix',
  'paced-handset',
  'busy',
] as const;
export type PaceReason = (typeof paceReasons)[number];

export type Pace =
  /** It may leave. `take` charges every budget, once it has. */
  | { take: () => void; deferred?: never }
  /** The outermost budget that is short, and when all of them are there again if nobody else takes from them. */
  | { take?: never; deferred: { reason: PaceReason; retryAfterMs: number } };

export interface Pacing {
  /** Charges nothing yet; until `take` is called no other wakeup may be asked for. */
  ask(wakeup: Paced): Pace;
  /** Handsets and prefixes remembered. */
  size(): number;
  /** Forgets the budgets of centrals and networks that are gone. */
  keepOnly(names: { centrals: ReadonlySet<string>; networks: ReadonlySet<string> }): void;
}

/** The part of a budget that is kept for what is more urgent. */
type Reserve = Record<Urgency, number>;
// Whoever says nothing of urgency asks for `normal` and gets the whole allowance of a central.
const centralReserve: Reserve = { 'very-low': 0.5, low: 0.5, normal: 0, high: 0 };
const networkReserve: Reserve = { 'very-low': 0.5, low: 0.5, normal: 0.2, high: 0 };

interface NetworkState {
  pace: NetworkPace;
  budget: Bucket | undefined;
  prefixes: Recent<Bucket>;
  /** When each handset was last woken. */
  handsets: Recent<number>;
}

export function createPacing(options: { clock: Clock; pacingEntriesMax: number }): Pacing {
  const { pacingEntriesMax } = options;
  const now = createSteadyTime(options.clock);
  // Bounded by the configuration: only what is configured gets this far.
  const centrals = new Map<string, Bucket>();
  const networks = new Map<NetworkKey, NetworkState>();

  // Never less than what is remembered; counted anew only when it may be too many.
  let rememberedAtMost = 0;

  function stateOf(pace: NetworkPace, nowMs: number): NetworkState {
    const state = networks.get(pace.key) ?? newState(pace);
    state.pace = pace;
    networks.set(pace.key, state);
    forget(state, nowMs);
    return state;
  }

  function size(nowMs: number): number {
    let count = 0;
    for (const state of networks.values()) {
      forget(state, nowMs);
      count += state.prefixes.size() + state.handsets.size();
    }
    return count;
  }

  /** Whether there is no room for a prefix and a handset. None that counts is ever forgotten for another. */
  function isFull(nowMs: number): boolean {
    if (rememberedAtMost + 2 > pacingEntriesMax) rememberedAtMost = size(nowMs);
    return rememberedAtMost + 2 > pacingEntriesMax;
  }

  return {
    ask({ central, network, address, port, urgency }) {
      const nowMs = now();
      const state = stateOf(network, nowMs);
      const prefix = prefixOf(address);
      const handset = handsetOf(address, port);
      const prefixBucket = prefix === undefined ? undefined : state.prefixes.get(prefix);
      const levels = {
        central: levelOf(centrals.get(central.id), central.maxPerSecond, nowMs),
        network: levelOf(state.budget, network.maxPerSecond, nowMs),
        prefix: levelOf(prefixBucket, network.prefixMaxPerSecond, nowMs),
      };
      const wokenMs = state.handsets.get(handset) ?? Number.NEGATIVE_INFINITY;
      const waits = {
        paced: budgetWait(levels.central, central.maxPerSecond, centralReserve[urgency]),
        'paced-network': budgetWait(levels.network, network.maxPerSecond, networkReserve[urgency]),
        'paced-prefix': budgetWait(
          levels.prefix,
          network.prefixMaxPerSecond,
          networkReserve[urgency],
        ),
        'paced-handset': Math.max(0, wokenMs + network.handsetIntervalMs - nowMs),
        busy: isFull(nowMs) ? refillMs : 0,
      };
      const reason = paceReasons.find((name) => waits[name] > 0);
      if (reason) return { deferred: { reason, retryAfterMs: Math.max(...Object.values(waits)) } };
      return {
        take() {
          centrals.set(central.id, { tokens: levels.central - 1, atMs: nowMs });
          state.budget = { tokens: levels.network - 1, atMs: nowMs };
          rememberedAtMost += 2;
          if (prefix !== undefined) {
            state.prefixes.put(prefix, { tokens: levels.prefix - 1, atMs: nowMs }, nowMs);
          }
          if (network.handsetIntervalMs > 0) state.handsets.put(handset, nowMs, nowMs);
        },
      };
    },
    size: () => size(now()),
    keepOnly(names) {
      for (const id of centrals.keys()) if (!names.centrals.has(id)) centrals.delete(id);
      for (const key of networks.keys()) if (!names.networks.has(key)) networks.delete(key);
    },
  };
}

function budgetWait(level: number, maxPerSecond: number, reserve: number): number {
  return waitMs(level, maxPerSecond, Math.floor(maxPerSecond * reserve));
}

function newState(pace: NetworkPace): NetworkState {
  return { pace, budget: undefined, prefixes: createRecent(), handsets: createRecent() };
}

/** Drops what no longer counts. */
function forget({ pace, prefixes, handsets }: NetworkState, nowMs: number): void {
  prefixes.age(nowMs, refillMs);
  handsets.age(nowMs, pace.handsetIntervalMs);
}
