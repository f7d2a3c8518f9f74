// What every dialect reads alike: JSON text frames, and in them hellos, channels, acks and proofs. Field names of the
// wire that more than one dialect has appear here and nowhere else.
import { parseAddress } from '../../shared/address.js';
import { networkKey } from '../../shared/network.js';
import { protocols } from '../../shared/wakeup/request.js';
import { type ProtocolErrorName, parseAckCode, protocolErrors } from '../protocol/codes.js';
import { type ChannelId, parseChannelId, parseMessageId } from '../protocol/ids.js';
import {
  type AckedMessage,
  type DeviceMessage,
  type PingForm,
  type ProtocolError,
  type Update,
  versionMax,
  type WakeupAddress,
  type WakeupAuth,
} from '../protocol/messages.js';

export type Frame = Record<string, unknown>;
export type Read = DeviceMessage | ProtocolError;
/** How a dialect reads each messageType it knows. */
export type Readers = ReadonlyMap<string, (frame: Frame) => Read>;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Reads one frame. The keep-alives have no messageType, and are the same for all. */
export function readFrame(readers: Readers, data: Uint8Array, isBinary: boolean): Read {
  if (isBinary) return errorOf('binary');
  const frame = parseFrame(data);
  if (frame === 'PING') return { messageType: 'ping', form: 'text' };
  if (frame === undefined) return errorOf('not-json');
  if (Object.keys(frame).length === 0) return { messageType: 'ping', form: 'json' };
  const { messageType } = frame;
  const read = typeof messageType === 'string' ? readers.get(messageType) : undefined;
  return read ? read(frame) : errorOf('unknown-type', messageType);
}

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

/** A hello says which dialect its device speaks from then on, in whichever one it is read. */
function readHello(frame: Frame): Read {
  const { channelIDs } = frame;
  const isList = Array.isArray(channelIDs);
  if (!isList && channelIDs !== undefined && channelIDs !== null) {
    return errorOf('bad-channel', 'hello');
  }
  return {
    messageType: 'hello',
    dialect: frame.use_webpush === true ? 'web-push' : 'simple-push',
    uaid: frame.uaid,
    // An entry that can be no channel of ours cannot be recovered; the others still can.
    channels: isList ? channelIDs.map(parseChannelId).filter(isChannel) : undefined,
    wakeup: readWakeup(frame),
    canProve: fieldsOf(frame.wakeup_hostport).proof === true,
    isAuthenticated: fieldsOf(frame.wakeup_hostport).auth === true,
  };
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

/** What every dialect reads alike, beside the messages of its own. */
export const commonReaders = [
  ['hello', readHello],
  ['unregister', readUnregister],
  ['ack', readAck],
  ['wakeupProof', readProof],
] as const;

/** A nonce that is none proves nothing, and whoever sends one is not told. */
function readProof({ nonce }: Frame): Read {
  return { messageType: 'wakeupProof', nonce: typeof nonce === 'string' ? nonce : '' };
}

function readUnregister(frame: Frame): Read {
  const channel = parseChannelId(frame.channelID);
  return channel ? { messageType: 'unregister', channel } : errorOf('bad-channel', 'unregister');
}

/**
 * An entry has the id of a message, in the field of versions or in the one of desktop notifications, and needs no
 * channel then; or a version of its channel.
 */
function readAck(frame: Frame): Read {
  if (!Array.isArray(frame.updates)) return errorOf('bad-channel', 'ack');
  const updates: Update[] = [];
  const messages: AckedMessage[] = [];
  for (const item of frame.updates as unknown[]) {
    const { channelID, version, _internal_id, code } = fieldsOf(item);
    const id = parseMessageId(_internal_id ?? version);
    if (id) {
      messages.push({ id, code: parseAckCode(code) });
      continue;
    }
    const channel = parseChannelId(channelID);
    if (!channel) return errorOf('bad-channel', 'ack');
    const number = readVersion(version);
    // What is neither acknowledges nothing; the update comes again.
    if (number !== undefined) updates.push({ channel, version: number });
  }
  return { messageType: 'ack', updates, messages };
}

function readVersion(value: unknown): number | undefined {
  const isDigits = typeof value === 'string' && /^[0-9]{1,16}$/.test(value);
  const version = isDigits ? Number(value) : value;
  if (typeof version !== 'number' || !Number.isInteger(version)) return undefined;
  return version >= 0 && version <= versionMax ? version : undefined;
}

export function writePong(form: PingForm): string {
  return form === 'text' ? 'PONG' : '{}';
}

export function errorFields({ error, inReplyTo }: ProtocolError) {
  const { status, reason } = protocolErrors[error];
  return { messageType: inReplyTo, status, reason };
}

export function authFields(auth: WakeupAuth | undefined) {
  return auth && { wakeup_auth: { key: auth.key.toString('base64url'), counter: auth.counter } };
}

export function errorOf(error: ProtocolErrorName, messageType?: unknown): ProtocolError {
  const inReplyTo = typeof messageType === 'string' ? messageType : undefined;
  return { messageType: 'error', error, inReplyTo };
}

function fieldsOf(value: unknown): Frame {
  return typeof value === 'object' && value !== null ? (value as Frame) : {};
}

function isChannel(channel: ChannelId | undefined): channel is ChannelId {
  return channel !== undefined;
}
