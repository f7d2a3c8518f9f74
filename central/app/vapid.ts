// Who an app server is (RFC 8292): the key that its requests are signed with. The one file that knows the JWT library.
import type { IncomingHttpHeaders } from 'node:http';
import { errors, jwtVerify } from 'jose';
import type { Clock } from '../../shared/clock.js';
import { parseVapidKey, publicKeyOf, type VapidKey } from '../protocol/vapid-key.js';
import type { ProblemName } from './problems.js';

/** RFC 8292 section 2: a token is valid for 24 hours at most. */
const lifeSecondsMax = 86_400;
/** Longer ones are no token: with the usual claims it has some 300 characters, and a key 87. */
const credentialCharsMax = 4_096;

/** The key that the sender holds; `undefined` when the request names none. */
export type ReadsKey = (
  headers: IncomingHttpHeaders,
) => Promise<{ key: VapidKey | undefined } | ProblemName>;

export function createVapid(parts: {
  /** The origin of endpoint URLs. */
  audience: () => string;
  clock: Clock;
}): ReadsKey {
  const { audience, clock } = parts;
  return async (headers) => {
    const { authorization } = headers;
    if (authorization === undefined) return { key: undefined };
    const cryptoKey = headers['crypto-key']?.toString() ?? '';
    if (authorization.length + cryptoKey.length > credentialCharsMax) {
      return 'authorization-unusable';
    }
    const { token, key } = credentialsOf(authorization, cryptoKey);
    if (token === undefined || key === undefined) return 'authorization-unusable';
    const nowSeconds = Math.floor(clock.now() / 1000);
    try {
      const { payload } = await jwtVerify(token, publicKeyOf(key), {
        algorithms: ['ES256'],
        audience: audience(),
        requiredClaims: ['exp'],
        currentDate: new Date(clock.now()),
      });
      const isTooLong = (payload.exp ?? 0) > nowSeconds + lifeSecondsMax;
      return isTooLong ? 'token-too-long' : { key };
    } catch (error) {
      return problemOf(error);
    }
  };
}

function problemOf(error: unknown): ProblemName {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature-invalid';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'signature-invalid';
  if (error instanceof errors.JWTExpired) return 'token-expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'aud' ? 'audience-wrong' : 'token-expired';
  }
  if (error instanceof errors.JOSEError) return 'authorization-unusable';
  throw error;
}

interface Credentials {
  token?: string | undefined;
  key?: VapidKey | undefined;
}

function credentialsOf(authorization: string, cryptoKey: string): Credentials {
  const [scheme = '', ...rest] = authorization.trim().split(/ +/);
  if (scheme.toLowerCase() === 'vapid') {
    const { t: token, k } = parametersOf(rest.join(' '), /,/);
    return { token, key: parseVapidKey(k) };
  }
  // What senders of aesgcm still write (drafts of RFC 8292): the token alone, the key beside that of the encryption.
  if (['webpush', 'bearer'].includes(scheme.toLowerCase())) {
    const { p256ecdsa } = parametersOf(cryptoKey, /[,;]/);
    return { token: rest.join(' '), key: parseVapidKey(p256ecdsa) };
  }
  return {};
}

/** Reads `name=value` and `name="value"`; names in any case, those that are not known as well. */
function parametersOf(text: string, separator: RegExp): Partial<Record<string, string>> {
  const pairs = text.split(separator).map((part) => {
    const [name = '', ...value] = part.split('=');
    return [name.trim().toLowerCase(), unquoted(value.join('=').trim())] as const;
  });
  return Object.fromEntries(pairs);
}

function unquoted(text: string): string {
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  return isQuoted ? text.slice(1, -1) : text;
}
