// Time that only goes forward, for what counts how much of it has passed.
import type { Clock } from '../../shared/clock.js';

/** Milliseconds since the call. A clock that is set back stands still once and goes on from there. */
export function createSteadyTime(clock: Clock): () => number {
  let steadyMs = 0;
  let seenMs = clock.now();
  return () => {
    const nowMs = clock.now();
    steadyMs += Math.max(0, nowMs - seenMs);
    seenMs = nowMs;
    return steadyMs;
  };
}
