// Simple Push, subprotocol `push-notification`: JSON text frames (architecture document, chapter 3).
// Field names and statuses of the wire appear here and nowhere else.
import { parseAddress } from '../../shared/address.js';
import { networkKey } from '../../shared/network.js';
import { protocols } from '../../shared/wakeup/request.js';
import {
  helloStatus,
  type ProtocolErrorName,
  protocolErrors,
  registerStatus,
  unregisterStatus,
} from '../protocol/codes.js';
import { type ChannelId, parseChannelId } from '../protocol/ids.js';
import {
  type DeviceMessage,
  type ProtocolError,
  type ServerMessage,
  type Update,
  versionMax,
  type WakeupAddress,
  type WakeupAuth,
} from '../protocol/messages.js';
import type { Dialect } from './dialect.js';

type Frame = Record<string, unknown>;

const decoder = new TextDecoder('utf-8', { fatal: true });

export const simplePush: Dialect = {
  name: 'simple-push',
  takes: 'text',
  neverListsChannels: false,

  decode(data, isBinary) {
    if (isBinary) return errorOf('binary');
    const frame = parseFrame(data);
    if (frame === 'PING') return { messageType: 'ping', form: 'text' };
    if (frame === undefined) return errorOf('not-json');
    if (Object.keys(frame).length === 0) return { messageType: 'ping', form: 'json' };
    const { messageType } = frame;
    const decode = typeof messageType === 'string' ? readers.get(messageType) : undefined;
    return decode ? decode(frame) : errorOf('unknown-type', messageType);
  },

  encode(message) {
    return [encode(message)];
  },
};

function encode(message: ServerMessage): string {
  switch (message.messageType) {
    case 'hello': {
      const status = message.isWakeable ? helloStatus.wakeable : helloStatus.connected;
      const { uaid, wakeupAuth } = message;
      const auth = wakeupAuth && { wakeup_auth: writeAuth(wakeupAuth) };
      return write({ messageType: 'hello', uaid, status, ...auth });
    }
    case 'register':
      return write({
        messageType: 'register',
        status: registerStatus,
        pushEndpoint: message.pushEndpoint,
        channelID: message.channel,
      });
    case 'unregister':
      // The document's example says messageType "register"; clients wait for "unregister".
      return write({
        messageType: 'unregister',
        channelID: message.channel,
        status: unregisterStatus,
      });
    case 'notification':
      return write({ messageType: 'notification', updates: message.updates.map(writeUpdate) });
    case 'pong':
      return message.form === 'text' ? 'PONG' : '{}';
    case 'error': {
      const { status, reason } = protocolErrors[message.error];
      return write({ messageType: message.inReplyTo, status, reason });
    }
  }
}

const readers = new Map<string, (frame: Frame) => DeviceMessage | ProtocolError>([
  ['hello', readHello],
  ['register', readRegister],
  ['unregister', readUnregister],
  ['ack', readAck],
  ['wakeupProof', readProof],
]);

function parseFrame(data: Uint8Array): Frame | 'PING' | undefined {
  try {
    const text = decoder.decode(data);
    if (text === 'PING') return text;
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Frame) : undefined;
  } catch {
    // Not UTF-8 or not JSON: the caller answers 450.
    return undefined;
  }
}

function readHello(frame: Frame): DeviceMessage | ProtocolError {
  const { channelIDs } = frame;
  const isList = Array.isArray(channelIDs);
  if (!isList && channelIDs !== undefined && channelIDs !== null) {
    return errorOf('bad-channel', 'hello');
  }
  return {
    messageType: 'hello',
    dialect: 'simple-push',
    uaid: frame.uaid,
    // An entry that can be no channel of ours cannot be recovered; the others still can.
    channels: isList ? channelIDs.map(parseChannelId).filter(isChannel) : undefined,
    wakeup: readWakeup(frame),
    canProve: fieldsOf(frame.wakeup_hostport).proof === true,
    isAuthenticated: fieldsOf(frame.wakeup_hostport).auth === true,
  };
}

/** A nonce that is none proves nothing, and whoever sends one is not told. */
function readProof({ nonce }: Frame): DeviceMessage {
  return { messageType: 'wakeupProof', nonce: typeof nonce === 'string' ? nonce : '' };
}

function readWakeup(frame: Frame): WakeupAddress | undefined {
  const { ip, port } = fieldsOf(frame.wakeup_hostport);
  const { mcc, mnc, netid } = fieldsOf(frame.mobilenetwork);
  const network = networkKey(mcc, mnc, netid);
  const address = parseAddress(ip);
  const portNumber = readPort(port);
  const wanted = frame.protocol ?? 'udp';
  const protocol = protocols.find((known) => known === wanted);
  if (!network || !address || portNumber === undefined || !protocol) return undefined;
  return { network, address, port: portNumber, protocol };
}

// The document shows the port as a text; real clients send a number.
function readPort(value: unknown): number | undefined {
  const isDigits = typeof value === 'string' && /^[0-9]{1,5}$/.test(value);
  const port = isDigits ? Number(value) : value;
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535;
  return isPort ? port : undefined;
}

function readRegister(frame: Frame): DeviceMessage | ProtocolError {
  const channel = parseChannelId(frame.channelID);
  if (!channel) return errorOf('bad-channel', 'register');
  return { messageType: 'register', channel, key: undefined };
}

function readUnregister(frame: Frame): DeviceMessage | ProtocolError {
  const channel = parseChannelId(frame.channelID);
  return channel ? { messageType: 'unregister', channel } : errorOf('bad-channel', 'unregister');
}

function readAck(frame: Frame): DeviceMessage | ProtocolError {
  if (!Array.isArray(frame.updates)) return errorOf('bad-channel', 'ack');
  const updates: Update[] = [];
  for (const item of frame.updates as unknown[]) {
    const { channelID, version } = fieldsOf(item);
    const channel = parseChannelId(channelID);
    if (!channel) return errorOf('bad-channel', 'ack');
    const number = readVersion(version);
    // A version that is none acknowledges nothing; the update comes again.
    if (number !== undefined) updates.push({ channel, version: number });
  }
  return { messageType: 'ack', updates, messages: [] };
}

function readVersion(value: unknown): number | undefined {
  const isDigits = typeof value === 'string' && /^[0-9]{1,16}$/.test(value);
  const version = isDigits ? Number(value) : value;
  const isVersion = Number.isSafeInteger(version) && (version as number) >= 0;
  return isVersion && (version as number) <= versionMax ? (version as number) : undefined;
}

function writeAuth({ key, counter }: WakeupAuth) {
  return { key: key.toString('base64url'), counter };
}

function writeUpdate({ channel, version }: Update) {
  return { channelID: channel, version: String(version) };
}

function fieldsOf(value: unknown): Frame {
  return typeof value === 'object' && value !== null ? (value as Frame) : {};
}

function errorOf(error: ProtocolErrorName, messageType?: unknown): ProtocolError {
  const inReplyTo = typeof messageType === 'string' ? messageType : undefined;
  return { messageType: 'error', error, inReplyTo };
}

function isChannel(channel: ChannelId | undefined): channel is ChannelId {
  return channel !== undefined;
}

function write(value: Record<string, unknown>): string {
  return JSON.stringify(value);
}
