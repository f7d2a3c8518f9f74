// What devices and central say to each other, whatever the dialect on the wire.
import type { Address } from '../../shared/address.js';
import type { NetworkKey } from '../../shared/network.js';
import type { Protocol } from '../../shared/wakeup/request.js';
import type { ProtocolErrorName } from './codes.js';
import type { ChannelId } from './ids.js';

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

export type DeviceMessage =
  | {
      messageType: 'hello';
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
  | { messageType: 'register'; channel: ChannelId }
  | { messageType: 'unregister'; channel: ChannelId }
  | { messageType: 'ack'; updates: Update[] }
  | { messageType: 'ping'; form: PingForm };

/** The two keep-alives: text `PING`, and the empty object. Each is answered in its own form. */
export type PingForm = 'text' | 'json';

/** A device's message that is none; `messageType` is echoed where it was a text. */
export interface ProtocolError {
  messageType: 'error';
  error: ProtocolErrorName;
  inReplyTo: string | undefined;
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
  | { messageType: 'notification'; updates: readonly Update[] }
  | { messageType: 'pong'; form: PingForm }
  | ProtocolError;
