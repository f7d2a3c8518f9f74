// Who sent a request: the signature profile of docs/wakeup-api.md, rule by rule. A request may carry several
// signatures; one that satisfies every rule is enough, and all that do burn their nonces together.
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../shared/clock.js';
import { CodedError } from '../../shared/errors.js';
import { checkContentDigest } from '../../shared/wakeup/digest.js';
import {
  freshnessProblem,
  isOurAlgorithm,
  requestComponents,
  signatureParams,
  signaturesMax,
  signatureTag,
  skewSecondsMax,
} from '../../shared/wakeup/profile.js';
import {
  coversAll,
  fieldValue,
  type MessageSignature,
  readSignatures,
  type SignableMessage,
  verifyMessage,
} from '../../shared/wakeup/signature.js';
import type { Central, Keyring } from './keyring.js';
import type { Burning, Nonce, ReplayGuard } from './replay-guard.js';

/** Why a request is not accepted, in the order of the rules: the furthest one is told. */
export const trustProblems = [
  'signature-missing',
  'signature-malformed',
  'key-unknown',
  'algorithm-not-allowed',
  'signature-incomplete',
  'signature-stale',
  'signature-before-start',
  'authority-unknown',
  'signature-invalid',
  'digest-mismatch',
  'nonce-replayed',
  'replay-guard-full',
] as const;
export type TrustProblem = (typeof trustProblems)[number];

export type Identity =
  | { central: Central; label: string; createdSeconds: number; problem?: never }
  | { central?: never; problem: TrustProblem };

export interface Received {
  message: SignableMessage;
  /** The bytes as they came: the digest is checked before anything reads them. */
  body: Uint8Array;
}

export type Authenticate = (received: Received) => Promise<Identity>;

export interface TrustOptions {
  keyring: () => Keyring;
  guard: ReplayGuard;
  clock: Clock;
  /** When this process started, by its clock. */
  startMs: number;
  /** This gateway's names, normalised. */
  authorities: () => ReadonlySet<string>;
}

/** 128 bits or more in base64 or base64url. */
const noncePattern = /^[A-Za-z0-9+/_-]{22,64}={0,2}$/;

export function createAuthenticate(options: TrustOptions): Authenticate {
  return async (received) => {
    const found = signaturesOf(received.message);
    if (typeof found === 'string') return { problem: found };
    let furthest: TrustProblem = 'signature-missing';
    const proofs: Proof[] = [];
    for (const signature of found) {
      const judged = await judge(signature, received, options);
      if (typeof judged !== 'string') proofs.push(judged);
      else if (rank(judged) > rank(furthest)) furthest = judged;
    }
    const [proof] = proofs;
    if (!proof) return { problem: furthest };
    // All of them, or what is left of this request without the first would be accepted again. Only valid
    // signatures burn nonces; of two equal requests at once, exactly one gets through.
    const problem = burningProblems[options.guard.burn(proofs.map(({ nonce }) => nonce))];
    if (problem !== undefined) return { problem };
    return { central: proof.central, label: proof.label, createdSeconds: proof.nonce.created };
  };
}

const burningProblems: Record<Burning, TrustProblem | undefined> = {
  burnt: undefined,
  seen: 'nonce-replayed',
  full: 'replay-guard-full',
  stale: 'signature-stale',
};

/** A signature that satisfies every rule but, perhaps, that its nonce is new. */
interface Proof {
  central: Central;
  label: string;
  nonce: Nonce;
}

/** The signatures of a request that carry our tag; a few at most, for each may cost a verification. */
function signaturesOf(message: SignableMessage): MessageSignature[] | TrustProblem {
  try {
    const ours = readSignatures(message.headers).filter(
      (found) => signatureParams(found).tag === signatureTag,
    );
    return ours.slice(0, signaturesMax);
  } catch (error) {
    return problemOfError(error);
  }
}

async function judge(
  found: MessageSignature,
  received: Received,
  options: TrustOptions,
): Promise<Proof | TrustProblem> {
  const claim = judgeClaims(found, received, options);
  if (typeof claim === 'string') return claim;
  const { central, key, nonce } = claim;
  const invalid = await verificationProblem(found, key, received);
  if (invalid !== undefined) return invalid;
  const digest = fieldValue(received.message.headers, 'content-digest');
  if (checkContentDigest(digest, received.body) !== 'ok') return 'digest-mismatch';
  return { central, label: found.label, nonce };
}

/** Everything that is checked before the costly verification. */
function judgeClaims(
  found: MessageSignature,
  { message }: Received,
  { keyring, clock, startMs, authorities }: TrustOptions,
): { central: Central; key: KeyObject; nonce: Nonce } | TrustProblem {
  const { keyid, alg, created, expires, nonce: value } = signatureParams(found);
  if (keyid === undefined) return 'signature-incomplete';
  const record = keyring().find(keyid);
  if (!record) return 'key-unknown';
  if (!isOurAlgorithm(alg)) return 'algorithm-not-allowed';
  if (!coversAll(found.input, requestComponents(message.method ?? ''))) {
    return 'signature-incomplete';
  }
  const freshness = freshnessProblem(created, expires, clock.now());
  if (created === undefined || freshness === 'incomplete') return 'signature-incomplete';
  if (freshness !== undefined) return 'signature-stale';
  if (value === undefined || !noncePattern.test(value)) return 'signature-incomplete';
  // What was used before a crash is not remembered after it: nothing dated before the start may work, and
  // what was used in its last moment may have been dated as far ahead as the skew allows.
  if (created * 1000 < startMs + skewSecondsMax * 1000) return 'signature-before-start';
  if (!authorities().has(message.authority ?? '')) return 'authority-unknown';
  return { ...record, nonce: { value, created } };
}

async function verificationProblem(
  found: MessageSignature,
  key: KeyObject,
  { message }: Received,
): Promise<TrustProblem | undefined> {
  try {
    return (await verifyMessage(found, key, { message })) ? undefined : 'signature-invalid';
  } catch (error) {
    return problemOfError(error);
  }
}

function problemOfError(error: unknown): TrustProblem {
  const code = error instanceof CodedError ? error.code : undefined;
  if (code === 'signature-malformed') return code;
  // A signature that covers what the request does not have covers something else than this request.
  if (code === 'component-missing') return 'signature-incomplete';
  throw error;
}

function rank(problem: TrustProblem): number {
  return trustProblems.indexOf(problem);
}
