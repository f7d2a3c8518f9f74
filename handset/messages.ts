// The words that every dialect of the device protocol shares (spec chapter 3, subprotocol `push-notification`) as the
// user agent uses them, in one table, and the one parser of what the notification server says. It knows nothing of
// sockets or state.
import { CodedError } from '../shared/errors.js';
import type { EncryptedBody } from './decryption.js';
import type { WakeupAuth } from './wake-guard.js';

export const subprotocol = 'push-notification';

/** WebSocket close codes. 4774 tells the handset to stay away until it is woken. 1012 and 1013 are said to a crowd. */
export const closeCodes = { normal: 1000, restart: 1012, tryLater: 1013, wakeup: 4774 } as const;

export const statuses = { ok: 200, okWakeable: 201, unregistered: 202, notReady: 408 } as const;

/** What a refusing status means, as the stable `code` of the error that carries it. */
const refusalCodes: Record<number, string> = {
  400: 'bad-key',
  405: 'unknown-message',
  408: 'not-ready',
  450: 'not-json',
  457: 'bad-channel',
  459: 'no-hello',
  460: 'cannot-register',
  463: 'binary-frame',
};

export const channelIdCharsMax = 128;
const uaidCharsMax = 128;
const endpointCharsMax = 2048;
const reasonCharsMax = 200;

export type RequestKind = 'register' | 'unregister';

/** What an app server has for a channel. A version stands for itself, and has no id. */
export type News =
  | { kind: 'version'; channelID: string; version: number }
  | { kind: 'text'; channelID: string; id: string; body: string }
  | { kind: 'push'; channelID: string; id: string; body?: EncryptedBody };

/** What became of news. `not-delivered`: it came before, or its channel is none of ours. */
export type Outcome = 'delivered' | 'not-decrypted' | 'not-delivered';

/** A frame as it was read from JSON, or the words that go into one. */
export type Frame = Record<string, unknown>;
export type Words = Readonly<Frame>;

export interface Hello {
  uaid: string | undefined;
  wakeup: WakeupAddress | undefined;
  /** What the dialect adds. */
  words: Words;
}

/** Where and how this handset can be woken, as hello tells it. */
export interface WakeupAddress {
  ip: string;
  port: number;
  /** It returns the nonce of a wakeup on its socket. */
  proof: boolean;
  /** It asks for wakeups with a counter and a code. */
  auth: boolean;
  protocol: 'udp' | 'tcp';
  mobilenetwork: { mcc: string; mnc: string; netid?: string };
}

/** What the server says, without the wire's variations. `channelID` of a refusal may be missing there. */
export type ServerMessage =
  | { messageType: 'hello'; uaid: string; status: number; auth: AuthFound; isWebPush: boolean }
  | { messageType: 'register'; channelID: string; pushEndpoint: string }
  | { messageType: 'unregister'; channelID: string }
  | { messageType: 'notification'; news: News[]; unreadable: number }
  | { messageType: 'refusal'; request: string | undefined; channelID?: string; error: CodedError }
  | { messageType: 'keep-alive' }
  | { messageType: 'unknown' };

/** `wakeup_auth` of a hello answer. A bad one does not spoil the hello: it is as good as none. */
type AuthFound = WakeupAuth | CodedError<'bad-frame'> | undefined;

export const keepAlive = '{}';

export function helloFrame({ uaid, wakeup, words }: Hello): string {
  const announced = wakeup && {
    wakeup_hostport: {
      ip: wakeup.ip,
      port: wakeup.port,
      ...(wakeup.proof && { proof: true }),
      ...(wakeup.auth && { auth: true }),
    },
    mobilenetwork: wakeup.mobilenetwork,
    protocol: wakeup.protocol,
  };
  return JSON.stringify({ messageType: 'hello', uaid, ...words, ...announced });
}

export function requestFrame(kind: RequestKind, channelID: string, words: Words): string {
  return JSON.stringify({ messageType: kind, channelID, ...words });
}

export function proofFrame(nonce: string): string {
  return JSON.stringify({ messageType: 'wakeupProof', nonce });
}

