// A part of the store's contract: how a message ends, and what can be asked of it afterwards.
import { type MessageId, newMessageId, newReceiptId } from '../../../central/protocol/ids.js';
import { messageEnds as ends, type MessageEnd } from '../../../central/store/messages.js';
import { channel, sampleIds, sampleMs } from '../../support/central-samples.js';
import { anyAddress, meet, type Test } from './phrases.js';

const [c1, c2] = [channel('c1'), channel('c2')];
const takes = 'push';

export function messageEnds(test: Test): void {
  statuses(test);
  endings(test);
  expiry(test);
  receipts(test);
}

function statuses(test: Test): void {
  test('a message is stored, woken for, delivered and acked, each at its time', async (t, open) => {
    const { store, send, begin, move, device } = await meet(open, { takes, address: anyAddress() });
    const { id, expiresMs } = await send(device, c1, { urgency: 'high' });
    const status = async () => store.messageStatus(device, id);
    const always = { id, urgency: 'high', storedMs: sampleMs, expiresMs, code: undefined };
    t.same(await status(), { ...always, state: 'stored', atMs: sampleMs });
    await begin(device, { nowMs: sampleMs + 1 });
    t.match(await status(), { state: 'stored' }, 'nothing has left yet');
    await move(device, { name: 'triggered' });
    t.same(await status(), { ...always, state: 'wakeup-sent', atMs: sampleMs + 1 });
    await store.noteSent(device, [id], sampleMs + 3);
    t.same(await status(), { ...always, state: 'delivered', atMs: sampleMs + 3 });
    await store.noteSent(device, [id], sampleMs + 4);
    t.match(await status(), { atMs: sampleMs + 3 }, 'the first time counts');
    const acked = await store.ackMessages(device, [{ id, code: 100 }], sampleMs + 5);
    t.match(acked, { acked: [{ id, code: 100 }], ended: { outcome: 'expired', attempts: 1 } });
    t.same(await status(), { ...always, state: 'acked', atMs: sampleMs + 5, code: 100 });
  });

  test('a wakeup is told of what was there when it began, and of nothing of low urgency', async (t, open) => {
    const { send, begin, move, statusOf, device } = await meet(open, {
      ...{ takes, address: anyAddress() },
    });
    const early = await send(device, c1);
    const low = await send(device, c1, { urgency: 'low' });
    await begin(device, { nowMs: sampleMs + 1 });
    const late = await send(device, c1, { urgency: 'high', nowMs: sampleMs + 2 });
    await move(device, { name: 'triggered' });
    const states = [early, low, late].map(({ id }) => statusOf(device, id));
    t.same(await Promise.all(states), ['wakeup-sent', 'stored', 'stored']);
  });

  test('a wakeup that no gateway answered for is told of by nothing', async (t, open) => {
    const { send, begin, move, statusOf, device } = await meet(open, {
      ...{ takes, address: anyAddress() },
    });
    const { id } = await send(device, c1);
    await begin(device);
    await move(device, { name: 'passed', nowMs: sampleMs + 9_000, attemptsMax: 5 });
    t.equal(await statusOf(device, id), 'stored');
  });

  test('what the app made of it is told after the ack', async (t, open) => {
    const { store, send, device } = await meet(open, { takes });
    const { id } = await send(device, c1);
    const code = async () => (await store.messageStatus(device, id))?.code;
    t.equal(await store.nackMessage(device, { id, code: 301 }), false);
    t.equal(await code(), undefined, 'it is pending');
    await store.ackMessages(device, [{ id, code: 100 }], sampleMs);
    t.equal(await store.nackMessage(device, { id, code: 302 }), true);
    t.equal(await store.nackMessage(device, { id, code: 302 }), false, 'it said so');
    for (const none of [undefined, 100, 300, 304, Number.NaN]) {
      t.equal(await store.nackMessage(device, { id, code: none }), false);
    }
    t.equal(await code(), 302);
  });

  test('nothing is known of a message that was never kept', async (t, open) => {
    const { store, device } = await meet(open, { takes });
    const id = newMessageId(sampleMs);
    t.equal(await store.messageStatus(device, id), undefined);
    t.equal(await store.messageStatus(sampleIds.newDevice(), id), undefined);
    t.equal(await store.cancelMessage(device, id, sampleMs), 'unknown');
    t.same(await store.ackMessages(device, [{ id, code: 100 }], sampleMs), { acked: [] });
    await store.nackMessage(device, { id, code: 301 });
    await store.noteSent(device, [id], sampleMs);
    t.equal(await store.messageStatus(device, id), undefined);
  });
}

