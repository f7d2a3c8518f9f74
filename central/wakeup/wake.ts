// Waking sleeping devices: whose turn it is, network by network. What is owed stands in the store; here are only
// those whose turn is near.
import type { Clock } from '../../shared/clock.js';
import { detach } from '../../shared/lifecycle.js';
import type { Log } from '../../shared/log.js';
import type { NetworkKey } from '../../shared/network.js';
import { traces } from '../../shared/traces.js';
import type { WakeupResult } from '../../shared/wakeup/request.js';
import type { Presence } from '../presence/presence.js';
import type { Ids } from '../protocol/ids.js';
import type { WakeupAddress } from '../protocol/messages.js';
import type { DeviceWakeup, Store, WakeupLane } from '../store/store.js';
import { createAttempt, wordsOf } from './attempt.js';
import type { Books } from './books.js';
import { type Circuit, type CircuitLimits, createCircuit, type WakingResult } from './circuit.js';
import { type Compartment, type CompartmentLimits, createCompartment } from './compartment.js';
import type { HandOver } from './hand-over.js';
import type { Networks } from './networks.js';
import type { ReconnectTimes } from './reconnect-times.js';
import { createSigns } from './signs.js';

export interface WakeLimits extends CompartmentLimits, CircuitLimits {
  /** How long an address is believed after the device said it. */
  wakeupLeaseMs: number;
  wakeupAttemptsMax: number;
  wakeupRetryFloorMs: number;
  signPollMs: number;
}

export interface Wake {
  /** Starts a wakeup that is owed, when its turn comes. It may be here already. Returns at once. */
  start(owed: DeviceWakeup): void;
  /** Sends one wakeup now, outside of any other, and tells how it went. */
  once(wakeup: DeviceWakeup): Promise<Pick<WakeupResult, 'outcome' | 'reason'>>;
  /** Whether a device may be put to sleep at this address: its network takes wakeups, and they work. */
  isWakeable(address: WakeupAddress): boolean;
  /** A wakeup or a proof of this network that was sent then had its effect, or had none. */
  noteResult(network: NetworkKey, result: WakingResult): void;
  /** What waits and works, by network. */
  report(): WakingReport[];
  /** Looks for due wakeups from now on. */
  run(): void;
  close(): void;
  /** Resolves when the store has what gateways said of the wakeups under way. */
  ended(): Promise<void>;
}

export interface WakingReport {
  network: NetworkKey;
  /** `gateways`: none of them is well. `silence`: wakeups leave and hardly any device comes back. */
  circuit: CircuitState;
  waiting: number;
  underWay: number;
  /** 0 to 1, of the last wakeups. */
  successRatio: number | undefined;
  lastSuccessMs: number | undefined;
  p95Ms: number | undefined;
}

export const circuitStates = ['closed', 'gateways', 'silence'] as const;
export type CircuitState = (typeof circuitStates)[number];

/** One network's waking. */
interface Waking {
  compartment: Compartment;
  circuit: Circuit;
  /** More of them are due in the store than were read, so that a new one waits for its turn there. */
  isBehind: Record<WakeupLane, boolean>;
  lastSuccessMs: number | undefined;
  /** Windows that were over before devices could say hello to this central last longer. */
  areWindowsKept: boolean;
  isLookedAt: boolean;
}

const scanMs = 1_000;
/** Due wakeups that are read at a time, at least; more where more can leave until the next look but one. */
const duePerScanMin = 500;
/** Windows that are extended in one transaction: what else waits for the disk gets its turn in between. */
const windowsPerStep = 500;
/** Wakeups a second of a network whose circuit is open for silence. */
const trialsPerSecond = 1;

