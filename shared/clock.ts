// Time as an argument: the programs run on the system's clock, tests on one they move by hand.

/** Stops what `after` planned. Calling it late or twice does nothing. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since the Unix epoch, as `Date.now()`. */
  now(): number;
  /** Calls `fn` once, `ms` milliseconds from now at the earliest. Never keeps the process alive. */
  after(ms: number, fn: () => void): Cancel;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
