// Web Push as Firefox and KaiOS speak it to their push server: a hello with `use_webpush`, then one message a frame.
import { helloStatus, parseNackCode, registerStatus, unregisterStatus } from '../protocol/codes.js';
import { parseChannelId, parseMessageId } from '../protocol/ids.js';
import type { Message, ServerMessage, Update } from '../protocol/messages.js';
import { parseVapidKey } from '../protocol/vapid-key.js';
import type { Dialect } from './dialect.js';
import {
  authFields,
  commonReaders,
  errorFields,
  errorOf,
  type Frame,
  type Read,
  type Readers,
  readFrame,
  writePong,
} from './frames.js';

export const webPush: Dialect = {
  name: 'web-push',
  takes: 'push',
  neverListsChannels: true,
  decode: (data, isBinary) => readFrame(readers, data, isBinary),
  encode(message) {
    if (message.messageType === 'pong') return [writePong(message.form)];
    return fieldsOf(message).map((fields) => JSON.stringify(fields));
  },
};

const readers: Readers = new Map([
  ...commonReaders,
  ['register', readRegister],
  ['nack', readNack],
  ['ping', () => ({ messageType: 'ping', form: 'json' })],
  // Firefox asks for news of its own maker's services, which we have none of, and wants no answer.
  ['broadcast_subscribe', () => ({ messageType: 'nothing' })],
]);

function readRegister({ channelID, key: said }: Frame): Read {
  const channel = parseChannelId(channelID);
  if (!channel) return errorOf('bad-channel', 'register');
  const isOpenToAll = said === undefined || said === null;
  const key = parseVapidKey(said);
  if (!isOpenToAll && !key) return { ...errorOf('bad-key', 'register'), channel };
  return { messageType: 'register', channel, key };
}

/** A nack that names no message of ours says nothing that could be kept. */
function readNack({ version, code }: Frame): Read {
  const id = parseMessageId(version);
  return id
    ? { messageType: 'nack', message: { id, code: parseNackCode(code) } }
    : { messageType: 'nothing' };
}

function fieldsOf(message: Exclude<ServerMessage, { messageType: 'pong' }>): readonly object[] {
  switch (message.messageType) {
    case 'hello': {
      const { messageType, uaid, isWakeable, wakeupAuth } = message;
      const status = isWakeable ? helloStatus.wakeable : helloStatus.connected;
      const common = { messageType, uaid, status, use_webpush: true, broadcasts: {} };
      return [{ ...common, ...authFields(wakeupAuth) }];
    }
    case 'register': {
      const { messageType, pushEndpoint, channel } = message;
      return [{ messageType, channelID: channel, status: registerStatus, pushEndpoint }];
    }
    case 'unregister': {
      const { messageType, channel } = message;
      return [{ messageType, channelID: channel, status: unregisterStatus.ok }];
    }
    case 'notification':
      return [...message.updates.map(updateFields), ...message.messages.map(messageFields)];
    case 'error':
      // A client finds by the channel which of its requests failed; without it, it waits until a timeout.
      return [{ ...errorFields(message), channelID: message.channel }];
  }
}

/** A version is news without content: the app is told that there is some. */
function updateFields({ channel, version }: Update) {
  return { messageType: 'notification', channelID: channel, version: String(version) };
}

function messageFields({ id, channel, body, encoding: sent }: Message) {
  const common = { messageType: 'notification', channelID: channel, version: id };
  if (!body || body.length === 0) return common;
  const { encoding, encryption, cryptoKey: crypto_key } = sent;
  const data = Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64url');
  return { ...common, data, headers: { encoding, encryption, crypto_key } };
}
