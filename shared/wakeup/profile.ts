// The signature profile between central and gateway (RFC 9421 section 1.4): what a request and its answer
// must cover, with which parameters, and for how long. Both ends build and check from these tables.
import { type KeyObject, randomBytes } from 'node:crypto';
import type { BareItem } from 'structured-headers';
import { CodedError } from '../errors.js';
import type { NamedKey } from './keys.js';
import {
  type Component,
  coversAll,
  type HeaderFields,
  type MessageSignature,
  readSignatures,
  type SignableMessage,
  type SignatureContext,
  signMessage,
  verifyMessage,
} from './signature.js';

/** The `tag` parameter of every signature of this profile (RFC 9421 section 2.3). */
export const signatureTag = 'wakeup';
/** The only algorithm (RFC 9421 section 3.3.6); a message may name it but never choose another. */
export const signatureAlgorithm = 'ed25519';
/** `expires` lies at most this many seconds after `created`. */
export const lifeSecondsMax = 60;
/** How many seconds old `created` may be, and how far ahead of the reader's clock. */
export const ageSecondsMax = 30;
export const skewSecondsMax = 5;
/** Signatures looked at in one message: two serve a key rotation. */
export const signaturesMax = 4;

const names = (...list: string[]): Component[] => list.map((name) => ({ name }));

/** What a request with a body covers. A GET leaves out content-type and covers the digest of the empty body. */
export function requestComponents(method: string): Component[] {
  const always = names('@method', '@authority', '@path', '@query');
  return method === 'GET'
    ? [...always, ...names('content-digest')]
    : [...always, ...names('content-type', 'content-digest')];
}

/** What an answer covers: itself, and the request's own signature under `requestLabel` where it had one. */
export function answerComponents(requestLabel: string | undefined): Component[] {
  const own = names('@status', 'content-type', 'content-digest');
  return requestLabel === undefined
    ? own
    : [...own, { name: 'signature', params: { req: true, key: requestLabel } }];
}

/**
 * The two header fields that sign a request, one signature for each key (two keys during a rotation). They share
 * their nonce: with one for each, what is left of the request without one signature would be another request.
 */
export function signRequest(
  message: SignableMessage,
  keys: readonly NamedKey[],
  nowMs: number,
): SignatureFields {
  const components = requestComponents(message.method ?? '');
  const nonce = randomBytes(16).toString('base64url');
  const labelled = keys.map(({ keyid, key }, i) => {
    const params = freshness(nowMs);
    params.set('nonce', nonce).set('keyid', keyid).set('tag', signatureTag);
    const label = i === 0 ? 'wakeup' : `wakeup${i + 1}`;
    return { label, ...signMessage({ components, params, key, context: { message } }) };
  });
  return {
    'signature-input': labelled.map(({ label, input }) => `${label}=${input}`).join(', '),
    signature: labelled.map(({ label, signature }) => `${label}=${signature}`).join(', '),
  };
}

/** The two header fields that sign an answer and bind it to its request. */
export function signAnswer(options: {
  message: SignableMessage;
  request: SignableMessage;
  requestLabel: string | undefined;
  key: NamedKey;
  nowMs: number;
}): SignatureFields {
  const params = freshness(options.nowMs).set('keyid', options.key.keyid).set('tag', signatureTag);
  const { input, signature } = signMessage({
    components: answerComponents(options.requestLabel),
    params,
    key: options.key.key,
    context: { message: options.message, request: options.request },
  });
  return { 'signature-input': `wakeup=${input}`, signature: `wakeup=${signature}` };
}

/** Whether one of an answer's signatures covers what it must, is fresh and is by one of the pinned keys. Never throws. */
export async function verifyAnswer(options: {
  message: SignableMessage;
  request: SignableMessage;
  keys: readonly NamedKey[];
  nowMs: number;
}): Promise<boolean> {
  const { message, request, keys, nowMs } = options;
  const requestLabels = signatureLabels(request.headers);
  const ours = signaturesOrNone(message.headers).filter(
    (found) => signatureParams(found).tag === signatureTag,
  );
  for (const found of ours.slice(0, signaturesMax)) {
    const { keyid, alg, created, expires } = signatureParams(found);
    const key = keys.find((candidate) => candidate.keyid === keyid);
    if (!key || !isOurAlgorithm(alg)) continue;
    if (freshnessProblem(created, expires, nowMs) !== undefined) continue;
    if (!requestLabels.some((label) => coversAll(found.input, answerComponents(label)))) continue;
    if (await isValid(found, key.key, { message, request })) return true;
  }
  return false;
}

/** A signature over what this message does not have is not valid, and says nothing of the next one. */
async function isValid(found: MessageSignature, key: KeyObject, context: SignatureContext) {
  try {
    return await verifyMessage(found, key, context);
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}

export interface SignatureFields {
  'signature-input': string;
  signature: string;
}

/** The parameters of a signature (RFC 9421 section 2.3), each of the type it must have or `undefined`. */
export function signatureParams({ input: [, params] }: MessageSignature): {
  created: number | undefined;
  expires: number | undefined;
  nonce: string | undefined;
  keyid: string | undefined;
  tag: string | undefined;
  alg: BareItem | undefined;
} {
  const seconds = (name: string) => {
    const value = params.get(name);
    return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
  };
  const text = (name: string) => {
    const value = params.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  return {
    created: seconds('created'),
    expires: seconds('expires'),
    nonce: text('nonce'),
    keyid: text('keyid'),
    tag: text('tag'),
    alg: params.get('alg'),
  };
}

/** `alg` may be absent; present, it must be the one we pin. */
export function isOurAlgorithm(alg: BareItem | undefined): boolean {
  return alg === undefined || alg === signatureAlgorithm;
}

/** Why a signature made at `created` until `expires` (Unix seconds) is not fresh now; `undefined` when it is. */
export function freshnessProblem(
  created: number | undefined,
  expires: number | undefined,
  nowMs: number,
): 'incomplete' | 'stale' | 'future' | undefined {
  if (created === undefined || expires === undefined) return 'incomplete';
  const now = Math.floor(nowMs / 1000);
  if (expires > created + lifeSecondsMax) return 'incomplete';
  if (created > now + skewSecondsMax) return 'future';
  if (created < now - ageSecondsMax || expires <= now) return 'stale';
  return undefined;
}

/** The labels under which a message carries signatures; empty when its fields cannot be read. */
export function signatureLabels(headers: HeaderFields): string[] {
  return signaturesOrNone(headers).map(({ label }) => label);
}

function signaturesOrNone(headers: HeaderFields): MessageSignature[] {
  try {
    return readSignatures(headers);
  } catch {
    // Fields that cannot be read carry no signature; who must know why reads them itself.
    return [];
  }
}

function freshness(nowMs: number): Map<string, BareItem> {
  const created = Math.floor(nowMs / 1000);
  return new Map([
    ['created', created],
    ['expires', created + lifeSecondsMax],
  ]);
}
