// How many hellos a second are taken. After a restart or an outage all devices come back at once; those who are over
// are told when to come again, each in its own place of the line, so that they do not all come at once again.
import type { Clock } from '../../shared/clock.js';

export interface Admission {
  /** Takes one hello, or tells how long its device is to wait before it connects again. */
  admit(): { retryAfterSeconds: number } | undefined;
}

/** The longest wait that is told: what is further away nobody can foresee. */
const waitSecondsMax = 120;

/** A budget of `ratePerSecond`, of which one second's worth may be taken at once. */
export function createAdmission(options: {
  ratePerSecond: number;
  clock: Clock;
  /** From 0 up to 1. */
  random: () => number;
  countDeferred: () => void;
}): Admission {
  const { ratePerSecond, clock, random, countDeferred } = options;
  const perMs = ratePerSecond / 1000;
  let tokens = ratePerSecond;
  let filledAtMs = clock.now();
  /** Up to when the hellos that were put off have been given the budget. */
  let givenUntilMs = 0;

  function isThereRoom(nowMs: number): boolean {
    // A clock that was set back fills nothing.
    const filled = Math.max(nowMs - filledAtMs, 0) * perMs;
    filledAtMs = nowMs;
    tokens = Math.min(ratePerSecond, tokens + filled);
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }

  /** The next place of the line; where it is too long, some time in the second half of the longest wait. */
  function nextWaitSeconds(nowMs: number): number {
    const placeMs = Math.max(givenUntilMs, nowMs) + 1 / perMs;
    const waitSeconds = (placeMs - nowMs) / 1000;
    if (waitSeconds > waitSecondsMax - 1) return waitSecondsMax * (0.5 + random() / 2);
    givenUntilMs = placeMs;
    // Told are whole seconds; who shares one is mixed with its neighbours.
    return waitSeconds + random();
  }

  return {
    admit() {
      const nowMs = clock.now();
      if (isThereRoom(nowMs)) return undefined;
      countDeferred();
      return { retryAfterSeconds: Math.ceil(nextWaitSeconds(nowMs)) };
    },
  };
}
