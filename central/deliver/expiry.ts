// The end of messages whose time is over, and of what is remembered of those that ended. Nothing waits for it: what is
// read leaves out what is over.
import type { Clock } from '../../shared/clock.js';
import { type Repetition, repeat } from '../../shared/lifecycle.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { Store } from '../store/store.js';

const lookMs = 1_000;
/** In one transaction: what else waits for the disk gets its turn in between. */
const messagesPerStep = 100;

/** Looks for messages that are over, from now until `close`. */
export function watchExpiry(parts: {
  store: Store;
  /** For how long it can be asked what became of a message that ended. */
  messageStatusMs: number;
  clock: Clock;
  log: Log;
  countExpired: (messages: number) => void;
}): Repetition {
  const { store, messageStatusMs, clock, log, countExpired } = parts;
  async function expire(): Promise<number> {
    const expired = await store.expireMessages(clock.now(), messagesPerStep);
    if (expired > 0) countExpired(expired);
    return expired;
  }

  const forget = () => store.forgetMessages(clock.now() - messageStatusMs, messagesPerStep);

  /** Takes one step after another until there is nothing left to do. */
  async function look(isClosed: () => boolean): Promise<void> {
    for (const step of [expire, forget]) {
      while (!isClosed() && (await step()) === messagesPerStep);
    }
  }

  return repeat(look, { pauseMs: lookMs, clock, log, trace: traces.storeFailed });
}
