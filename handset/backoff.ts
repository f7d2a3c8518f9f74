// How long to wait before the next attempt to connect: twice as long each time, up to a cap, with full jitter,
// so that a crowd of handsets that lost one server does not come back at the same instant.

export interface Backoff {
  /** The next wait in milliseconds: somewhere from 0 to base × 2^n, or to the cap. */
  next(): number;
  /** The conversation works: the next loss starts again from the base. */
  reset(): void;
}

export function createBackoff(options: {
  baseMs: number;
  capMs: number;
  /** From 0 to less than 1, as `Math.random`. */
  random: () => number;
}): Backoff {
  const { baseMs, capMs, random } = options;
  let ceilingMs = Math.min(baseMs, capMs);
  return {
    next() {
      const delayMs = Math.floor(random() * ceilingMs);
      ceilingMs = Math.min(ceilingMs * 2, capMs);
      return delayMs;
    },
    reset() {
      ceilingMs = Math.min(baseMs, capMs);
    },
  };
}
