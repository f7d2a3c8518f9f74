// The end of a server with many devices: they are sent away over a while, for each comes back at once and somewhere.
import type { Cancel, Clock } from '../../shared/clock.js';

export interface DrainTimes {
  /** Over which the sockets are closed. */
  spreadMs: number;
  /** After which a socket whose device does not end TCP is cut, counted from the start. */
  cutAfterMs: number;
}

/** What is cut must have ended before `drainMs` is over, and who is closed last has time to end TCP by itself. */
export function drainTimes(config: { drainMs: number; drainSpreadMs: number }): DrainTimes {
  const { drainMs, drainSpreadMs } = config;
  return { spreadMs: Math.min(drainSpreadMs, drainMs * 0.6), cutAfterMs: drainMs * 0.8 };
}

const stepMs = 20;

/** Does something with each, in their order and evenly over `spreadMs`; the first at once. */
export function spreadOut<T>(
  things: Iterable<T>,
  { spreadMs, clock, act }: { spreadMs: number; clock: Clock; act: (thing: T) => void },
): Cancel {
  const all = [...things];
  const startedAtMs = clock.now();
  let done = 0;
  let cancel: Cancel = () => {};

  function step(): void {
    const part = spreadMs > 0 ? (clock.now() - startedAtMs) / spreadMs : 1;
    const due = Math.min(Math.floor(part * all.length) + 1, all.length);
    for (const thing of all.slice(done, due)) act(thing);
    done = Math.max(done, due);
    if (done < all.length) cancel = clock.after(stepMs, step);
  }

  step();
  return () => cancel();
}
