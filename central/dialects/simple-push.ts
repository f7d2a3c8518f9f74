// Simple Push: JSON text frames as the architecture document (chapter 3) has them.
import { helloStatus, registerStatus, unregisterStatus } from '../protocol/codes.js';
import { parseChannelId } from '../protocol/ids.js';
import type { Message, ServerMessage, Update } from '../protocol/messages.js';
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

/** Updates in one frame; more follow in further frames. */
const updatesPerFrameMax = 200;

const decoder = new TextDecoder();

export const simplePush: Dialect = {
  name: 'simple-push',
  takes: 'text',
  neverListsChannels: false,
  decode: (data, isBinary) => readFrame(readers, data, isBinary),
  encode(message) {
    if (message.messageType === 'notification') return encodeNotification(message);
    if (message.messageType === 'pong') return [writePong(message.form)];
    return [JSON.stringify(fieldsOf(message))];
  },
};

const readers: Readers = new Map([...commonReaders, ['register', readRegister]]);

function readRegister(frame: Frame): Read {
  const channel = parseChannelId(frame.channelID);
  if (!channel) return errorOf('bad-channel', 'register');
  return { messageType: 'register', channel, key: undefined };
}

function fieldsOf(
  message: Exclude<ServerMessage, { messageType: 'notification' | 'pong' }>,
): object {
  switch (message.messageType) {
    case 'hello': {
      const { messageType, uaid, isWakeable, wakeupAuth } = message;
      const status = isWakeable ? helloStatus.wakeable : helloStatus.connected;
      return { messageType, uaid, status, ...authFields(wakeupAuth) };
    }
    case 'register': {
      const { messageType, pushEndpoint, channel } = message;
      return { messageType, status: registerStatus, pushEndpoint, channelID: channel };
    }
    case 'unregister': {
      // The document's example says messageType "register"; clients wait for "unregister".
      const { messageType, channel } = message;
      return { messageType, channelID: channel, status: unregisterStatus.accepted };
    }
    case 'error':
      return errorFields(message);
  }
}

/** A text has a frame of its own: many long ones would make a frame that the network takes in parts. */
function encodeNotification({
  updates,
  messages,
}: {
  updates: readonly Update[];
  messages: readonly Message[];
}): string[] {
  const frames: object[] = [];
  for (let i = 0; i < updates.length; i += updatesPerFrameMax) {
    const some = updates.slice(i, i + updatesPerFrameMax);
    frames.push({ messageType: 'notification', updates: some.map(updateFields) });
  }
  for (const message of messages) {
    frames.push({ messageType: 'desktopNotification', updates: [textFields(message)] });
  }
  return frames.map((frame) => JSON.stringify(frame));
}

function updateFields({ channel, version }: Update) {
  return { channelID: channel, version: String(version) };
}

function textFields({ id, channel, body }: Message) {
  return { channelID: channel, _internal_id: id, body: decoder.decode(body) };
}
