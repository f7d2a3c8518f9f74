// A part of the store's contract: which messages are kept, for whom and for how long.
import { type MessageId, newMessageId } from '../../../central/protocol/ids.js';
import { channel, sampleIds, sampleMs } from '../../support/central-samples.js';
import { anyAddress, meet, type Test } from './phrases.js';

const [c1, c2] = [channel('c1'), channel('c2')];
const takes = 'push';

export function messages(test: Test): void {
  keeping(test);
  keys(test);
  kinds(test);
  topics(test);
  limits(test);
}

function keeping(test: Test): void {
  test('messages are read as they were sent, the oldest first', async (t, open) => {
    const { store, send, device } = await meet(open, { channels: [c1, c2], takes });
    const encoding = { encoding: 'aesgcm', encryption: 'salt=abc', cryptoKey: 'dh=def' };
    const body = Buffer.from([0, 1, 2, 255]);
    // Ids of one moment are in no order: what counts is when they were stored.
    const first = await send(device, c2, { body, encoding });
    const second = await send(device, c1);
    const found = await store.pendingMessages(device, { nowMs: sampleMs, limit: 10 });
    t.same(
      found.map((message) => ({ ...message, body: message.body && [...message.body] })),
      [
        { id: first.id, channel: c2, kind: 'push', body: [...body], encoding },
        { id: second.id, channel: c1, kind: 'push', body: undefined, encoding: {} },
      ],
    );
    const one = await store.pendingMessages(device, { nowMs: sampleMs, limit: 1 });
    t.same(
      one.map(({ id }) => id),
      [first.id],
    );
  });

  test('an empty body is another thing than none', async (t, open) => {
    const { store, send, device } = await meet(open, { takes });
    await send(device, c1, { body: new Uint8Array() });
    const [found] = await store.pendingMessages(device, { nowMs: sampleMs, limit: 1 });
    t.equal(found?.body?.length, 0);
  });

  test('the same message again changes nothing, whatever became of it', async (t, open) => {
    const { store, send, waiting, device } = await meet(open, {
      ...{ takes, address: anyAddress() },
    });
    const sent = await send(device, c1, { topic: 'a' });
    const again = () => store.putMessage({ ...sent, expiresMs: sampleMs + 9, body: Buffer.of(1) });
    const nothing = { outcome: 'stored', isOwedAnew: false, replaced: 0, dropped: 0 };
    t.same(await again(), nothing);
    t.same(await waiting(device), [sent.id]);
    t.match(await store.messageStatus(device, sent.id), { expiresMs: sent.expiresMs });
    await store.ackMessages(device, [{ id: sent.id, code: 100 }], sampleMs);
    t.same(await again(), nothing);
    t.same(await waiting(device), []);
  });

  test('an id is of one device: another may have the same', async (t, open) => {
    const { store, send, waiting, statusOf, device, hello } = await meet(open, { takes });
    const other = sampleIds.newDevice();
    await hello(other, { channels: [c1], takes });
    const { id } = await send(device, c1);
    t.equal(await statusOf(other, id), undefined);
    t.equal(await store.cancelMessage(other, id, sampleMs), 'unknown');
    await send(other, c1, { id });
    await store.ackMessages(other, [{ id, code: undefined }], sampleMs);
    t.same([await waiting(device), await waiting(other)], [[id], []]);
  });

  test('nothing is read from the moment on in which its time is over', async (t, open) => {
    const { send, waiting, device } = await meet(open, { takes });
    const { id } = await send(device, c1, { expiresMs: sampleMs + 10 });
    t.same(await waiting(device, sampleMs + 9), [id]);
    t.same(await waiting(device, sampleMs + 10), []);
  });

  test('what has no time at all has ended when it is stored', async (t, open) => {
    const { store, send, waiting, device } = await meet(open, { takes });
    const sent = await send(device, c1, { expiresMs: sampleMs });
    t.match(sent, { outcome: 'stored', isOwedAnew: false, dropped: 0, endedAs: 'expired' });
    t.same(await waiting(device, sampleMs - 1), []);
    const ended = { state: 'expired', atMs: sampleMs, code: undefined };
    t.match(await store.messageStatus(device, sent.id), ended);
    t.equal(await store.expireMessages(sampleMs, 10), 0);
  });

  test('nothing is kept for a channel or a device that is not known', async (t, open) => {
    const { store, send, statusOf, device, hello } = await meet(open, { takes });
    const gone = await send(device, c2);
    t.match(gone, { outcome: 'unknown-channel', isOwedAnew: false, replaced: 0, dropped: 0 });
    t.equal(await statusOf(device, gone.id), undefined);
    t.match(await send(sampleIds.newDevice(), c1), { outcome: 'unknown-device' });
    const silent = sampleIds.newDevice();
    await hello(silent, { takes });
    t.match(await send(silent, c1), { outcome: 'unknown-device' }, 'it has not told its channels');
    t.same(await store.pendingMessages(silent, { nowMs: sampleMs, limit: 1 }), []);
  });

  test('a version and a message of one channel have nothing to do with each other', async (t, open) => {
    const { store, put, send, pending, waiting, device } = await meet(open, { takes });
    const { id } = await send(device, c1);
    await put(device, c1, 7);
    await store.ack(device, [{ channel: c1, version: 7 }]);
    t.same([await pending(device), await waiting(device)], [{}, [id]]);
    await put(device, c1, 8);
    await store.ackMessages(device, [{ id, code: 100 }], sampleMs);
    t.same([await pending(device), await waiting(device)], [{ c1: 8 }, []]);
  });

  test('those that are pending are counted, those that ended are not', async (t, open) => {
    const { store, send, device } = await meet(open, { store: 'empty', takes });
    const { id } = await send(device, c1);
    await send(device, c1);
    t.match(await store.counts(), { messages: 2, pending: 0 });
    await store.cancelMessage(device, id, sampleMs);
    t.match(await store.counts(), { messages: 1 });
  });

  test('a dark device has as many pending as it has channels with a version, and messages', async (t, open) => {
    const { store, put, send, darken, device } = await meet(open, {
      ...{ store: 'empty', takes, address: anyAddress() },
    });
    await put(device, c1, 1);
    await send(device, c1);
    await send(device, c1, { expiresMs: sampleMs });
    await darken(device);
    t.match(await store.darkDevices(10), [{ device, pending: 2 }]);
  });
}