/** When the server wants us back at the earliest, as the reason of its close says it: `retry-after=<seconds>`. */
export function retryAfterMsOf(reason: string): number | undefined {
  const seconds = /^retry-after=([0-9]{1,12})$/.exec(reason)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/**
 * Reads one frame, with the readers of the dialect beside those of all. A frame that cannot be read comes back as an
 * error with code `bad-frame`. Never throws.
 */
export function parseServerMessage(
  text: string,
  dialectReaders: ReadonlyMap<string, Reader>,
): ServerMessage | CodedError<'bad-frame'> {
  // The oldest servers answer a keep-alive with this text, which is no JSON.
  if (text === 'PONG') return { messageType: 'keep-alive' };
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (cause) {
    return badFrame('not JSON', cause);
  }
  if (!isRecord(frame)) return badFrame('not an object');
  const { messageType, status } = frame;
  if (messageType !== undefined && typeof messageType !== 'string') {
    return badFrame('messageType is not a string');
  }
  if (typeof status === 'number' && (status < 200 || status > 299)) return refusal(frame, status);
  if (messageType === undefined) {
    return status === undefined ? { messageType: 'keep-alive' } : badFrame('no messageType');
  }
  // A plain object would also find `constructor` and its like, which are no message types.
  const read = readers.get(messageType) ?? dialectReaders.get(messageType);
  return read ? read(frame) : { messageType: 'unknown' };
}

export type Reader = (frame: Frame) => ServerMessage | CodedError<'bad-frame'>;

const readers = new Map<string, Reader>([
  ['hello', readHello],
  ['register', readRegister],
  ['unregister', readUnregister],
]);

function readHello({ uaid, status, use_webpush, wakeup_auth }: Frame): ReturnType<Reader> {
  if (typeof status !== 'number') return badFrame('hello without a status');
  if (!isText(uaid, uaidCharsMax)) return badFrame('hello without a uaid of 1 to 128 characters');
  const isWebPush = use_webpush === true;
  return { messageType: 'hello', uaid, status, auth: readAuth(wakeup_auth), isWebPush };
}

function readAuth(auth: unknown): AuthFound {
  if (auth === undefined || auth === null) return undefined;
  const { key, counter } = isRecord(auth) ? auth : {};
  const isKey = typeof key === 'string' && /^[\w-]{42}[AEIMQUYcgkosw048]$/.test(key);
  const isCounter = Number.isSafeInteger(counter) && Number(counter) >= 0;
  if (isKey && isCounter) return { key: Buffer.from(key, 'base64url'), counter: Number(counter) };
  const problem = 'wakeup_auth ignored: it needs a key of 32 bytes and a counter';
  return new CodedError('bad-frame', problem);
}

function readRegister(frame: Frame): ReturnType<Reader> {
  const { channelID, pushEndpoint, status } = frame;
  // The spec's example of the answer to unregister says `register`; the status tells them apart.
  if (status === statuses.unregistered) return readUnregister(frame);
  if (typeof status !== 'number') return badFrame('register without a status');
  if (!isText(channelID, channelIdCharsMax)) return badFrame('register without a channelID');
  if (!isText(pushEndpoint, endpointCharsMax) || !URL.canParse(pushEndpoint)) {
    return badFrame('register without a pushEndpoint that is a URL');
  }
  return { messageType: 'register', channelID, pushEndpoint };
}

function readUnregister({ channelID, status }: Frame): ReturnType<Reader> {
  if (typeof status !== 'number') return badFrame('unregister without a status');
  if (!isText(channelID, channelIdCharsMax)) return badFrame('unregister without a channelID');
  return { messageType: 'unregister', channelID };
}

function refusal(frame: Frame, status: number): ServerMessage {
  const { messageType, channelID, reason } = frame;
  const code = refusalCodes[status] ?? 'refused';
  const why = typeof reason === 'string' ? `: ${reason.slice(0, reasonCharsMax)}` : '';
  const request = typeof messageType === 'string' ? messageType : undefined;
  const error = new CodedError(code, `the server answers ${status}${why}`);
  return {
    messageType: 'refusal',
    request,
    error,
    ...(typeof channelID === 'string' && { channelID }),
  };
}

export function badFrame(problem: string, cause?: unknown): CodedError<'bad-frame'> {
  return new CodedError('bad-frame', `frame ignored: ${problem}`, { cause });
}

export function isText(value: unknown, charsMax: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= charsMax;
}

export function isRecord(value: unknown): value is Frame {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
