// The keys of Web Push channels (RFC 8291 section 2): a pair and a secret for each, made when the channel is first
// registered. Whoever starts a handset again hands them back in, or what is sent to the old endpoints cannot be read.
import { createECDH, ECDH, type ECDH as KeyAgreement, randomBytes } from 'node:crypto';

const curve = 'prime256v1';
const authBytes = 16;

/** What decrypts a channel's messages, in base64url without padding. The private key is nobody else's. */
export interface ChannelKeys {
  privateKey: string;
  auth: string;
}

/** What the app server encrypts with, under the names of the Push API: hand it over with the endpoint. */
export interface SubscriptionKeys {
  p256dh: string;
  auth: string;
}

export interface Keyring {
  /** The channel's keys; new ones where it has none. */
  of(channelID: string): ChannelKeys;
  remove(channelID: string): void;
  all(): Record<string, ChannelKeys>;
}

export function createKeyring(known: Readonly<Record<string, ChannelKeys>>): Keyring {
  const keys = new Map(Object.entries(known));
  return {
    of(channelID) {
      const found = keys.get(channelID) ?? newKeys();
      keys.set(channelID, found);
      return found;
    },
    remove: (channelID) => void keys.delete(channelID),
    all: () => Object.fromEntries(keys),
  };
}

function newKeys(): ChannelKeys {
  const pair = createECDH(curve);
  pair.generateKeys();
  // The numbers of a private key may begin with zeros, which node leaves out.
  const privateKey = Buffer.from(pair.getPrivateKey('hex').padStart(64, '0'), 'hex');
  return {
    privateKey: privateKey.toString('base64url'),
    auth: randomBytes(authBytes).toString('base64url'),
  };
}

/** Throws when the private key is none. */
export function agreementKey({ privateKey }: ChannelKeys): KeyAgreement {
  const pair = createECDH(curve);
  pair.setPrivateKey(privateKey, 'base64url');
  return pair;
}

export function subscriptionKeys(keys: ChannelKeys): SubscriptionKeys {
  return { p256dh: agreementKey(keys).getPublicKey('base64url'), auth: keys.auth };
}

export function areChannelKeys(value: unknown): value is ChannelKeys {
  if (typeof value !== 'object' || value === null) return false;
  const { privateKey, auth } = value as Partial<Record<string, unknown>>;
  if (typeof privateKey !== 'string' || typeof auth !== 'string') return false;
  if (Buffer.from(auth, 'base64url').length !== authBytes) return false;
  try {
    agreementKey({ privateKey, auth });
    return true;
  } catch {
    // Not a number of this curve.
    return false;
  }
}

/** A P-256 public key as app servers tell theirs (RFC 8292 section 3.2): an uncompressed point in base64url. */
export function isPublicKey(text: string): boolean {
  if (!/^[\w-]{87}=?$/.test(text)) return false;
  try {
    // An uncompressed point begins with 4; another beginning is another form.
    const point = Buffer.from(text, 'base64url');
    ECDH.convertKey(point, curve, undefined, undefined, 'uncompressed');
    return point[0] === 4;
  } catch {
    // Not a point of this curve.
    return false;
  }
}