function keys(test: Test): void {
  test('a channel with a key takes messages of its holder alone', async (t, open) => {
    const { store, send, device } = await meet(open, { channels: [], takes });
    await store.register(device, c1, 100, 'key-a');
    t.match(await send(device, c1, { key: 'key-a' }), { outcome: 'stored' });
    t.match(await send(device, c1, { key: 'key-b' }), { outcome: 'wrong-key', isOwedAnew: false });
    t.match(await send(device, c1), { outcome: 'key-missing' });
  });

  test('a channel with a key takes no versions, which come with none', async (t, open) => {
    const { store, put, pending, device } = await meet(open, { takes, address: anyAddress() });
    t.match(await put(device, c1, 1), { outcome: 'stored' });
    await store.register(device, c1, 100, 'key-a');
    const refused = { outcome: 'belongs-to-key', isOwedAnew: false };
    for (const version of [1, 2]) t.same(await put(device, c1, version), refused);
    t.same(await pending(device), { c1: 1 }, 'what was taken stays');
    await store.unregister(device, c1, sampleMs);
    await store.register(device, c1, 100);
    t.match(await put(device, c1, 2), { outcome: 'stored' });
  });

  test('a channel without a key takes those of anybody', async (t, open) => {
    const { send, device } = await meet(open, { takes });
    t.match(await send(device, c1, { key: 'key-a' }), { outcome: 'stored' });
    t.match(await send(device, c1), { outcome: 'stored' });
  });

  test('a channel registered again has the key of the last time that one was named', async (t, open) => {
    const { store, send, waiting, device } = await meet(open, { channels: [], takes });
    await store.register(device, c1, 100, 'key-a');
    const { id } = await send(device, c1, { key: 'key-a' });
    await store.register(device, c1, 100, 'key-b');
    t.match(await send(device, c1, { key: 'key-a' }), { outcome: 'wrong-key' });
    t.same(await waiting(device), [id], 'what was taken stays');
    await store.register(device, c1, 100);
    t.match(await send(device, c1), { outcome: 'key-missing' }, 'and none does not lift it');
    t.match(await send(device, c1, { key: 'key-a' }), { outcome: 'wrong-key' });
    t.match(await send(device, c1, { key: 'key-b' }), { outcome: 'stored' });
  });

  test('a channel registered in a dialect without keys has none', async (t, open) => {
    const { store, send, put, hello, device } = await meet(open, { channels: [], takes });
    await store.register(device, c1, 100, 'key-a');
    await hello(device, { takes: 'text' });
    await store.register(device, c1, 100);
    t.match(await put(device, c1, 1), { outcome: 'stored' });
    t.match(await send(device, c1, { kind: 'text' }), { outcome: 'stored' });
  });

  test('a channel that was gone in between begins without a key', async (t, open) => {
    const { store, send, hello, device } = await meet(open, { channels: [], takes });
    await store.register(device, c1, 100, 'key-a');
    await store.unregister(device, c1, sampleMs);
    await store.register(device, c1, 100);
    t.match(await send(device, c1), { outcome: 'stored' });
    await store.register(device, c1, 100, 'key-a');
    await hello(device, { channels: [], takes });
    await hello(device, { channels: [c1], takes });
    t.match(await send(device, c1), { outcome: 'stored' });
  });
}

