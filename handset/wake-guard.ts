// Whether a wakeup comes from our own server: judged by the key and the counter of its last answer to hello, if that
// brought any. It knows the words of a wakeup and nothing of sockets.
import { isWakeupMac } from '../shared/wakeup/datagram.js';
import type { WakePayload } from './wake-payload.js';

/** What the answer to hello brings for a handset that asked for signed wakeups. */
export interface WakeupAuth {
  key: Buffer;
  /** Counters up to this one are used up. */
  counter: number;
}

export interface WakeGuard {
  /** The answer to hello. Without a key, from an older server, plain wakeups wake and signed ones do not. */
  agree(auth: WakeupAuth | undefined): void;
  /** The counter moves only on a right code, so that forgers cannot move it. */
  judge(payload: Exclude<WakePayload, { kind: 'proof' }>): Verdict;
}

type Verdict = 'wakeup' | 'unsigned' | 'forged' | 'repeated' | 'not-agreed';

export function createWakeGuard(): WakeGuard {
  // Kept where an answer brings none: what was heard under a key must not work again when the key comes back.
  let last: WakeupAuth = { key: Buffer.alloc(0), counter: 0 };
  let isAgreed = false;
  return {
    agree(auth) {
      isAgreed = auth !== undefined;
      if (!auth) return;
      const isSameKey = auth.key.equals(last.key);
      last = { ...auth, counter: isSameKey ? Math.max(auth.counter, last.counter) : auth.counter };
    },
    judge(payload) {
      if (payload.kind === 'plain') return isAgreed ? 'unsigned' : 'wakeup';
      if (!isAgreed) return 'not-agreed';
      const { words, counter, mac } = payload;
      if (!isWakeupMac(last.key, words, mac)) return 'forged';
      if (counter <= last.counter) return 'repeated';
      last = { key: last.key, counter };
      return 'wakeup';
    },
  };
}
