// The books of waking: every wakeup that ended is counted once, under one outcome, and what its end says about the
// network is remembered.
import type { Clock } from '../../shared/clock.js';
import type { Log } from '../../shared/log.js';
import type { NetworkKey } from '../../shared/network.js';
import { traces } from '../../shared/traces.js';
import type { EndedWakeup, LateHello, Moved } from '../store/store.js';
import type { WakingResult } from './circuit.js';
import type { ReconnectTimes } from './reconnect-times.js';
import type { DarkReason, WakeupOutcome } from './states.js';

export interface Books {
  /** What an event made of a device's wakeup; nothing, where it changed nothing. */
  moved(moved: Partial<Moved> | undefined): void;
  ended(ended: EndedWakeup | undefined): void;
  /** A wakeup left its gateway. */
  triggered(network: NetworkKey): void;
  /** A gateway could not send a wakeup: the fault is not the device's. */
  failed(network: NetworkKey): void;
  /** A device proved its address: a datagram reached it. */
  proven(network: NetworkKey): void;
}

/** Where the numbers go. */
export interface WakeupCounts {
  outcome(network: NetworkKey, outcome: WakeupOutcome): void;
  darkened(network: NetworkKey, reason: DarkReason): void;
  /** From the wakeup to the hello that answers it. */
  reconnected(network: NetworkKey, ms: number): void;
  /** From the version to the hello that its wakeup brought about. */
  reached(network: NetworkKey, ms: number): void;
}

export function createBooks(parts: {
  counts: WakeupCounts;
  times: ReconnectTimes;
  /** A wakeup of this network that was sent then worked, or had no effect. */
  onResult: (network: NetworkKey, result: WakingResult) => void;
  clock: Clock;
  log: Log;
}): Books {
  const { counts, times, onResult, clock, log } = parts;
  const openedMs = clock.now();

  function succeeded({ network, attempts, sentMs, dueMs, sinceMs }: EndedWakeup): void {
    const nowMs = clock.now();
    if (sinceMs !== undefined) counts.reached(network, nowMs - sinceMs);
    // Of those from before the start nobody knows how much was our own absence.
    if (sentMs === undefined || sentMs < openedMs) return;
    const ms = nowMs - sentMs;
    counts.reconnected(network, ms);
    learn(network, attempts, { ms, windowMs: (dueMs ?? nowMs) - sentMs });
  }

  function learn(network: NetworkKey, attempts: number, took: { ms: number; windowMs: number }) {
    if (attempts === 1) times.note(network, took.ms);
    else times.noteRepeated(network, took);
  }

  /** The wakeup stays unconfirmed, but it reached the device: its network works, and is slower than was thought. */
  function late({ network, attempts, sentMs }: LateHello): void {
    const ms = clock.now() - sentMs;
    if (sentMs < openedMs || !times.isAnswer(ms)) return;
    onResult(network, { hasWorked: true, sentMs, isRepeated: attempts > 1, isLate: true });
    learn(network, attempts, { ms, windowMs: ms });
  }

  function ended(wakeup: EndedWakeup | undefined): void {
    if (!wakeup) return;
    const { network, outcome, attempts, sentMs = clock.now() } = wakeup;
    counts.outcome(network, outcome);
    if (outcome === 'success') succeeded(wakeup);
    const hasWorked = outcome === 'success';
    // A refusal says nothing of what happens to wakeups that leave.
    if (!hasWorked && outcome !== 'unconfirmed') return;
    onResult(network, { hasWorked, sentMs, isRepeated: attempts > 1 });
  }

  return {
    ended,
    triggered: (network) => counts.outcome(network, 'triggered'),
    proven: (network) => {
      onResult(network, { hasWorked: true, sentMs: clock.now(), isRepeated: false });
    },
    failed(network) {
      counts.outcome(network, 'failure');
      onResult(network, { hasWorked: false, sentMs: clock.now(), isRepeated: false });
    },
    moved(moved) {
      ended(moved?.ended);
      if (moved?.late) late(moved.late);
      const { device, address, state, darkReason: reason } = moved?.now ?? {};
      // No event leaves a device dark that was before.
      if (state !== 'dark' || !address || !reason) return;
      counts.darkened(address.network, reason);
      log(traces.deviceDark, { device, network: address.network, reason });
    },
  };
}