function kinds(test: Test): void {
  test('a device is kept what its dialect carries, and versions', async (t, open) => {
    const { put, send, hello, device } = await meet(open);
    t.match(await send(device, c1, { kind: 'text' }), { outcome: 'stored' });
    t.match(await send(device, c1, { kind: 'push' }), { outcome: 'wrong-kind' });
    await hello(device, { takes: 'push' });
    t.match(await send(device, c1, { kind: 'text' }), { outcome: 'wrong-kind' });
    t.match(await send(device, c1, { kind: 'push' }), { outcome: 'stored' });
    t.match(await put(device, c1, 1), { outcome: 'stored' });
  });

  test('what another dialect carries waits until the device speaks it again', async (t, open) => {
    const address = anyAddress();
    const { put, send, pending, waiting, statusOf, hello, stateOf, device } = await meet(open, {
      ...{ takes, address },
    });
    const { id } = await send(device, c1, { urgency: 'high' });
    await hello(device, { takes, address });
    t.same(await waiting(device), [id]);
    await put(device, c1, 1);
    await hello(device, { takes: 'text', address });
    t.same([await waiting(device), await pending(device)], [[], { c1: 1 }]);
    t.equal(await statusOf(device, id), 'stored');
    t.equal(await stateOf(device), 'owed', 'for the version');
    const text = await send(device, c1, { kind: 'text' });
    t.same(await waiting(device), [text.id]);
    await hello(device, { takes, address });
    t.same(await waiting(device), [id]);
    await hello(device, { takes: 'text', address });
    t.same(await waiting(device), [text.id]);
  });

  test('what waits for another dialect goes first, however urgent', async (t, open) => {
    const { send, waiting, statusOf, hello, device } = await meet(open, { takes: 'text' });
    const high = { kind: 'text', urgency: 'high', messagesMax: 2 } as const;
    const texts = [await send(device, c1, high), await send(device, c1, high)];
    await hello(device, { takes });
    const least = await send(device, c1, { urgency: 'very-low', messagesMax: 2 });
    t.match(least, { dropped: 1 });
    t.same(await waiting(device), [least.id]);
    t.equal(await statusOf(device, texts[0]?.id ?? least.id), 'dropped');
    t.equal(await statusOf(device, texts[1]?.id ?? least.id), 'stored');
  });

  test('what waits for another dialect counts, is over in time and can be cancelled', async (t, open) => {
    const { store, send, waiting, statusOf, hello, device } = await meet(open, {
      ...{ store: 'empty', takes },
    });
    const [over, gone, last] = [
      await send(device, c1, { expiresMs: sampleMs + 9 }),
      await send(device, c1),
      await send(device, c1),
    ];
    await hello(device, { takes: 'text' });
    t.equal(await store.expireMessages(sampleMs + 9, 10), 1);
    t.equal(await statusOf(device, over.id), 'expired');
    t.equal(await store.cancelMessage(device, gone.id, sampleMs), 'cancelled');
    const texts = [];
    for (let i = 0; i < 2; i++) {
      texts.push(await send(device, c1, { kind: 'text', urgency: 'high', messagesMax: 2 }));
    }
    t.same(
      texts.map(({ dropped }) => dropped),
      [0, 1],
    );
    t.equal(await statusOf(device, last.id), 'dropped');
    t.same(
      await waiting(device),
      texts.map(({ id }) => id),
    );
  });

  test('a device that must be known and is not is a stranger, and stays one', async (t, open) => {
    const { store, device, hello, put } = await meet(open, { takes });
    const stranger = sampleIds.newDevice();
    for (let i = 0; i < 2; i++) {
      const outcome = await hello(stranger, { mustBeKnown: true, address: anyAddress() });
      t.same(outcome, { outcome: 'stranger', losers: [] });
    }
    t.equal(await store.wakeupOf(stranger), undefined);
    t.match(await hello(device, { mustBeKnown: true }), { outcome: 'known' });
    const silent = sampleIds.newDevice();
    await hello(silent);
    t.match(
      await hello(silent, { mustBeKnown: true }),
      { outcome: 'stranger' },
      'its channels are',
    );
    t.match(await put(device, c1, 1), { outcome: 'stored' });
  });
}

