// Every problem the wakeup API answers a request with, by type (RFC 9457; docs/wakeup-api.md has the same table).
import { type Answer, problem } from '../../shared/http.js';
import type { TrustProblem } from '../trust/authenticate.js';

export type ProblemType =
  | TrustProblem
  | 'malformed-request'
  | 'not-found'
  | 'method-not-allowed'
  | 'body-too-large'
  | 'unsupported-media-type'
  | 'internal'
  | 'draining';

interface Row {
  status: number;
  title: string;
  detail?: string;
  headers?: Record<string, string>;
  /** Tells the time of the gateway, for a caller whose clock may be wrong. */
  tellsTime?: true;
}

const retrySoon = { 'retry-after': '5' };

const table: Record<ProblemType, Row> = {
  'malformed-request': { status: 400, title: 'The request is not of the documented form' },
  'signature-missing': {
    status: 401,
    title: 'No signature with the tag of this API',
    detail: 'sign the request as docs/wakeup-api.md says',
  },
  'signature-malformed': {
    status: 401,
    title: 'The signature fields cannot be read',
    detail: 'write Signature-Input and Signature as RFC 9421 says, with the same labels in both',
  },
  'key-unknown': {
    status: 401,
    title: 'The keyid is not known here',
    detail: 'give the public key to the operator of this gateway',
  },
  'algorithm-not-allowed': {
    status: 401,
    title: 'The algorithm is not the one of the key',
    detail: 'sign with Ed25519',
  },
  'signature-incomplete': {
    status: 401,
    title: 'The signature does not cover or say what it must',
    detail: 'cover every required component and give created, expires, nonce, keyid and tag',
  },
  'signature-stale': {
    status: 401,
    title: 'The signature is not of now',
    detail: 'compare your clock with serverTime',
    tellsTime: true,
  },
  'signature-before-start': {
    status: 401,
    title: 'The signature was made before this gateway started',
    detail: 'sign again in a few seconds',
    headers: retrySoon,
    tellsTime: true,
  },
  'authority-unknown': {
    status: 401,
    title: 'The request is addressed to another name',
    detail: 'use a name that the operator configured under authorities',
  },
  'nonce-replayed': {
    status: 401,
    title: 'The nonce was used before',
    detail: 'sign every request anew, also a repeated one',
  },
  'signature-invalid': { status: 401, title: 'The signature does not verify' },
  'digest-mismatch': {
    status: 401,
    title: 'The body is not the one that was signed',
    detail: 'send a Content-Digest of the raw body with sha-256 or sha-512',
  },
  'not-found': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'The method is not for this path' },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    detail: 'send at most 256 KiB; put the rest into another request',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is of another type',
    detail: 'send application/json',
  },
  internal: { status: 500, title: 'The gateway failed', detail: 'the log of the gateway says why' },
  'replay-guard-full': {
    status: 503,
    title: 'The gateway can remember no more nonces',
    headers: retrySoon,
  },
  draining: { status: 503, title: 'The gateway is stopping', headers: retrySoon },
};

/** Every type there is. */
export const problemTypes = Object.keys(table) as ProblemType[];

/** The answer for a problem. `detail` tells the place of a mistake, never a value of the request. */
export function problemAnswer(
  type: ProblemType,
  nowMs: number,
  extra: { detail?: string; headers?: Record<string, string> } = {},
): Answer {
  const { tellsTime, headers, ...row } = table[type];
  return problem({
    ...row,
    type,
    ...(extra.detail !== undefined && { detail: extra.detail }),
    headers: { ...headers, ...extra.headers },
    ...(tellsTime && { extra: { serverTime: Math.floor(nowMs / 1000) } }),
  });
}
