// Simple Push: news are versions, and texts for the notification area (Simple Push API, `body=`), many to a frame.
import {
  badFrame,
  channelIdCharsMax,
  type Frame,
  isRecord,
  isText,
  type News,
  type Reader,
} from '../messages.js';
import type { Dialect } from './dialect.js';

// Frames of the user agent are kept under the 20 KiB that a server takes, even with the longest names.
const versionAcksMax = 100;
const textAcksMax = 50;
const idCharsMax = 128;

export const simplePush: Dialect = {
  helloWords: ({ channelIDs }) => ({ channelIDs }),
  requestWords: { register: {}, unregister: {} },
  readers: new Map<string, Reader>([
    ['notification', (frame) => readUpdates(frame, readVersion)],
    ['desktopNotification', (frame) => readUpdates(frame, readText)],
  ]),
  isEncrypted: false,
  agreed: () => simplePush,

  ackFrames(settled) {
    const versions = settled.flatMap(({ news }) => (news.kind === 'version' ? [news] : []));
    const texts = settled.flatMap(({ news }) => (news.kind === 'text' ? [news] : []));
    return [
      ...framesOf(versions, versionAcksMax, ({ channelID, version }) => ({
        channelID,
        version: String(version),
      })),
      ...framesOf(texts, textAcksMax, ({ channelID, id }) => ({ channelID, _internal_id: id })),
    ];
  },
};

function framesOf<T>(items: readonly T[], max: number, write: (item: T) => Frame): string[] {
  const frames: string[] = [];
  for (let i = 0; i < items.length; i += max) {
    const updates = items.slice(i, i + max).map(write);
    frames.push(JSON.stringify({ messageType: 'ack', updates }));
  }
  return frames;
}

function readUpdates(
  { messageType, updates }: Frame,
  read: (update: Frame, channelID: string) => News | undefined,
): ReturnType<Reader> {
  if (!Array.isArray(updates)) return badFrame(`${messageType} without updates`);
  const news = updates.flatMap((update): News[] => {
    if (!isRecord(update) || !isText(update.channelID, channelIdCharsMax)) return [];
    const item = read(update, update.channelID);
    return item ? [item] : [];
  });
  return { messageType: 'notification', news, unreadable: updates.length - news.length };
}

/** 0 … 2^53-1. A decimal string by the protocol; numbers are taken too, as other user agents do. */
function readVersion({ version }: Frame, channelID: string): News | undefined {
  const isDecimal = typeof version === 'string' && /^[0-9]{1,16}$/.test(version);
  const value = isDecimal ? Number(version) : version;
  const isVersion = Number.isSafeInteger(value) && Number(value) >= 0;
  return isVersion ? { kind: 'version', channelID, version: Number(value) } : undefined;
}

function readText({ _internal_id: id, body }: Frame, channelID: string): News | undefined {
  if (!isText(id, idCharsMax) || typeof body !== 'string') return undefined;
  return { kind: 'text', channelID, id, body };
}