function topics(test: Test): void {
  test('a message replaces what is pending of its topic on its channel', async (t, open) => {
    const { send, waiting, statusOf, device } = await meet(open, { channels: [c1, c2], takes });
    const old = await send(device, c1, { topic: 'a' });
    const others = [
      await send(device, c1, { topic: 'b' }),
      await send(device, c2, { topic: 'a' }),
      await send(device, c1),
    ].map(({ id }) => id);
    const later = { topic: 'a', nowMs: sampleMs + 7, expiresMs: sampleMs + 99 };
    const next = await send(device, c1, { ...later, urgency: 'high' });
    t.match(next, { outcome: 'stored', replaced: 1, dropped: 0 });
    t.equal(await statusOf(device, old.id), 'replaced');
    t.same(await waiting(device), [...others, next.id], 'behind what waits longer');
    t.match(await send(device, c1), { replaced: 0 }, 'without a topic it replaces none');
  });

  test('a topic is forgotten with its message', async (t, open) => {
    const { store, send, statusOf, device } = await meet(open, { takes });
    const old = await send(device, c1, { topic: 'a' });
    await store.ackMessages(device, [{ id: old.id, code: 100 }], sampleMs);
    t.match(await send(device, c1, { topic: 'a' }), { replaced: 0 });
    t.equal(await statusOf(device, old.id), 'acked');
  });

  test('a message without any time replaces, too', async (t, open) => {
    const { send, waiting, statusOf, device } = await meet(open, { takes });
    const old = await send(device, c1, { topic: 'a' });
    t.match(await send(device, c1, { topic: 'a', expiresMs: sampleMs }), { replaced: 1 });
    t.same(await waiting(device), []);
    t.equal(await statusOf(device, old.id), 'replaced');
  });
}

