// Every problem that app servers are answered with, by type (RFC 9457; docs/notify-api.md has the same table).
import { type Answer, type Problem, problem } from '../../shared/http.js';
import { versionMax } from '../protocol/messages.js';

// A 401 has no challenge here: RFC 8292 section 3 forbids one for its scheme.
const table = {
  // Simple Push API: unknown channels, bad bodies and bad versions are all a 404.
  'channel-not-found': {
    status: 404,
    title: 'Channel not found',
    detail: 'No device has this endpoint; ask the app to register again.',
  },
  'bad-body': {
    status: 404,
    title: 'Bad body received',
    detail:
      'Send a form: version=<number>, or body=<text>[&ttl=<seconds>] where the device takes texts.',
  },
  'bad-version': {
    status: 404,
    title: 'Bad version received',
    detail: `A version is a whole number from 0 to ${versionMax}.`,
  },
  'takes-no-messages': {
    status: 404,
    title: 'No Web Push subscription',
    detail: 'The device of this channel takes versions and texts: PUT to /v1/notify/<token>.',
  },
  'channel-gone': {
    status: 410,
    title: 'The subscription is gone',
    detail: 'Forget this endpoint; ask the app to subscribe again.',
  },
  'message-not-found': {
    status: 404,
    title: 'Message not found',
    detail: 'There is no such message, or it ended long ago.',
  },
  'receipts-not-found': {
    status: 404,
    title: 'Receipt subscription not found',
    detail: 'Use the URL of the Link header as it was given.',
  },
  'bad-ttl': {
    status: 400,
    title: 'Bad TTL',
    detail: 'Send a header TTL with a whole number of seconds, such as TTL: 60.',
  },
  'bad-urgency': {
    status: 400,
    title: 'Bad Urgency',
    detail: 'Urgency is one of very-low, low, normal and high.',
  },
  'bad-topic': {
    status: 400,
    title: 'Bad Topic',
    detail: 'A Topic is 1 to 32 characters of the base64url alphabet.',
  },
  'bad-receipt': {
    status: 400,
    title: 'Bad receipt subscription',
    detail: 'Send a Link as this server gave it, or its URL as Push-Receipt.',
  },
  'bad-encoding': {
    status: 400,
    title: 'Bad header',
    detail: 'Content-Encoding, Encryption or Crypto-Key is too long to be passed on.',
  },
  'bad-after': {
    status: 400,
    title: 'Bad query',
    detail: 'Use the URL under next as it was given.',
  },
  'authorization-missing': {
    status: 401,
    title: 'Authorization missing',
    detail: 'This channel belongs to a key: send Authorization: vapid t=<token>, k=<key>.',
  },
  'authorization-unusable': {
    status: 401,
    title: 'Authorization not understood',
    detail: 'Send Authorization: vapid t=<token>, k=<key> as RFC 8292 says.',
  },
  'signature-invalid': {
    status: 403,
    title: 'The token is not signed by its key',
    detail: 'Sign the token with ES256 and the private half of the key under k.',
  },
  'audience-wrong': {
    status: 403,
    title: 'The token is for another server',
    detail: 'aud is the scheme, host and port of the endpoint, without a path.',
  },
  'token-expired': {
    status: 403,
    title: 'The token is not valid now',
    detail: 'exp lies in the future, in seconds since 1970; is your clock right?',
  },
  'token-too-long': {
    status: 403,
    title: 'The token is valid for too long',
    detail: 'exp lies 24 hours ahead at most; is your clock right?',
  },
  'wrong-key': {
    status: 403,
    title: 'The channel belongs to another key',
    detail: 'Use the key that the app subscribed with.',
  },
  'signed-only': {
    status: 403,
    title: 'The channel belongs to a key',
    detail: 'It takes what that key signs: POST to /wpush/v1/<token> with Authorization.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    detail: 'Your address asks faster than this server takes requests. Try again, slower.',
    headers: { 'retry-after': '1' },
  },
  'too-many-waiters': {
    status: 503,
    title: 'Too many requests wait',
    detail: 'Ask again without Prefer: wait, or later.',
    headers: { 'retry-after': '5' },
  },
  'body-too-large': {
    status: 413,
    title: 'Body too large',
    detail: 'Send less: a version, a short text, or a message of 4096 bytes.',
  },
  recovering: {
    status: 503,
    title: 'The device is not known yet',
    detail:
      'The server lost its database and waits for the device to connect. Keep the endpoint and try again.',
    headers: { 'retry-after': '60' },
  },
  'store-down': {
    status: 503,
    title: 'The store does not answer',
    detail: 'Nothing was changed, as far as is known. Try again.',
    headers: { 'retry-after': '5' },
  },
} as const satisfies Record<string, Omit<Problem, 'type'>>;

export type ProblemName = keyof typeof table;

/** What became of a request; also the label of its metric. */
export type AppResult = (typeof successes)[number] | ProblemName;

export const successes = [
  'stored',
  'stale',
  'message-stored',
  'message-cancelled',
  'status-read',
  'receipts-read',
] as const;

/** Results that tell of a limit or a failure here: their counters start at 0 instead of missing. */
export const limitResults = [
  'store-down',
  'too-many-requests',
  'body-too-large',
  'too-many-waiters',
] as const satisfies readonly ProblemName[];

export function answerOf(name: ProblemName): Answer {
  const { headers, ...rest } = { headers: {}, ...table[name] };
  return problem({ type: name, ...rest, headers });
}
