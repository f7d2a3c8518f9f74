// Who a device is, and the two texts that say so on the wire. Both are authenticated encryptions under the
// server's key, checked each time they come back, so that neither needs an index and nothing can be guessed.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

declare const deviceIdBrand: unique symbol;
declare const channelIdBrand: unique symbol;

/** The random identity inside a uaid: 16 bytes in base64url. Useless to a reader of logs, who cannot seal it. */
export type DeviceId = string & { readonly [deviceIdBrand]: true };
/** A channel of one device, as its user agent named it. */
export type ChannelId = string & { readonly [channelIdBrand]: true };

export interface Ids {
  newDevice(): DeviceId;
  /** The uaid of a device: the same text each time, 43 characters (the limit is 128). */
  uaidOf(device: DeviceId): string;
  /** The device of a uaid this server issued; `undefined` for anything else. */
  parseUaid(text: unknown): DeviceId | undefined;
  /** The endpoint token of (device, channel): the same text each time, also after the database is lost. */
  tokenOf(device: DeviceId, channel: ChannelId): string;
  parseToken(text: string): { device: DeviceId; channel: ChannelId } | undefined;
  /** The key by which a device knows wakeups of this server: the same 32 bytes each time. */
  wakeupKeyOf(device: DeviceId): Buffer;
}

export const secretKeyBytes = 32;
/** Characters of a channelID. Real clients send UUIDs; the document asks for no form. */
export const channelIdCharsMax = 128;

const identityBytes = 16;
const macBytes = 16;
const sealedCharsMax = 1024;
const channelPattern = new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${channelIdCharsMax}}$`, 'u');
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A channelID is a text of 1 to 128 characters without control characters. */
export function parseChannelId(value: unknown): ChannelId | undefined {
  return typeof value === 'string' && channelPattern.test(value) ? (value as ChannelId) : undefined;
}

/** @param secret 32 random bytes; whoever has them can make any uaid and any endpoint. */
export function createIds(secret: Uint8Array): Ids {
  const uaids = createSeal(secret, 'uaid');
  const tokens = createSeal(secret, 'endpoint token');
  const wakeupSecret = keyFor(secret, 'wakeup datagram');
  const uaidOf = (device: DeviceId) => uaids.seal(bytesOfDevice(device));
  return {
    newDevice() {
      let device = deviceIdOf(randomBytes(identityBytes));
      // A uaid stands in command lines, where one with a dash in front would be an option.
      while (uaidOf(device).startsWith('-')) device = deviceIdOf(randomBytes(identityBytes));
      return device;
    },
    uaidOf,
    parseUaid: (text) => {
      const identity = typeof text === 'string' ? uaids.open(text) : undefined;
      return identity?.length === identityBytes ? deviceIdOf(identity) : undefined;
    },
    wakeupKeyOf: (device) =>
      createHmac('sha256', wakeupSecret).update(bytesOfDevice(device)).digest(),
    tokenOf: (device, channel) =>
      tokens.seal(Buffer.concat([bytesOfDevice(device), packChannel(channel)])),
    parseToken: (text) => {
      const bytes = tokens.open(text);
      if (!bytes || bytes.length <= identityBytes + 1) return undefined;
      const channel = unpackChannel(bytes.subarray(identityBytes));
      return { device: deviceIdOf(bytes.subarray(0, identityBytes)), channel };
    },
  };
}

/** The 16 bytes of a device's identity, as a store keeps them. */
export function bytesOfDevice(device: DeviceId): Buffer {
  return Buffer.from(device, 'base64url');
}

export function deviceIdOf(identity: Uint8Array): DeviceId {
  return Buffer.from(identity).toString('base64url') as DeviceId;
}

function keyFor(secret: Uint8Array, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `reveille ${use}`, 32));
}

/**
 * Deterministic authenticated encryption (Rogaway and Shrimpton, Eurocrypt 2006, the SIV construction; RFC 5297
 * is its AES-CMAC form): a MAC of the plaintext serves as the IV of AES-256-CTR and as the proof.
 */
function createSeal(secret: Uint8Array, purpose: string) {
  const macKey = keyFor(secret, `${purpose} mac`);
  const cipherKey = keyFor(secret, `${purpose} cipher`);
  const macOf = (plain: Uint8Array) =>
    createHmac('sha256', macKey).update(plain).digest().subarray(0, macBytes);

  return {
    seal(plain: Uint8Array): string {
      const mac = macOf(plain);
      const sealed = createCipheriv('aes-256-ctr', cipherKey, mac).update(plain);
      return Buffer.concat([mac, sealed]).toString('base64url');
    },
    open(text: string): Buffer | undefined {
      if (text.length > sealedCharsMax) return undefined;
      const bytes = Buffer.from(text, 'base64url');
      // One text per plaintext: a decoder that overlooks stray characters must not make aliases.
      if (bytes.length <= macBytes || bytes.toString('base64url') !== text) return undefined;
      const mac = bytes.subarray(0, macBytes);
      const plain = createDecipheriv('aes-256-ctr', cipherKey, mac).update(
        bytes.subarray(macBytes),
      );
      return timingSafeEqual(macOf(plain), mac) ? plain : undefined;
    },
  };
}

// A channel is packed as a kind and its bytes, for a UUID's 16 bytes make a shorter URL than its 36 characters.
const textKind = 0;
const uuidKind = 1;

function packChannel(channel: ChannelId): Buffer {
  if (!uuidPattern.test(channel)) {
    return Buffer.concat([Buffer.of(textKind), Buffer.from(channel, 'utf8')]);
  }
  return Buffer.concat([Buffer.of(uuidKind), Buffer.from(channel.replaceAll('-', ''), 'hex')]);
}

function unpackChannel(packed: Buffer): ChannelId {
  const bytes = packed.subarray(1);
  if (packed[0] === textKind) return bytes.toString('utf8') as ChannelId;
  const hex = bytes.toString('hex');
  const cuts = [0, 8, 12, 16, 20, 32];
  const parts = cuts.slice(1).map((end, i) => hex.slice(cuts[i], end));
  return parts.join('-') as ChannelId;
}
