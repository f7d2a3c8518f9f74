// What puts a wakeup on the operator's wire. A sender knows nothing of requests or policy: it sends what it is given.
import type { Address } from '../../shared/address.js';

export interface Destination {
  address: Address;
  port: number;
}

/** What became of a wakeup, as far as this host can tell. `code` is the system's, such as EHOSTUNREACH. */
export type SendResult =
  | { result: 'sent' }
  | { result: 'timeout' }
  | { result: 'failed'; code: string };

/**
 * What was heard after a wakeup had left. `silent`: nothing against it; over UDP for as long as the sender listened,
 * over TCP a connection was made. `refused`: nobody listens on the port. `unknown`: nobody heard.
 */
export type Sign = 'silent' | 'refused' | 'unknown';

export interface Attempt {
  /** What a caller may learn, as soon as it may: nothing about whether the handset's port is open. */
  left: Promise<SendResult>;
  /** What became of it in the end: for the operator's own eyes. */
  done: Promise<SendResult>;
  /** Much later than the others. Not for a caller either, but by the rule of policy/signs.ts. */
  sign: Promise<Sign>;
}

export interface Sender {
  /** Begins one wakeup. `busy`: as many as may be are under way, and nothing was begun. Never throws. */
  begin(destination: Destination, payload: Uint8Array): Attempt | 'busy';
  /** Wakeups under way. */
  underWay(): number;
  /** Waits for what is under way, at most `deadlineMs`, then cuts it. Nothing is begun afterwards. */
  close(deadlineMs: number): Promise<void>;
}

/** The code of a system error; the set is closed, for it becomes a metric's label. */
export function sendErrorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return knownCodes.find((known) => known === code) ?? 'other';
}

const knownCodes = [
  'EACCES',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EAGAIN',
  'ECANCELED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'EINVAL',
  'EMFILE',
  'EMSGSIZE',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOBUFS',
  'EPERM',
  'EPIPE',
  'ETIMEDOUT',
];
