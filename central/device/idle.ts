// When a socket has to be looked at next, and for what. Pure: the session acts.
import { oldestSentMs, type Unacked } from '../deliver/flush.js';
import type { AddressProof } from './whereabouts.js';

export interface SocketTimes {
  openedAtMs: number;
  /** The last message either way. */
  lastMessageMs: number;
  hasSaidHello: boolean;
  /** Its address is believed: it may be closed, for it can be woken. */
  isBelieved: boolean;
  /** Whether it is where it says is to be asked. */
  proof: AddressProof | undefined;
  unacked: Unacked | undefined;
  /** Unacked updates were just sent again; not before this time once more. */
  resendNotBeforeMs: number;
  /** What is pending could not be read, or not all be sent; when to try again. */
  flushAgainAtMs: number | undefined;
}

export interface SocketLimits {
  helloTimeoutMs: number;
  idleCloseMs: number;
  resendMs: number;
}

export interface Deadline {
  atMs: number;
  due: 'hello-late' | 'flush' | 'resend' | 'prove' | 'asleep';
}

/** `undefined` for a socket that may stay as it is for ever: a plain connection with nothing unacked. */
export function deadlineOf(times: SocketTimes, limits: SocketLimits): Deadline | undefined {
  if (!times.hasSaidHello) {
    return { atMs: times.openedAtMs + limits.helloTimeoutMs, due: 'hello-late' };
  }
  const next = deadlineOfTalk(times, limits);
  const atMs = proofAtMs(times, limits);
  return atMs !== undefined && !(next && next.atMs <= atMs) ? { atMs, due: 'prove' } : next;
}

function deadlineOfTalk(times: SocketTimes, limits: SocketLimits): Deadline | undefined {
  const { flushAgainAtMs = Number.POSITIVE_INFINITY } = times;
  const sentAtMs = oldestSentMs(times.unacked) ?? Number.POSITIVE_INFINITY;
  const resendAtMs = Math.max(sentAtMs + limits.resendMs, times.resendNotBeforeMs);
  // Never closed as idle while something is to be sent, or waits for its ack.
  if (flushAgainAtMs < resendAtMs) return { atMs: flushAgainAtMs, due: 'flush' };
  if (resendAtMs < Number.POSITIVE_INFINITY) return { atMs: resendAtMs, due: 'resend' };
  if (times.isBelieved) return { atMs: times.lastMessageMs + limits.idleCloseMs, due: 'asleep' };
  return undefined;
}

/** A wakeup that a socket is to be stirred by waits until the socket is quiet; a nonce need not. */
function proofAtMs(
  { proof, lastMessageMs }: SocketTimes,
  { idleCloseMs }: SocketLimits,
): number | undefined {
  if (proof?.askAtMs === undefined || proof.words === 'nonce') return proof?.askAtMs;
  return Math.max(proof.askAtMs, lastMessageMs + idleCloseMs);
}