function endings(test: Test): void {
  test('a message ends once, and keeps the end that it had first', async (t, open) => {
    const { store, send, waiting, device, hello } = await meet(open, {
      ...{ store: 'empty', takes },
    });
    const topic = 'a';
    const acts: Partial<Record<MessageEnd, (id: never) => Promise<unknown>>> = {
      acked: (id) => store.ackMessages(device, [{ id, code: 101 }], sampleMs + 1),
      cancelled: (id) => store.cancelMessage(device, id, sampleMs + 1),
      expired: () => store.expireMessages(sampleMs + 100, 10),
      replaced: () => send(device, c1, { topic, expiresMs: sampleMs, urgency: 'low' }),
      dropped: () => send(device, c1, { messagesMax: 0 }),
      unregistered: () => store.unregister(device, c1, sampleMs + 1),
    };
    t.same(new Set(Object.keys(acts)), new Set(ends));
    for (const end of ends) {
      await hello(device, { takes });
      await store.register(device, c1, 100);
      const { id } = await send(device, c1, { topic, expiresMs: sampleMs + 100 });
      await acts[end]?.(id as never);
      const status = await store.messageStatus(device, id);
      t.match(status, { state: end, code: end === 'acked' ? 101 : undefined });
      t.same(await waiting(device), []);
      const isFinal = end !== 'expired' && end !== 'dropped';
      for (const [name, act] of Object.entries(acts)) {
        if (isFinal || name !== 'acked') await act(id as never);
      }
      t.same(await store.messageStatus(device, id), status, end);
    }
  });

  test('an ack is the last word on what was expired or dropped, and a reader hears of it', async (t, open) => {
    const { store, send, waiting, device } = await meet(open, { store: 'empty', takes });
    for (const end of ['expired', 'dropped'] as const) {
      const receipt = newReceiptId();
      const read = (after = 0) => store.receipts(receipt, { after, limit: 10 });
      const { id } = await send(device, c1, { receipt, urgency: 'low', expiresMs: sampleMs + 5 });
      await store.noteSent(device, [id], sampleMs);
      if (end === 'expired') await store.expireMessages(sampleMs + 5, 10);
      else await crowdOut();
      const [first, ...others] = await read();
      t.match(first, { id, end });
      const acked = [{ id, code: 101 }];
      t.same(await store.ackMessages(device, acked, sampleMs + 9), { acked });
      t.match(await store.messageStatus(device, id), { state: 'acked', atMs: sampleMs + 9 });
      t.match(await read(first?.serial), [{ id, end: 'acked', code: 101 }]);
      t.same(others, [], 'each is told once');
      t.same(await store.ackMessages(device, acked, sampleMs + 10), { acked: [] });
      t.same(await waiting(device), []);
    }

    async function crowdOut() {
      const { id } = await send(device, c1, { urgency: 'high', messagesMax: 1 });
      await store.cancelMessage(device, id, sampleMs);
    }
  });

  test('a message that was cancelled is not there any more, one that ended cannot be', async (t, open) => {
    const { store, send, waiting, device } = await meet(open, { takes });
    const { id } = await send(device, c1);
    t.equal(await store.cancelMessage(device, id, sampleMs + 1), 'cancelled');
    t.equal(await store.cancelMessage(device, id, sampleMs + 2), 'ended');
    t.same(await waiting(device), []);
    t.match(await store.messageStatus(device, id), { state: 'cancelled', atMs: sampleMs + 1 });
  });

  test('a message whose time is over is not cancelled, though nobody has noted it yet', async (t, open) => {
    const { store, send, device } = await meet(open, { takes });
    const { id } = await send(device, c1, { expiresMs: sampleMs + 60 });
    t.equal(await store.cancelMessage(device, id, sampleMs + 60), 'ended');
    await store.expireMessages(sampleMs + 70, 9);
    t.match(await store.messageStatus(device, id), { state: 'expired' });
    const other = await send(device, c1, { expiresMs: sampleMs + 60 });
    t.equal(await store.cancelMessage(device, other.id, sampleMs + 59), 'cancelled');
  });

  test('an ack of several counts for each', async (t, open) => {
    const { store, send, waiting, device } = await meet(open, { takes });
    const sent = [await send(device, c1), await send(device, c1), await send(device, c1)];
    const [first, second, third] = sent.map(({ id }) => ({ id, code: undefined }));
    if (!first || !second || !third) return t.fail('no messages');
    const acked = [third, first, third, { id: newMessageId(sampleMs), code: 100 }];
    t.same(await store.ackMessages(device, acked, sampleMs), { acked: [third, first] });
    t.same(await waiting(device), [second.id]);
  });

  test('the messages of a channel end with it, those of others stay', async (t, open) => {
    const { store, send, waiting, statusOf, hello, device } = await meet(open, {
      ...{ channels: [c1, c2], takes },
    });
    const gone = [await send(device, c1)];
    const stays = await send(device, c2);
    await store.unregister(device, c1, sampleMs + 1);
    await store.register(device, c1, 100);
    gone.push(await send(device, c1));
    await hello(device, { channels: [c2], takes, nowMs: sampleMs + 2 });
    for (const { id } of gone) t.equal(await statusOf(device, id), 'unregistered');
    t.same(await waiting(device), [stays.id]);
  });

  test('what became of a message is forgotten after a while, and nothing that is pending', async (t, open) => {
    const { store, send, waiting, statusOf, device } = await meet(open, { store: 'empty', takes });
    const ended = [];
    for (const atMs of [5, 6, 7, 8]) {
      const { id } = await send(device, c1);
      await store.cancelMessage(device, id, sampleMs + atMs);
      ended.push(id);
    }
    const { id } = await send(device, c1);
    t.equal(await store.forgetMessages(sampleMs + 5, 10), 0);
    t.equal(await store.forgetMessages(sampleMs + 8, 2), 2);
    t.equal(await store.forgetMessages(sampleMs + 8, 2), 1);
    t.equal(await store.forgetMessages(sampleMs + 8, 2), 0);
    const known = await Promise.all(ended.map((id) => statusOf(device, id)));
    t.same(known, [undefined, undefined, undefined, 'cancelled']);
    t.same(await waiting(device), [id]);
  });

  test('of a device so many are remembered that ended, the last ones', async (t, open) => {
    const { store, send, waiting, statusOf, hello, device } = await meet(open, { takes });
    const other = sampleIds.newDevice();
    await hello(other, { channels: [c1], takes });
    const theirs = await send(other, c1, { expiresMs: sampleMs });
    const pending = await send(device, c1);
    const ended: MessageId[] = [];
    for (const atMs of [7, 5, 8, 6]) {
      const { id } = await send(device, c1, { messagesEndedMax: 4 });
      await store.cancelMessage(device, id, sampleMs + atMs);
      ended.push(id);
    }
    const next = await send(device, c1, { messagesEndedMax: 2 });
    const known = () => Promise.all(ended.map((id) => statusOf(device, id)));
    t.same(await known(), ['cancelled', undefined, 'cancelled', undefined]);
    const over = { nowMs: sampleMs + 9, expiresMs: sampleMs + 9, messagesEndedMax: 1 };
    const last = await send(device, c1, over);
    t.same(await known(), [undefined, undefined, undefined, undefined]);
    t.equal(await statusOf(device, last.id), 'expired');
    t.same(await waiting(device), [pending.id, next.id], 'what is pending stays');
    t.equal(await statusOf(other, theirs.id), 'expired', 'and so does what another device had');
  });
}

