// Keeps an open socket honest: after a long silence of the server it asks for a sign of life, and gives up without one.
import type { Cancel, Clock } from '../shared/clock.js';

export interface KeepAlive {
  /** A frame came, whatever it says: the silence starts anew. */
  heard(): void;
  stop(): void;
}

export function startKeepAlive(options: {
  clock: Clock;
  intervalMs: number;
  answerMs: number;
  ask: () => void;
  giveUp: () => void;
}): KeepAlive {
  const { clock, intervalMs, answerMs, ask, giveUp } = options;
  let cancel: Cancel = () => {};

  function waitForSilence(): void {
    cancel();
    cancel = clock.after(intervalMs, () => {
      // Armed before the question goes out, so that an instant answer finds it.
      cancel = clock.after(answerMs, giveUp);
      ask();
    });
  }

  waitForSilence();
  return { heard: waitForSilence, stop: () => cancel() };
}
