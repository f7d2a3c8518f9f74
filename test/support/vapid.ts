// App servers' keys and tokens (RFC 8292), good ones and those that a test wants wrong.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';

export interface VapidPair {
  /** As it stands under `k`. */
  key: string;
  privateKey: KeyObject;
}

export function newVapidPair(): VapidPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = [Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  return { key: Buffer.concat(point).toString('base64url'), privateKey };
}

/** A token with these claims. */
export function tokenOf(
  claims: JWTPayload,
  privateKey: KeyObject | Uint8Array,
  alg = 'ES256',
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg }).sign(privateKey);
}
