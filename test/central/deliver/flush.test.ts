// What a socket is sent: what is pending and was not sent on it, until it is acked.
import t from 'tap';
import {
  forgetChannel,
  keepPending,
  notAcked,
  noteAcked,
  noteSent,
  readPending,
  type Unacked,
  unsent,
} from '../../../central/deliver/flush.js';
import { type MessageId, newMessageId } from '../../../central/protocol/ids.js';
import type { Message } from '../../../central/protocol/messages.js';
import { openDelivery } from '../../support/central-app.js';
import { channel, messageRecord, putRecord, sampleMs } from '../../support/central-samples.js';

const [a, b] = [channel('c1'), channel('b')];

/** A device with two channels, and its socket's memory. */
async function setUp(t: Parameters<typeof openDelivery>[0]) {
  const { store, meet } = await openDelivery(t);
  const device = await meet();
  await store.register(device, b, 10);
  const unacked: Unacked = new Map();
  const put = (channel: typeof a, version: number) =>
    store.put(putRecord(device, channel, version));
  const read = async ({ all }: { all: boolean }) => {
    const pending = await readPending({ ...reading, store, device });
    const { updates } = all ? pending : unsent(pending, unacked);
    return Object.fromEntries(updates.map(({ channel, version }) => [channel, version]));
  };
  return { store, device, unacked, put, read };
}

const none: ReadonlySet<MessageId> = new Set();
const reading = { takes: () => 'push' as const, nowMs: sampleMs, bytesMax: 100_000, ignored: none };

const first = { nowMs: 1000, isRepetition: false };
const [m1, m2] = [newMessageId(sampleMs), newMessageId(sampleMs)];

/** A socket's memory of versions and messages, `sent` at a time. */
function memory() {
  const unacked: Unacked = new Map();
  return {
    unacked,
    sent(nowMs: number, versions: Record<string, number>, ids: MessageId[] = [], isAgain = false) {
      const updates = versionsOf(versions);
      noteSent(unacked, { updates, messages: ids.map(message) }, { nowMs, isRepetition: isAgain });
    },
    acked: (versions: Record<string, number>, ids: MessageId[] = []) =>
      noteAcked(unacked, {
        updates: versionsOf(versions),
        messages: ids.map((id) => ({ id, code: 100 })),
      }),
  };
}

const versionsOf = (versions: Record<string, number>) =>
  Object.entries(versions).map(([name, version]) => ({ channel: channel(name), version }));

function message(id: MessageId): Message {
  return { id, channel: a, kind: 'push', body: undefined, encoding: {} };
}

t.test('a socket that was sent nothing is sent all that is pending', async (t) => {
  const { store, device, put } = await setUp(t);
  await put(a, 1);
  await put(b, 2);
  const pending = await readPending({ ...reading, store, device });
  t.same(new Set(unsent(pending, undefined).updates), new Set(versionsOf({ c1: 1, b: 2 })));
});

t.test('what was sent is not sent again, a newer version of it is', async (t) => {
  const { unacked, put, read } = await setUp(t);
  await put(a, 1);
  await put(b, 1);
  noteSent(unacked, { updates: versionsOf({ c1: 1 }), messages: [] }, first);
  t.same(await read({ all: false }), { b: 1 });
  await put(a, 2);
  t.same(await read({ all: false }), { c1: 2, b: 1 });
});

t.test('all: what was sent and is not acked is sent again', async (t) => {
  const { unacked, put, read } = await setUp(t);
  await put(a, 1);
  noteSent(unacked, { updates: versionsOf({ c1: 1 }), messages: [] }, first);
  t.same(await read({ all: false }), {});
  t.same(await read({ all: true }), { c1: 1 });
});

t.test('version 0 is as good as any', async (t) => {
  const { unacked, put, read } = await setUp(t);
  await put(a, 0);
  t.same(await read({ all: false }), { c1: 0 });
  noteSent(unacked, { updates: versionsOf({ c1: 0 }), messages: [] }, first);
  t.same(await read({ all: false }), {});
});