function limits(test: Test): void {
  test('a device with too many loses the oldest, those of low urgency first', async (t, open) => {
    const { send, waiting, statusOf, device } = await meet(open, { takes });
    const sent = new Map<string, MessageId>();
    const urgencies = ['normal', 'low', 'high', 'very-low', 'normal'] as const;
    for (const [i, urgency] of urgencies.entries()) {
      const { id, dropped } = await send(device, c1, { urgency, messagesMax: 5 });
      sent.set(`${urgency} ${i}`, id);
      t.equal(dropped, 0);
    }
    const lost = async () => {
      const { dropped } = await send(device, c1, { urgency: 'high', messagesMax: 5 });
      t.equal(dropped, 1);
      const gone: string[] = [];
      for (const [name, id] of sent) {
        if ((await statusOf(device, id)) !== 'dropped') continue;
        gone.push(name);
        sent.delete(name);
      }
      return gone;
    };
    t.same(await lost(), ['very-low 3']);
    t.same(await lost(), ['low 1']);
    t.same(await lost(), ['normal 0']);
    t.same(await lost(), ['normal 4']);
    t.same(await lost(), ['high 2']);
    t.equal((await waiting(device)).length, 5);
  });

  test('the new one goes where it is the least urgent, and wakes nobody', async (t, open) => {
    const { send, waiting, stateOf, device } = await meet(open, { takes, address: anyAddress() });
    const first = await send(device, c1, { urgency: 'high', messagesMax: 1 });
    const low = await send(device, c1, { urgency: 'normal', messagesMax: 1 });
    t.match(low, { outcome: 'stored', dropped: 1, isOwedAnew: false, endedAs: 'dropped' });
    t.equal(low.owed, undefined);
    t.same(await waiting(device), [first.id]);
    t.equal(await stateOf(device), 'owed');
  });

  test('what a socket was sent just now goes like any other, for its ack counts later, too', async (t, open) => {
    const { store, send, waiting, statusOf, device } = await meet(open, { takes });
    const sent = await send(device, c1, { urgency: 'very-low' });
    await store.noteSent(device, [sent.id], sampleMs);
    const next = await send(device, c1, { urgency: 'high', messagesMax: 1 });
    t.equal(next.endedAs, undefined);
    t.same(await waiting(device), [next.id]);
    t.equal(await statusOf(device, sent.id), 'dropped');
    await store.ackMessages(device, [{ id: sent.id, code: 100 }], sampleMs);
    t.equal(await statusOf(device, sent.id), 'acked');
  });

  test('a limit that became smaller counts from the next message on', async (t, open) => {
    const { send, waiting, device } = await meet(open, { takes });
    for (let i = 0; i < 4; i++) await send(device, c1);
    const last = await send(device, c1, { messagesMax: 2 });
    t.equal(last.dropped, 3);
    t.equal((await waiting(device)).at(-1), last.id);
  });

  test('one that is over takes no place, and no other is lost for it', async (t, open) => {
    const { send, waiting, statusOf, device } = await meet(open, { takes });
    const over = await send(device, c1, { expiresMs: sampleMs + 1 });
    const kept = await send(device, c1, { urgency: 'very-low' });
    const next = await send(device, c1, { nowMs: sampleMs + 1, messagesMax: 2 });
    t.equal(next.dropped, 0);
    t.same(await waiting(device, sampleMs + 1), [kept.id, next.id]);
    t.equal(await statusOf(device, over.id), 'stored');
  });

  test('a message may be older than its id says', async (t, open) => {
    const { send, waiting, device } = await meet(open, { takes });
    const first = await send(device, c1, { id: newMessageId(sampleMs + 9_000) });
    const second = await send(device, c1, { id: newMessageId(sampleMs - 9_000) });
    t.same(await waiting(device), [first.id, second.id]);
  });
}
