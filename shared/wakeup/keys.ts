// Ed25519 keys in PEM files and their names (RFC 7638 thumbprints, RFC 8037 for the key type).
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { CodedError } from '../errors.js';

export interface NamedKey {
  /** RFC 7638 thumbprint of the public half, base64url: what `keyid` says. */
  keyid: string;
  key: KeyObject;
}

/** The keyid of an Ed25519 key, private or public. */
export function thumbprint(key: KeyObject): string {
  const publicKey = key.type === 'public' ? key : createPublicKey(key);
  const { crv, kty, x } = publicKey.export({ format: 'jwk' });
  // RFC 7638 section 3.2: the required members in lexical order, no white space.
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
}

/** Reads the Ed25519 public keys of a PEM text. During a rotation a file holds the old and the new one. */
export function readPublicKeys(pem: string): NamedKey[] {
  return readPem(pem, 'PUBLIC KEY', createPublicKey);
}

/** Reads the Ed25519 private keys (PKCS#8) of a PEM text; the first one is the current one. */
export function readPrivateKeys(pem: string): NamedKey[] {
  return readPem(pem, 'PRIVATE KEY', createPrivateKey);
}

function readPem(pem: string, kind: string, create: (pem: string) => KeyObject): NamedKey[] {
  const begin = `-----BEGIN ${kind}-----`;
  const end = `-----END ${kind}-----`;
  // Each begin counts, so that a damaged block beside a good one is told instead of passed over.
  const blocks = pem
    .split(begin)
    .slice(1)
    .map((rest) => begin + rest.slice(0, rest.indexOf(end) + end.length));
  if (blocks.length === 0) {
    throw new CodedError('bad-key', `holds no PEM block "BEGIN ${kind}"; make one with keygen`);
  }
  return blocks.map((block) => {
    const key = createKey(block, create);
    if (key.asymmetricKeyType !== 'ed25519') {
      throw new CodedError(
        'bad-key',
        `is a ${key.asymmetricKeyType} key; only Ed25519 is used here`,
      );
    }
    return { keyid: thumbprint(key), key };
  });
}

function createKey(block: string, create: (pem: string) => KeyObject): KeyObject {
  try {
    return create(block);
  } catch (cause) {
    throw new CodedError('bad-key', 'is no readable PEM key; make one with keygen', { cause });
  }
}
