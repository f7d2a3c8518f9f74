// Keeps an open socket honest: after a long silence of the server, or when there is reason to doubt, it asks for a sign
// of life, and gives up without one.
import type { Cancel, Clock } from '../shared/clock.js';

export interface KeepAlive {
  /** A frame came, whatever it says: the silence starts anew. */
  heard(): void;
  /** Does not wait for the silence. One question at a time: while one is open, nothing is asked. */
  askNow(): void;
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
  let isAsked = false;

  function waitForSilence(): void {
    cancel();
    isAsked = false;
    cancel = clock.after(intervalMs, askNow);
  }

  function askNow(): void {
    if (isAsked) return;
    cancel();
    // Armed before the question goes out, so that an instant answer finds it.
    isAsked = true;
    cancel = clock.after(answerMs, giveUp);
    ask();
  }

  waitForSilence();
  return { heard: waitForSilence, askNow, stop: () => cancel() };
}
