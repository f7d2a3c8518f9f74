// One timer for all sockets. A session stands in at most one slot, and being woken too early only makes it say again
// when it wants to be: so activity on a socket costs nothing here.
import type { Cancel, Clock } from '../../shared/clock.js';

export interface Sleeper {
  /** The time it last asked for; milliseconds since the epoch. */
  wakeAtMs: number | undefined;
  onWake(): void;
}

export interface Deadlines {
  /** Wakes the sleeper at or soon after `atMs`, unless it already waits for an earlier time. */
  wakeBy(sleeper: Sleeper, atMs: number): void;
  /** Wakes it no more. Its time may be an hour away, and it is not to be kept until then. */
  forget(sleeper: Sleeper): void;
  close(): void;
}

/** How late a deadline may be noticed. */
const slotMs = 100;

export function createDeadlines(clock: Clock): Deadlines {
  const slots = new Map<number, Set<Sleeper>>();
  let next: { slot: number; cancel: Cancel } | undefined;

  function plan(slot: number): void {
    if (next && next.slot <= slot) return;
    next?.cancel();
    const cancel = clock.after(Math.max(slot * slotMs - clock.now(), 0), () => fire(slot));
    next = { slot, cancel };
  }

  function forget(sleeper: Sleeper): void {
    if (sleeper.wakeAtMs === undefined) return;
    const slot = slotOf(sleeper.wakeAtMs);
    sleeper.wakeAtMs = undefined;
    const sleepers = slots.get(slot);
    sleepers?.delete(sleeper);
    if (sleepers?.size === 0) slots.delete(slot);
  }

  function fire(slot: number): void {
    next = undefined;
    const sleepers = slots.get(slot) ?? [];
    slots.delete(slot);
    for (const sleeper of sleepers) {
      // One before it may have ended it, or made it ask for another time.
      if (sleeper.wakeAtMs === undefined || slotOf(sleeper.wakeAtMs) !== slot) continue;
      sleeper.wakeAtMs = undefined;
      sleeper.onWake();
    }
    let following = Number.POSITIVE_INFINITY;
    for (const other of slots.keys()) following = Math.min(following, other);
    if (following !== Number.POSITIVE_INFINITY) plan(following);
  }

  return {
    wakeBy(sleeper, atMs) {
      if (sleeper.wakeAtMs !== undefined && sleeper.wakeAtMs <= atMs) return;
      forget(sleeper);
      sleeper.wakeAtMs = atMs;
      const slot = slotOf(atMs);
      const sleepers = slots.get(slot);
      if (sleepers) sleepers.add(sleeper);
      else slots.set(slot, new Set([sleeper]));
      plan(slot);
    },
    forget,
    close: () => next?.cancel(),
  };
}

function slotOf(atMs: number): number {
  return Math.ceil(atMs / slotMs);
}