function expiry(test: Test): void {
  test('what is over ends, the longest over first, no more than asked for', async (t, open) => {
    const { store, send, waiting, statusOf, hello, device } = await meet(open, {
      ...{ store: 'empty', takes },
    });
    const other = sampleIds.newDevice();
    await hello(other, { channels: [c1], takes });
    const at = (device: typeof other, ms: number) => send(device, c1, { expiresMs: sampleMs + ms });
    const [third, first] = [await at(device, 30), await at(device, 10)];
    const [second, later] = [await at(other, 20), await at(other, 31)];
    t.equal(await store.expireMessages(sampleMs + 9, 10), 0);
    t.equal(await store.expireMessages(sampleMs + 30, 2), 2);
    t.equal(await statusOf(device, first.id), 'expired');
    t.equal(await statusOf(other, second.id), 'expired');
    t.equal(await statusOf(device, third.id), 'stored');
    t.equal(await store.expireMessages(sampleMs + 30, 2), 1);
    t.equal(await store.expireMessages(sampleMs + 30, 2), 0);
    t.match(await store.messageStatus(device, third.id), { atMs: sampleMs + 30 });
    t.same([await waiting(device), await waiting(other)], [[], [later.id]]);
  });
}

function receipts(test: Test): void {
  test('receipts come in the order of ends, after what was read', async (t, open) => {
    const { store, send, device } = await meet(open, { channels: [c1, c2], takes });
    const receipt = newReceiptId();
    const [first, second, third, pending] = [
      await send(device, c1, { receipt, expiresMs: sampleMs + 50 }),
      await send(device, c1, { receipt }),
      await send(device, c2, { receipt }),
      await send(device, c1, { receipt }),
    ];
    const read = (after: number, limit = 10) => store.receipts(receipt, { after, limit });
    t.same(await read(0), []);
    await store.unregister(device, c2, sampleMs + 1);
    await store.ackMessages(device, [{ id: second.id, code: 102 }], sampleMs + 2);
    await store.expireMessages(sampleMs + 50, 10);
    const all = await read(0);
    const told = all.map(({ serial: _serial, ...rest }) => rest);
    t.same(told, [
      { device, id: third.id, end: 'unregistered', code: undefined, endedMs: sampleMs + 1 },
      { device, id: second.id, end: 'acked', code: 102, endedMs: sampleMs + 2 },
      { device, id: first.id, end: 'expired', code: undefined, endedMs: sampleMs + 50 },
    ]);
    const serials = all.map(({ serial }) => serial);
    t.same(
      serials,
      [...serials].sort((a, b) => a - b),
    );
    t.equal(new Set(serials).size, 3);
    t.same(await read(0, 2), all.slice(0, 2));
    t.same(await read(all[0]?.serial ?? 0), all.slice(1));
    t.same(await read(all[2]?.serial ?? 0), []);
    await store.cancelMessage(device, pending.id, sampleMs + 51);
    t.match(await read(all[2]?.serial ?? 0), [{ id: pending.id, end: 'cancelled' }]);
  });

  test('a subscription knows its own receipts, of any device', async (t, open) => {
    const { store, send, hello, device } = await meet(open, { takes });
    const other = sampleIds.newDevice();
    await hello(other, { channels: [c1], takes });
    const [mine, theirs] = [newReceiptId(), newReceiptId()];
    const sent = [
      await send(device, c1, { receipt: mine }),
      await send(other, c1, { receipt: mine }),
      await send(device, c1, { receipt: theirs }),
      await send(device, c1),
    ];
    for (const { device, id } of sent) await store.cancelMessage(device, id, sampleMs);
    const ids = async (receipt: typeof mine) =>
      (await store.receipts(receipt, { after: 0, limit: 10 })).map(({ id }) => id);
    t.same(await ids(mine), [sent[0]?.id, sent[1]?.id]);
    t.same(await ids(theirs), [sent[2]?.id]);
    t.same(await ids(newReceiptId()), []);
  });

  test('a receipt is forgotten with its message, and its number is not used again', async (t, open) => {
    const { store, send, device } = await meet(open, { store: 'empty', takes });
    const receipt = newReceiptId();
    const end = async (atMs: number) => {
      const { id } = await send(device, c1, { receipt });
      await store.cancelMessage(device, id, sampleMs + atMs);
      return (await store.receipts(receipt, { after: 0, limit: 10 })).at(-1)?.serial ?? 0;
    };
    const last = await end(1);
    await store.forgetMessages(sampleMs + 2, 10);
    t.same(await store.receipts(receipt, { after: 0, limit: 10 }), []);
    t.ok((await end(3)) > last);
  });

  test('what the app made of a message is in its receipt, too', async (t, open) => {
    const { store, send, device } = await meet(open, { takes });
    const receipt = newReceiptId();
    const { id } = await send(device, c1, { receipt });
    await store.ackMessages(device, [{ id, code: 100 }], sampleMs);
    await store.nackMessage(device, { id, code: 303 });
    t.match(await store.receipts(receipt, { after: 0, limit: 10 }), [{ end: 'acked', code: 303 }]);
  });
}
