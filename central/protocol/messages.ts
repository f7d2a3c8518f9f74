// What devices and central say to each other, whatever the dialect on the wire.
import type { Address } from '../../shared/address.js';
import type { NetworkKey } from '../../shared/network.js';
import type { Protocol } from '../../shared/wakeup/request.js';
import type { ProtocolErrorName } from './codes.js';
import type { ChannelId, MessageId } from './ids.js';

/** Where a device waits for wakeups: an address means something only inside its network. */
export interface WakeupAddress {
  network: NetworkKey;
  address: Address;
  port: number;
  protocol: Protocol;
}

/** A channel's newest version: a whole number from 0 to 2^53-1. */
export interface Update {
  channel: ChannelId;
  version: number;
}

export const versionMax = Number.MAX_SAFE_INTEGER;

/**
 * How an app server's message is carried. `text`: a plain text for the notification area (Simple Push API, `body=`).
 * `push`: bytes that only the web app can read (RFC 8030, RFC 8291).
 */
export const messageKinds = ['text', 'push'] as const;
export type MessageKind = (typeof messageKinds)[number];

/** What an app server wants its device to have, beside a version. */
export interface Message {
  id: MessageId;
  channel: ChannelId;
  kind: MessageKind;
  /** As the app server sent it; `undefined` when it sent none. */
  body: Uint8Array | undefined;
  encoding: BodyEncoding;
  /** The device passed it over on an earlier socket, though it was there: nobody waits for its ack. */
  isIgnored?: boolean;
}

/** What a device needs beside the body to read it, as the app server's header fields said it. */
export interface BodyEncoding {
  /** `Content-Encoding`: aes128gcm (RFC 8188), or aesgcm of older clients. */
  encoding?: string;
  /** `Encryption` and `Crypto-Key`, of aesgcm only (draft-ietf-webpush-encryption-04). */
  encryption?: string;
  cryptoKey?: string;
}

/** A device has a message, whatever came of it there. */
export interface AckedMessage {
  id: MessageId;
  /** 100 delivered, 101 not decrypted, 102 not delivered; `undefined` when the device says none. */
  code: number | undefined;
}

export type DeviceMessage =
  | {
      messageType: 'hello';
      /** The name of the dialect that the device speaks from now on. */
      dialect: string;
      /** As sent; missing, null, wrong or forged ones get a new one. */
      uaid: unknown;
      /** `undefined`: no synchronisation. Present, even empty: the server's list becomes this one. */
      channels: ChannelId[] | undefined;
      /** `undefined` when it was absent or not of the form: the device is then not wakeable. */
      wakeup: WakeupAddress | undefined;
      /** The device returns the nonce of a datagram on its socket. */
      canProve: boolean;
      /** The device wants its wakeups with a counter and a code, and ignores others. */
      isAuthenticated: boolean;
    }
  | { messageType: 'wakeupProof'; nonce: string }
  | {
      messageType: 'register';
      channel: ChannelId;
      /** The one key whose holder may send to this channel (RFC 8292 section 4): base64url without padding. */
      key: string | undefined;
    }
  | { messageType: 'unregister'; channel: ChannelId }
  | { messageType: 'ack'; updates: Update[]; messages: AckedMessage[] }
  /** What became of a message after its ack: the app failed with it. */
  | { messageType: 'nack'; message: AckedMessage }
  /** Something that asks nothing of us. */
  | { messageType: 'nothing' }
  | { messageType: 'ping'; form: PingForm };

/** The two keep-alives: text `PING`, and the empty object. Each is answered in its own form. */
export type PingForm = 'text' | 'json';

/** A device's message that is none; `messageType` is echoed where it was a text. */
export interface ProtocolError {
  messageType: 'error';
  error: ProtocolErrorName;
  inReplyTo: string | undefined;
  /** The channel that it is about, where one was said and the request is refused for good. */
  channel?: ChannelId;
}

export interface WakeupAuth {
  key: Buffer;
  /** Every wakeup has a greater one. */
  counter: number;
}

export type ServerMessage =
  | {
      messageType: 'hello';
      uaid: string;
      isWakeable: boolean;
      /** For a device that wants them: what its wakeups are known by. */
      wakeupAuth: WakeupAuth | undefined;
    }
  | { messageType: 'register'; channel: ChannelId; pushEndpoint: string }
  | { messageType: 'unregister'; channel: ChannelId }
  | { messageType: 'notification'; updates: readonly Update[]; messages: readonly Message[] }
  | { messageType: 'pong'; form: PingForm }
  | ProtocolError;
