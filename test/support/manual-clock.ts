// A clock that stands still until a test moves it.
import type { Clock } from '../../shared/clock.js';

export interface ManualClock extends Clock {
  /** Moves time on and runs what falls due, in order of its time. */
  advance(ms: number): void;
  /** How long until the next falls due; `undefined` when nothing is planned. */
  untilNextMs(): number | undefined;
}

export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  let planned: { atMs: number; fn: () => void }[] = [];
  return {
    now: () => nowMs,
    untilNextMs() {
      let firstMs: number | undefined;
      for (const { atMs } of planned) if (firstMs === undefined || atMs < firstMs) firstMs = atMs;
      return firstMs === undefined ? undefined : Math.max(0, firstMs - nowMs);
    },
    after(ms, fn) {
      const entry = { atMs: nowMs + ms, fn };
      planned.push(entry);
      return () => {
        planned = planned.filter((other) => other !== entry);
      };
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const next = planned.filter((e) => e.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
        if (!next) break;
        planned = planned.filter((e) => e !== next);
        nowMs = Math.max(nowMs, next.atMs);
        next.fn();
      }
      nowMs = endMs;
    },
  };
}
