// Who a device is, what it was sent, and the texts that say so on the wire. They are authenticated encryptions under
// the server's key, checked each time they come back, so that none needs an index and nothing can be guessed.
import { createHmac, randomBytes } from 'node:crypto';
import { isUuidV7, uuidV7 } from '../../shared/id.js';
import { createSeal, keyFor } from './seal.js';

declare const deviceIdBrand: unique symbol;
declare const channelIdBrand: unique symbol;
declare const messageIdBrand: unique symbol;
declare const receiptIdBrand: unique symbol;

/** The random identity inside a uaid: 16 bytes in base64url. Useless to a reader of logs, who cannot seal it. */
export type DeviceId = string & { readonly [deviceIdBrand]: true };
/** A channel of one device, as its user agent named it. */
export type ChannelId = string & { readonly [channelIdBrand]: true };

/** A message: a UUIDv7 in lower case. It is also the `version` under which Web Push clients get it. */
export type MessageId = string & { readonly [messageIdBrand]: true };
/** Where an app server reads what became of messages: 16 random bytes in base64url. */
export type ReceiptId = string & { readonly [receiptIdBrand]: true };

export interface Ids {
  newDevice(): DeviceId;
  /** The uaid of a device: the same text each time, 43 characters (the limit is 128). */
  uaidOf(device: DeviceId): string;
  /** The device of a uaid this server issued; `undefined` for anything else. */
  parseUaid(text: unknown): DeviceId | undefined;
  /** The endpoint token of (device, channel): the same text each time, also after the database is lost. */
  tokenOf(device: DeviceId, channel: ChannelId): string;
  parseToken(text: string): { device: DeviceId; channel: ChannelId } | undefined;
  /** The token of a message's resource; whoever has it may read its status and cancel it. */
  messageTokenOf(device: DeviceId, message: MessageId): string;
  parseMessageToken(text: string): { device: DeviceId; message: MessageId } | undefined;
  /** The token of a receipt subscription (RFC 8030 section 5.1). */
  receiptTokenOf(receipt: ReceiptId): string;
  parseReceiptToken(text: string): ReceiptId | undefined;
  /** The key by which a device knows wakeups of this server: the same 32 bytes each time. */
  wakeupKeyOf(device: DeviceId): Buffer;
}

export const secretKeyBytes = 32;
/** Characters of a channelID. Real clients send UUIDs; the document asks for no form. */
export const channelIdCharsMax = 128;

const identityBytes = 16;
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
  const messages = createSeal(secret, 'message');
  const receipts = createSeal(secret, 'receipt subscription');
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
    messageTokenOf: (device, message) =>
      messages.seal(Buffer.concat([bytesOfDevice(device), bytesOfMessage(message)])),
    parseMessageToken: (text) => {
      const bytes = messages.open(text);
      if (bytes?.length !== 2 * identityBytes) return undefined;
      const message = messageIdOf(bytes.subarray(identityBytes));
      return { device: deviceIdOf(bytes.subarray(0, identityBytes)), message };
    },
    receiptTokenOf: (receipt) => receipts.seal(bytesOfReceipt(receipt)),
    parseReceiptToken: (text) =>
      receipts.open(text)?.toString('base64url') as ReceiptId | undefined,
  };
}

/** Begins with the time, so that later ones sort after earlier ones, to the millisecond. */
export function newMessageId(nowMs: number): MessageId {
  return uuidV7(nowMs) as MessageId;
}

export function parseMessageId(value: unknown): MessageId | undefined {
  return isUuidV7(value) ? (value.toLowerCase() as MessageId) : undefined;
}

/** The 16 bytes of a message's id, as a store keeps them. */
export function bytesOfMessage(message: MessageId): Buffer {
  return bytesOfUuid(message);
}

export function messageIdOf(bytes: Uint8Array): MessageId {
  return uuidOf(bytes) as MessageId;
}

export function newReceiptId(): ReceiptId {
  return randomBytes(identityBytes).toString('base64url') as ReceiptId;
}

/** The 16 bytes of a receipt subscription, as a store keeps them. */
export function bytesOfReceipt(receipt: ReceiptId): Buffer {
  return Buffer.from(receipt, 'base64url');
}

/** The 16 bytes of a device's identity, as a store keeps them. */
export function bytesOfDevice(device: DeviceId): Buffer {
  return Buffer.from(device, 'base64url');
}

export function deviceIdOf(identity: Uint8Array): DeviceId {
  return Buffer.from(identity).toString('base64url') as DeviceId;
}

// A channel is packed as a kind and its bytes, for a UUID's 16 bytes make a shorter URL than its 36 characters.
const textKind = 0;
const uuidKind = 1;

function packChannel(channel: ChannelId): Buffer {
  if (!uuidPattern.test(channel)) {
    return Buffer.concat([Buffer.of(textKind), Buffer.from(channel, 'utf8')]);
  }
  return Buffer.concat([Buffer.of(uuidKind), bytesOfUuid(channel)]);
}

function unpackChannel(packed: Buffer): ChannelId {
  const bytes = packed.subarray(1);
  if (packed[0] === textKind) return bytes.toString('utf8') as ChannelId;
  return uuidOf(bytes) as ChannelId;
}

function bytesOfUuid(text: string): Buffer {
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  const cuts = [0, 8, 12, 16, 20, 32];
  return cuts
    .slice(1)
    .map((end, i) => hex.slice(cuts[i], end))
    .join('-');
}