t.test('an ack counts for its version and older ones', async (t) => {
  const { unacked, sent, acked } = memory();
  sent(1000, { c1: 5 });
  acked({ c1: 4 });
  t.equal(unacked.size, 1);
  acked({ b: 9 });
  t.equal(unacked.size, 1);
  acked({ c1: 5 });
  t.equal(unacked.size, 0);
  sent(1000, { c1: 5 });
  acked({ c1: 6 });
  t.equal(unacked.size, 0);
});

t.test('an ack of a message counts for that message alone', async (t) => {
  const { unacked, sent, acked } = memory();
  sent(1000, { c1: 5 }, [m1, m2]);
  acked({}, [m1]);
  t.same([...unacked.keys()], ['c1', m2]);
  acked({ c1: 5 }, [m1]);
  t.same([...unacked.keys()], [m2]);
});

t.test('what is sent twice is a resend', async (t) => {
  const { unacked, sent } = memory();
  sent(1000, { c1: 5 }, [m1]);
  for (const key of [a, m1]) t.match(unacked.get(key), { sentAtMs: 1000, isResent: false });
  sent(2000, { c1: 5 }, [m1], true);
  for (const key of [a, m1]) t.match(unacked.get(key), { sentAtMs: 2000, isResent: true });
});

t.test('a newer version waits for its ack since the one it replaces was sent', async (t) => {
  const { unacked, sent, acked } = memory();
  sent(1000, { c1: 5 });
  sent(2000, { c1: 6 });
  t.match(unacked.get(a), { version: 6, sentAtMs: 1000, isResent: false });
  acked({ c1: 6 });
  sent(3000, { c1: 7 });
  t.match(unacked.get(a), { version: 7, sentAtMs: 3000, isResent: false });
});

t.test('a newer version that goes out in place of a resend is one', async (t) => {
  const { unacked, sent } = memory();
  sent(1000, { c1: 5 });
  sent(61_000, { c1: 6 }, [], true);
  t.match(unacked.get(a), { version: 6, sentAtMs: 61_000, isResent: true });
  sent(62_000, { c1: 7 });
  t.match(unacked.get(a), { version: 7, sentAtMs: 61_000, isResent: true });
});

t.test('what is acked while the store is read is not sent after it', async (t) => {
  const pending = { updates: versionsOf({ c1: 5, b: 1 }), messages: [message(m1), message(m2)] };
  const acks = [
    { updates: versionsOf({ c1: 4 }), messages: [] },
    { updates: versionsOf({ b: 1 }), messages: [{ id: m2, code: undefined }] },
    { updates: versionsOf({ b: 0 }), messages: [] },
  ];
  t.same(notAcked(pending, acks), {
    updates: versionsOf({ c1: 5 }),
    messages: [message(m1)],
  });
});

t.test('what the store has no more is not waited for', async (t) => {
  const { unacked, sent } = memory();
  sent(1000, { c1: 5, b: 1 }, [m1, m2]);
  keepPending(unacked, { updates: versionsOf({ b: 1 }), messages: [message(m2)] }, []);
  t.same([...unacked.keys()], ['b', m2]);
});

t.test('what a device ignores is remembered for as long as it is pending', async (t) => {
  const { store, device, unacked } = await setUp(t);
  for (const id of [m1, m2]) await store.putMessage(messageRecord(device, a, { id, kind: 'text' }));
  const read = () => readPending({ ...reading, takes: () => 'text', store, device, ignored });
  const ignored = new Set([m1, m2]);
  const messages = [m1, m2].map((id) => ({ ...message(id), isIgnored: true }));
  noteSent(unacked, { updates: [], messages }, first);
  await store.cancelMessage(device, m1, sampleMs);
  const pending = await read();
  t.same(pending.messages, []);
  keepPending(unacked, pending, pending.stillIgnored);
  t.same([...unacked.keys()], [m2]);
});

t.test('a channel that is gone takes its messages along', async (t) => {
  const { unacked, sent } = memory();
  sent(1000, { c1: 5, b: 1 }, [m1, m2]);
  forgetChannel(unacked, a);
  t.same([...unacked.keys()], ['b']);
});