export function createWake(parts: {
  store: Store;
  presence: Presence;
  ids: Ids;
  networks: () => Networks;
  /** Whether the gateways have been asked; before, nobody knows what can be woken. */
  isAsked: () => boolean;
  handOver: HandOver;
  times: ReconnectTimes;
  books: Books;
  limits: WakeLimits;
  clock: Clock;
  log: Log;
  countQueueFull: (network: NetworkKey) => void;
  countUnheard: () => void;
}): Wake {
  const { store, presence, ids, networks, handOver, times, limits, clock, log } = parts;
  const wakings = new Map<NetworkKey, Waking>();
  const underWay = new Set<Promise<void>>();
  const signs = createSigns({
    ...{ clock, pollMs: limits.signPollMs, countUnheard: parts.countUnheard },
    onSign: (wakeup) => detach(attempts.unreachable(wakeup), log, traces.storeFailed),
  });
  const attempts = createAttempt({ ...parts, signs });
  let isClosed = false;

  function circuitOf(network: NetworkKey): CircuitState {
    if (!networks().isOnline(network)) return 'gateways';
    return wakings.get(network)?.circuit.isOpen() ? 'silence' : 'closed';
  }

  function paceOf(network: NetworkKey): number {
    const circuit = circuitOf(network);
    if (circuit === 'gateways' || isClosed) return 0;
    return circuit === 'silence' ? trialsPerSecond : networks().paceOf(network);
  }

  function send(wakeup: DeviceWakeup): Promise<void> {
    const sent = attempts
      .attempt(wakeup)
      .catch((error: unknown) => detach(Promise.reject(error), log, traces.storeFailed))
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
    return sent;
  }

  function wakingOf(network: NetworkKey): Waking {
    const known = wakings.get(network);
    if (known) return known;
    const compartment = createCompartment({
      ...{ clock, limits, pace: () => paceOf(network) },
      send,
    });
    const circuit = createCircuit({ clock, limits });
    const isBehind = { prompt: false, bulk: false };
    const made = {
      ...{ compartment, circuit, isBehind },
      ...{ lastSuccessMs: undefined, areWindowsKept: false, isLookedAt: false },
    };
    wakings.set(network, made);
    return made;
  }

  function offer(network: NetworkKey, owed: DeviceWakeup): void {
    const offered = wakingOf(network).compartment.offer(owed);
    if (offered === 'full') parts.countQueueFull(network);
  }

  function duePerScan(network: NetworkKey): number {
    const perTwoLooks = (2 * networks().paceOf(network) * scanMs) / 1000;
    return Math.max(duePerScanMin, Math.min(perTwoLooks, limits.wakeupQueueMax));
  }

  /** Once: before, central was down, and nobody could say hello. */
  async function keepWindows(network: NetworkKey, waking: Waking): Promise<void> {
    if (waking.areWindowsKept) return;
    const untilMs = clock.now() + limits.wakeupRetryFloorMs;
    const query = { network, untilMs, limit: windowsPerStep };
    while (!isClosed && (await store.extendWindows(query)) === windowsPerStep);
    waking.areWindowsKept = true;
  }

  /** Ends the windows that are over. Those whose gateway has yet to answer wait for it. */
  async function endWindows(network: NetworkKey, { compartment }: Waking): Promise<void> {
    const limit = duePerScan(network) + compartment.underWay();
    const query = { network, phase: 'sent' as const, nowMs: clock.now(), limit };
    const over = await store.dueWakeups(query);
    await Promise.all(over.filter(({ device }) => !compartment.has(device)).map(attempts.pass));
  }

  /** Takes what is due from the store, the oldest first, as long as there is room. */
  async function takeDue(network: NetworkKey, waking: Waking): Promise<void> {
    const { compartment } = waking;
    const wanted = duePerScan(network);
    if (paceOf(network) === 0 || compartment.waiting('prompt') >= wanted) return;
    // The prompt ones come first: however many wait in bulk, none of them is overlooked.
    const isBulkWanted = compartment.waiting('bulk') < wanted;
    // Those that wait here already are among them: fewer are new than what can leave until the next look but one.
    const query = { network, phase: 'owed' as const, nowMs: clock.now(), limit: wanted };
    const due = await store.dueWakeups(query);
    const isCut = due.length === wanted;
    waking.isBehind = { prompt: isCut && due.at(-1)?.lane === 'prompt', bulk: isCut };
    const held: DeviceWakeup[] = [];
    for (const owed of due) {
      if (compartment.has(owed.device) || (owed.lane === 'bulk' && !isBulkWanted)) continue;
      if (presence.signal(owed.device)) held.push(owed);
      else offer(network, owed);
    }
    compartment.pump();
    // Until the store has it they are due, and would be found again.
    await Promise.all(held.map((owed) => attempts.hold(owed, network)));
  }

  async function look(network: NetworkKey): Promise<void> {
    const waking = wakingOf(network);
    if (waking.isLookedAt) return;
    waking.isLookedAt = true;
    try {
      // Its pace may have been 0 until now, and nothing else goes on with what waited then.
      waking.compartment.pump();
      await keepWindows(network, waking);
      await endWindows(network, waking);
      await takeDue(network, waking);
    } finally {
      waking.isLookedAt = false;
    }
  }

  /** Looks at each network, but at one whose last look goes on: a storm there delays no look at the others. */
  async function scan(): Promise<void> {
    if (!parts.isAsked()) return;
    const configured = new Set(networks().keys());
    for (const [network, { compartment }] of wakings) {
      if (configured.has(network)) continue;
      compartment.close();
      wakings.delete(network);
    }
    await Promise.all([...configured].map(look));
  }

  function run(): void {
    if (isClosed) return;
    detach(scan(), log, traces.storeFailed);
    clock.after(scanMs, run);
  }

  return {
    run,
    isWakeable: (address) =>
      networks().isWakeable(address) && circuitOf(address.network) === 'closed',
    start(owed) {
      const { address, notBeforeMs = 0 } = owed;
      // What has to wait is found in the store when it is due.
      if (notBeforeMs > clock.now()) return;
      if (isClosed || !address || circuitOf(address.network) !== 'closed') return;
      const { network } = address;
      const { isBehind, compartment } = wakingOf(network);
      // One that is here already may have become prompt.
      if (!isBehind[owed.lane] || compartment.has(owed.device)) offer(network, owed);
    },
    async once(wakeup) {
      const { address } = wakeup;
      const canSend = address !== undefined && !isClosed;
      const handed = canSend ? await handOver(address, wordsOf(wakeup, ids)) : undefined;
      return handed?.result ?? { outcome: 'failed', reason: 'no-gateway' };
    },
    noteResult(network, result) {
      const waking = wakingOf(network);
      waking.circuit.note(result);
      if (result.hasWorked) waking.lastSuccessMs = clock.now();
    },
    report: () =>
      networks()
        .keys()
        .map((network) => {
          const { compartment, circuit, lastSuccessMs } = wakingOf(network);
          return {
            ...{ network, circuit: circuitOf(network), lastSuccessMs },
            ...{ waiting: compartment.waiting(), underWay: compartment.underWay() },
            ...{ successRatio: circuit.successRatio(), p95Ms: times.p95Ms(network) },
          };
        }),
    close() {
      isClosed = true;
      signs.close();
      for (const { compartment } of wakings.values()) compartment.close();
    },
    async ended() {
      await Promise.all(underWay);
    },
  };
}
