// What a wakeup may say beside the address: a nonce, or a counter with its code, in one form each, so that nothing
// else of a caller's choosing gets into a datagram.
import {
  type DatagramWords,
  isDatagramCounter,
  isDatagramWord,
} from '../../shared/wakeup/datagram.js';
import type { WakeupClaim } from '../../shared/wakeup/request.js';

/** The words that a claim names, none where it names none; `undefined` for both at once and for anything else. */
export function wordsOf({
  nonce,
  auth,
}: Pick<WakeupClaim, 'nonce' | 'auth'>): DatagramWords | undefined {
  if (auth === undefined) {
    if (nonce === undefined) return {};
    return isDatagramWord(nonce) ? { nonce } : undefined;
  }
  if (nonce !== undefined || typeof auth !== 'object' || auth === null) return undefined;
  const { counter, mac } = auth as Record<string, unknown>;
  return isDatagramCounter(counter) && isDatagramWord(mac) ? { auth: { counter, mac } } : undefined;
}
