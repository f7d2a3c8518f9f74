// The public key of an app server (RFC 8292 section 3.2): a point on P-256 as base64url of its uncompressed form.
import { createPublicKey, type KeyObject } from 'node:crypto';

declare const vapidKeyBrand: unique symbol;

/** 65 bytes in base64url without padding: the same text for the same key. */
export type VapidKey = string & { readonly [vapidKeyBrand]: true };

const pointBytes = 65;
const uncompressedForm = 4;
/** Padding and the alphabet of plain base64 are written by real clients. */
const pattern = /^[A-Za-z0-9_+/-]{87}=?$/;

/** Reads a key; `undefined` for what is no point of the curve. */
export function parseVapidKey(value: unknown): VapidKey | undefined {
  if (typeof value !== 'string' || !pattern.test(value)) return undefined;
  const bytes = Buffer.from(value, 'base64url');
  if (bytes.length !== pointBytes || bytes[0] !== uncompressedForm) return undefined;
  const key = bytes.toString('base64url') as VapidKey;
  try {
    publicKeyOf(key);
    return key;
  } catch {
    // Whoever wrote it is told that it is none; there is nothing more to know.
    return undefined;
  }
}

/** The key as signatures are verified with it. */
export function publicKeyOf(key: VapidKey): KeyObject {
  const bytes = Buffer.from(key, 'base64url');
  const x = bytes.subarray(1, 33).toString('base64url');
  const y = bytes.subarray(33).toString('base64url');
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
}
