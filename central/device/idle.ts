// When a socket has to be looked at next, and for what. Pure: the session acts.
import type { Unacked } from '../deliver/flush.js';

export interface SocketTimes {
  openedAtMs: number;
  /** The last message either way. */
  lastMessageMs: number;
  hasSaidHello: boolean;
  /** Answered 201: it may be closed, for it can be woken. */
  isPromised: boolean;
  unacked: Unacked | undefined;
}

export interface SocketLimits {
  helloTimeoutMs: number;
  idleCloseMs: number;
  resendMs: number;
}

export interface Deadline {
  atMs: number;
  due: 'hello-late' | 'resend' | 'asleep';
}

/** `undefined` for a socket that may stay as it is for ever: a plain connection with nothing unacked. */
export function deadlineOf(times: SocketTimes, limits: SocketLimits): Deadline | undefined {
  if (!times.hasSaidHello) {
    return { atMs: times.openedAtMs + limits.helloTimeoutMs, due: 'hello-late' };
  }
  // Never closed as idle while an update waits for its ack.
  if (times.unacked && times.unacked.size > 0) {
    return { atMs: oldestSentMs(times.unacked) + limits.resendMs, due: 'resend' };
  }
  if (times.isPromised) return { atMs: times.lastMessageMs + limits.idleCloseMs, due: 'asleep' };
  return undefined;
}

function oldestSentMs(unacked: Unacked): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const { sentAtMs } of unacked.values()) oldest = Math.min(oldest, sentAtMs);
  return oldest;
}
