// Web Push as Gecko speaks it (KaiOS 2.5, Firefox): hello asks for it and never lists channels, news are messages, one
// to a frame, whose bodies only this handset can read, and an ack says what became of each.
import {
  badFrame,
  channelIdCharsMax,
  type Frame,
  isRecord,
  isText,
  type News,
  type Outcome,
  type Reader,
} from '../messages.js';
import type { Dialect } from './dialect.js';
import { simplePush } from './simple-push.js';

const ackCodes: Record<Outcome, number> = {
  delivered: 100,
  'not-decrypted': 101,
  'not-delivered': 102,
};

/** Why a channel is given up: the app wants no more. Others are a quota (201) and a lost permission (202). */
const unsubscribed = 200;

/** Ids are the server's; those of others than ours are encrypted texts. */
const idCharsMax = 1024;

/** @param key the one app server key whose holder may send to the channels (RFC 8292 section 4). */
export function createWebPush({ key }: { key: string | undefined }): Dialect {
  const webPush: Dialect = {
    helloWords: () => ({ use_webpush: true }),
    requestWords: { register: { key }, unregister: { code: unsubscribed } },
    readers: new Map<string, Reader>([['notification', readNotification]]),
    isEncrypted: true,
    agreed: ({ isWebPush }) => (isWebPush ? webPush : simplePush),

    ackFrames: (settled) =>
      settled.flatMap(({ news, outcome }) => {
        if (news.kind !== 'push') return [];
        const update = { channelID: news.channelID, version: news.id, code: ackCodes[outcome] };
        return [JSON.stringify({ messageType: 'ack', updates: [update] })];
      }),
  };
  return webPush;
}

function readNotification({ channelID, version, data, headers }: Frame): ReturnType<Reader> {
  if (!isText(channelID, channelIdCharsMax)) return badFrame('notification without a channelID');
  if (!isText(version, idCharsMax)) return badFrame('notification without a version');
  const one = (news: News): ReturnType<Reader> => {
    return { messageType: 'notification', news: [news], unreadable: 0 };
  };
  if (data === undefined || data === null) return one({ kind: 'push', channelID, id: version });
  if (typeof data !== 'string') return badFrame('notification with data that is not a text');
  const { encoding, encryption, crypto_key: cryptoKey } = isRecord(headers) ? headers : {};
  const body = {
    data: Buffer.from(data, 'base64url'),
    ...(typeof encoding === 'string' && { encoding }),
    ...(typeof encryption === 'string' && { encryption }),
    ...(typeof cryptoKey === 'string' && { cryptoKey }),
  };
  return one({ kind: 'push', channelID, id: version, body });
}
