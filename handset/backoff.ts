// How long to wait before the next attempt to connect: twice as long each time, up to a cap, with full jitter,
// so that a crowd of handsets that lost one server does not come back at the same instant.

/** What one wait is to be besides. */
export interface Pause {
  /** Comes before the random part. */
  atLeastMs?: number;
  /** The random part may be this long even where the back-off is shorter still. */
  spreadMs?: number;
}

export interface Backoff {
  /** The next wait in milliseconds: somewhere from 0 to base × 2^n, or to the cap. */
  next(pause?: Pause): number;
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
    next({ atLeastMs = 0, spreadMs = 0 } = {}) {
      const delayMs = atLeastMs + Math.floor(random() * Math.max(ceilingMs, spreadMs));
      ceilingMs = Math.min(ceilingMs * 2, capMs);
      return delayMs;
    },
    reset() {
      ceilingMs = Math.min(baseMs, capMs);
    },
  };
}
