// A part of the store's contract: what a message does to the device's wakeup, as its urgency asks.
import { channel, sampleMs } from '../../support/central-samples.js';
import { anyAddress, attemptsMax, meet, type Test, windowMs } from './phrases.js';

const [c1, c2] = [channel('c1'), channel('c2')];
const takes = 'push';
const high = { urgency: 'high' } as const;
const verdict = { nowMs: windowMs, attemptsMax };

export function messageWakeups(test: Test): void {
  urgencies(test);
  once(test);
  ignored(test);
  releases(test);
  mixtures(test);
}

function urgencies(test: Test): void {
  test('an urgent message owes a wakeup as a version does', async (t, open) => {
    const { store, send, miss, due, device } = await meet(open, { takes, address: anyAddress() });
    const sent = await send(device, c1, { urgency: 'high', wakeupDueMs: sampleMs + 8_000 });
    t.match(sent, { outcome: 'stored', isOwedAnew: true });
    t.match(sent.owed, { state: 'owed', attempts: 0, dueMs: sampleMs + 8_000, sinceMs: sampleMs });
    t.same(await store.wakeupOf(device), sent.owed);
    t.match(await send(device, c1, { urgency: 'high' }), { isOwedAnew: false, owed: sent.owed });
    t.match(await miss(device), { now: { state: 'owed', attempts: 1, dueMs: windowMs } });
    for (let i = 2; i <= attemptsMax; i++) await miss(device);
    t.match(await store.wakeupOf(device), { state: 'dark', darkReason: 'unconfirmed' });
    t.notOk((await due('owed')).includes(device));
  });

  test('messages of normal urgency are gathered from the first one on', async (t, open) => {
    const { store, send, due, device } = await meet(open, { takes, address: anyAddress() });
    const first = await send(device, c1, { wakeupDueMs: sampleMs + 5_000 });
    t.match(first, { outcome: 'stored', isOwedAnew: true });
    t.match(first.owed, { state: 'gathering', dueMs: sampleMs + 5_000, sinceMs: sampleMs });
    const second = await send(device, c1, { nowMs: sampleMs + 9, wakeupDueMs: sampleMs + 5_009 });
    t.match(second, { isOwedAnew: false, owed: first.owed });
    t.same(await store.wakeupOf(device), first.owed);
    t.notOk((await due('owed', { nowMs: sampleMs + 4_999 })).includes(device));
    t.ok((await due('owed', { nowMs: sampleMs + 5_000 })).includes(device));
  });

  test('what is gathered leaves sooner with what cannot wait for so long', async (t, open) => {
    const { store, send, due, device } = await meet(open, { takes, address: anyAddress() });
    const first = await send(device, c1, { wakeupDueMs: sampleMs + 5_000 });
    const second = await send(device, c1, { nowMs: sampleMs + 9, wakeupDueMs: sampleMs + 1_009 });
    const owed = { ...first.owed, dueMs: sampleMs + 1_009 };
    t.match(second, { isOwedAnew: false, owed });
    t.same(await store.wakeupOf(device), owed);
    t.ok((await due('owed', { nowMs: sampleMs + 1_009 })).includes(device));
    await send(device, c1, { topic: 'a', nowMs: sampleMs + 10 });
    const again = await send(device, c1, { topic: 'a', nowMs: sampleMs + 11 });
    t.same(again.owed, owed, 'a newer one of the topic does not postpone it');
  });

  test('what is gathered leaves at once with something that cannot wait', async (t, open) => {
    for (const kind of ['version', 'message'] as const) {
      const { put, send, device } = await meet(open, { takes, address: anyAddress() });
      const { owed } = await send(device, c1);
      const more = { nowMs: sampleMs + 9, wakeupDueMs: sampleMs + 8_009 };
      const urgent =
        kind === 'version'
          ? await put(device, c1, 1, more)
          : await send(device, c1, { ...more, urgency: 'high' });
      t.match(urgent, { outcome: 'stored', isOwedAnew: true });
      t.same(urgent.owed, { ...owed, state: 'owed' }, 'the same wakeup, and no later for it');
    }
  });

  test('what comes after a sign or a refusal is due when the pause is over', async (t, open) => {
    for (const name of ['sign', 'refused'] as const) {
      const { store, send, put, begin, move, due, device } = await meet(open, {
        ...{ takes, address: anyAddress() },
      });
      const first = await send(device, c1, { urgency: 'high' });
      await begin(device);
      if (name === 'sign') await move(device, { name: 'triggered' });
      await move(device, { name, nowMs: sampleMs + 10, attemptsMax });
      await store.cancelMessage(device, first.id, sampleMs);
      const soon = { nowMs: sampleMs + 20, wakeupDueMs: sampleMs + 30 };
      const paused = { state: 'owed', attempts: 1, dueMs: windowMs, notBeforeMs: windowMs };
      const again = await send(device, c1, { urgency: 'high', ...soon });
      t.match(again, { isOwedAnew: true, owed: paused }, name);
      await store.cancelMessage(device, again.id, sampleMs + 40);
      const gathered = await send(device, c1, soon);
      t.match(gathered, { owed: { ...paused, state: 'gathering' } });
      t.match(await put(device, c1, 1, soon), { owed: paused });
      t.notOk((await due('owed', { nowMs: windowMs - 1 })).includes(device));
      t.ok((await due('owed', { nowMs: windowMs })).includes(device));
    }
  });

  test('what the dialect of a device does not carry is worth no wakeup until it does', async (t, open) => {
    for (const urgency of ['high', 'normal'] as const) {
      const address = anyAddress();
      const { put, send, begin, move, stateOf, statusOf, hello, miss, device } = await meet(open, {
        ...{ takes, address },
      });
      const { id } = await send(device, c1, { urgency });
      await hello(device, { takes: 'text', address });
      t.equal(await stateOf(device), 'resting');
      await put(device, c1, 1);
      t.match(await begin(device), { isUrgent: false });
      await move(device, { name: 'triggered' });
      t.equal(await statusOf(device, id), 'stored', 'no wakeup was sent for it');
      await hello(device, { takes: 'text', address, channels: [c1] });
      t.equal(await stateOf(device), 'owed', 'for the version alone');
      await begin(device);
      t.match(await move(device, { name: 'unsent', dueMs: sampleMs }), { now: { state: 'owed' } });
      await hello(device, { takes, address });
      t.equal(await stateOf(device), 'owed');
      t.match(await miss(device), { now: { state: 'owed' } });
    }
    const address = anyAddress();
    const { send, hello, begin, stateOf, device } = await meet(open, { takes, address });
    await send(device, c1);
    await hello(device, { takes: 'text', address });
    await send(device, c1, { kind: 'text' });
    await begin(device);
    await hello(device, { takes, address });
    t.equal(await stateOf(device), 'owed', 'the wakeup of another was none of its own');
  });

  test('messages of low urgency wake nobody, and neither does one for an open socket', async (t, open) => {
    const { store, send, waiting, device } = await meet(open, { takes, address: anyAddress() });
    const others = [
      { urgency: 'low' },
      { urgency: 'very-low' },
      { urgency: 'normal', wakeupDueMs: undefined },
      { urgency: 'high', wakeupDueMs: undefined },
    ] as const;
    for (const more of others) {
      const sent = await send(device, c1, more);
      t.match(sent, { outcome: 'stored', isOwedAnew: false });
      t.equal(sent.owed, undefined);
    }
    t.equal((await waiting(device)).length, others.length);
    t.match(await store.wakeupOf(device), { state: 'resting' });
    t.match(await send(device, c1), { isOwedAnew: true });
    t.match(await send(device, c1, { urgency: 'low' }), { isOwedAnew: false });
  });

  test('a device without an address, or in the dark, is owed none', async (t, open) => {
    const { send, device, stateOf } = await meet(open, { takes });
    const sent = await send(device, c1, { urgency: 'high' });
    t.match(sent, { outcome: 'stored', isOwedAnew: false });
    t.equal(sent.owed, undefined);
    t.equal(await stateOf(device), 'none');
    const other = await meet(open, { takes, address: anyAddress() });
    await other.darken(other.device);
    t.match(await other.send(other.device, c1), { outcome: 'stored', isOwedAnew: false });
    t.equal(await other.stateOf(other.device), 'dark');
  });

  test('a wakeup that begins tells whether a message is urgent', async (t, open) => {
    for (const [urgency, isUrgent] of [
      ['high', true],
      ['normal', false],
    ] as const) {
      const { send, put, begin, device } = await meet(open, { takes, address: anyAddress() });
      await send(device, c1, { urgency });
      await put(device, c1, 1);
      t.match(await begin(device), { isUrgent });
    }
  });

  test('gathered ones are counted among those that are owed', async (t, open) => {
    const { store, send, device } = await meet(open, {
      ...{ store: 'empty', takes, address: anyAddress() },
    });
    await send(device, c1);
    t.same(await store.wakeupCounts(), [{ network: '214-07', state: 'owed', count: 1 }]);
    t.match(await store.leasesOver(sampleMs + 1, 10), [{ device }], 'and their lease ends');
  });
}

function once(test: Test): void {
  test('a message of normal urgency wakes once, whatever came of it', async (t, open) => {
    const ends = ['passed', 'refused', 'sign'] as const;
    for (const name of ends) {
      const { send, begin, move, due, waiting, device } = await meet(open, {
        ...{ takes, address: anyAddress() },
      });
      const { id } = await send(device, c1);
      await begin(device);
      if (name !== 'refused') await move(device, { name: 'triggered' });
      const moved = await move(device, { name, ...verdict });
      t.match(moved, { now: { state: 'resting', attempts: 1 } }, name);
      t.equal(moved?.ended?.outcome, name === 'passed' ? 'unconfirmed' : 'failure');
      t.notOk((await due('owed')).includes(device));
      t.same(await waiting(device), [id], 'it waits for the next connection');
    }
  });

  test('what no gateway took was no wakeup', async (t, open) => {
    const { send, begin, move, device } = await meet(open, { takes, address: anyAddress() });
    await send(device, c1);
    for (let i = 0; i < 3; i++) {
      await begin(device, { nowMs: sampleMs + i });
      const unsent = await move(device, { name: 'unsent', dueMs: sampleMs + i + 1 });
      t.match(unsent?.now, { state: 'owed', attempts: 0, dueMs: sampleMs + i + 1 });
    }
    t.match(await begin(device), { now: { state: 'sending', attempts: 1 } });
  });

  test('what a gateway put off waits, whatever else comes', async (t, open) => {
    for (const kind of ['version', 'message'] as const) {
      const { put, send, begin, move, device } = await meet(open, { takes, address: anyAddress() });
      const laterMs = sampleMs + 3_600_000;
      await send(device, c1);
      await begin(device);
      const now = { state: 'owed', dueMs: laterMs };
      t.match(await move(device, { name: 'unsent', dueMs: laterMs }), { now });
      t.match(await send(device, c1), { isOwedAnew: false, owed: now });
      const urgent = kind === 'version' ? await put(device, c1, 1) : await send(device, c1, high);
      t.match(urgent, { isOwedAnew: false, owed: now });
    }
  });

  test('what no gateway took is not tried again for what was cancelled', async (t, open) => {
    const { store, send, begin, move, device } = await meet(open, { takes, address: anyAddress() });
    const { id } = await send(device, c1, high);
    await begin(device);
    await store.cancelMessage(device, id, sampleMs);
    const unsent = await move(device, { name: 'unsent', dueMs: sampleMs + 1 });
    t.match(unsent?.now, { state: 'resting', attempts: 0, dueMs: undefined });
  });

  test('one that no gateway answered for is made again, as often as any', async (t, open) => {
    const { store, send, begin, move, statusOf, device } = await meet(open, {
      ...{ takes, address: anyAddress() },
    });
    const { id } = await send(device, c1);
    for (let i = 1; i < attemptsMax; i++) {
      await begin(device);
      // Central ended in between, or the gateway never answered.
      const passed = await move(device, { name: 'passed', ...verdict });
      t.match(passed, { now: { state: 'owed', attempts: i }, ended: { outcome: 'unconfirmed' } });
      t.equal(await statusOf(device, id), 'stored');
    }
    await begin(device);
    await move(device, { name: 'passed', ...verdict });
    t.match(await store.wakeupOf(device), { state: 'dark', darkReason: 'unconfirmed' });
  });

  test('one that comes while a wakeup is under way is owed its own after it', async (t, open) => {
    const { send, begin, move, miss, device } = await meet(open, { takes, address: anyAddress() });
    await send(device, c1);
    await begin(device);
    const late = await send(device, c1, { nowMs: sampleMs + 1 });
    t.match(late, { isOwedAnew: false, owed: { state: 'sending' } });
    await move(device, { name: 'triggered' });
    const passed = await move(device, { name: 'passed', ...verdict });
    t.match(passed?.now, { state: 'owed', attempts: 1, dueMs: windowMs });
    t.match(await miss(device), { now: { state: 'resting', attempts: 2 } });
  });

  test('a hello owes another wakeup for what had none, and for what is urgent', async (t, open) => {
    const address = anyAddress();
    const { store, send, begin, hello, device } = await meet(open, { takes, address });
    const { id } = await send(device, c1);
    t.match(await hello(device, { takes, address }), { now: { state: 'owed' } });
    await begin(device);
    const back = await hello(device, { takes, address });
    t.match(back, { ended: { outcome: 'success' }, now: { state: 'resting' } });
    const urgent = await send(device, c1, { urgency: 'high' });
    await begin(device);
    t.match(await hello(device, { takes, address }), { now: { state: 'owed', attempts: 0 } });
    await store.ackMessages(device, [{ id: urgent.id, code: 100 }], sampleMs);
    t.match(await store.wakeupOf(device), { state: 'resting' });
    t.match(await store.messageStatus(device, id), { state: 'stored' }, 'the older one waits on');
  });

  test('a hello and a proof owe nothing for messages of low urgency', async (t, open) => {
    const address = anyAddress();
    const { send, hello, prove, device } = await meet(open, { takes });
    await send(device, c1, { urgency: 'low' });
    t.match(await hello(device, { takes, address }), { now: { state: 'resting' } });
    const elsewhere = anyAddress();
    await hello(device, { takes, address: elsewhere, trust: 'prove' });
    t.match(await prove(device, elsewhere), { now: { state: 'resting' } });
    await hello(device, { takes, address: anyAddress(), trust: 'prove' });
    await send(device, c1);
    await hello(device, { takes, address, trust: 'prove' });
    t.match(await prove(device, address), { now: { state: 'owed' } });
  });

  test('as many in vain as a device gets make it dark, each for another message', async (t, open) => {
    const { send, miss, device } = await meet(open, { takes, address: anyAddress() });
    for (let i = 1; i < attemptsMax; i++) {
      t.match(await send(device, c1), { isOwedAnew: true, owed: { attempts: i - 1 } });
      t.match(await miss(device), { now: { state: 'resting', attempts: i } });
    }
    await send(device, c1);
    t.match(await miss(device), { now: { state: 'dark', darkReason: 'unconfirmed' } });
  });

  test('a hello begins to count anew', async (t, open) => {
    const address = anyAddress();
    const { send, miss, hello, device } = await meet(open, { takes, address });
    await send(device, c1);
    await miss(device);
    t.match(await hello(device, { takes, address }), { now: { state: 'resting', attempts: 0 } });
  });
}

function ignored(test: Test): void {
  test('a device is not woken for what it is there for and passes over', async (t, open) => {
    for (const urgency of ['high', 'normal'] as const) {
      const address = anyAddress();
      const { store, send, begin, stateOf, waiting, hello, device } = await meet(open, {
        ...{ takes, address },
      });
      const passedOver = await send(device, c1, { urgency });
      await begin(device);
      const other = await send(device, c1, { urgency, nowMs: sampleMs + 1 });
      const ended = await store.noteIgnored(device, [passedOver.id], sampleMs + 2);
      t.equal(ended, undefined, 'something else wants it');
      const last = await store.noteIgnored(device, [other.id, other.id], sampleMs + 3);
      t.match(last, { outcome: 'expired', attempts: 1 });
      t.equal(await stateOf(device), 'resting');
      t.same(await waiting(device), [passedOver.id, other.id], 'they stay pending');
      t.match(await hello(device, { takes, address }), { now: { state: 'resting' } });
      t.match(await send(device, c1, { urgency }), { isOwedAnew: true });
      t.equal(await store.noteIgnored(device, [passedOver.id], sampleMs + 4), undefined);
    }
  });
}

function releases(test: Test): void {
  test('a wakeup is not sent for what is over, cancelled or replaced by something low', async (t, open) => {
    for (const urgency of ['normal', 'high'] as const) {
      const { store, send, stateOf, device } = await meet(open, { takes, address: anyAddress() });
      const first = await send(device, c1, { urgency });
      t.equal(await store.cancelMessage(device, first.id, sampleMs), 'cancelled');
      t.equal(await stateOf(device), 'resting');
      await send(device, c1, { urgency, topic: 'a' });
      const low = await send(device, c1, { urgency: 'low', topic: 'a' });
      t.match(low, { replaced: 1, isOwedAnew: false });
      t.equal(low.owed, undefined);
      t.equal(await stateOf(device), 'resting');
      await send(device, c1, { urgency, expiresMs: sampleMs + 10 });
      await store.expireMessages(sampleMs + 10, 1000);
      t.equal(await stateOf(device), 'resting');
      t.match(await send(device, c1, { urgency }), { isOwedAnew: true });
    }
  });

  test('it is sent as long as something else wants it', async (t, open) => {
    const { store, put, send, stateOf, device } = await meet(open, {
      ...{ takes, address: anyAddress() },
    });
    const [first, second] = [await send(device, c1), await send(device, c1)];
    await store.cancelMessage(device, first.id, sampleMs);
    t.equal(await stateOf(device), 'gathering');
    await put(device, c1, 1);
    await store.cancelMessage(device, second.id, sampleMs);
    t.equal(await stateOf(device), 'owed');
    await store.ack(device, [{ channel: c1, version: 1 }]);
    t.equal(await stateOf(device), 'resting');
  });

  test('none begins for what is over, noted or not', async (t, open) => {
    const { send, begin, device, stateOf, statusOf } = await meet(open, {
      ...{ takes, address: anyAddress() },
    });
    const { id } = await send(device, c1, { urgency: 'high', expiresMs: sampleMs + 10 });
    t.equal(await begin(device, { nowMs: sampleMs + 10 }), undefined);
    t.equal(await stateOf(device), 'resting');
    t.equal(await statusOf(device, id), 'stored', 'its end is noted by whoever looks for it');
  });

  test('no second one follows for what is over when the window is', async (t, open) => {
    const { send, begin, move, device } = await meet(open, { takes, address: anyAddress() });
    await send(device, c1, { urgency: 'high', expiresMs: windowMs });
    await begin(device);
    const passed = await move(device, { name: 'passed', ...verdict });
    t.match(passed, { now: { state: 'resting', attempts: 1 }, ended: { outcome: 'unconfirmed' } });
  });

  test('one under way goes on to the end of its window, and counts', async (t, open) => {
    const { store, send, begin, move, device } = await meet(open, { takes, address: anyAddress() });
    const first = await send(device, c1, { urgency: 'high' });
    await begin(device);
    await store.cancelMessage(device, first.id, sampleMs);
    const underWay = { state: 'sending', attempts: 1 };
    t.match(await store.wakeupOf(device), underWay);
    t.match((await send(device, c1, { urgency: 'high' })).owed, underWay);
    await store.expireMessages(Number.MAX_SAFE_INTEGER, 1000);
    t.match(await store.wakeupOf(device), underWay);
    const passed = await move(device, { name: 'passed', ...verdict });
    t.match(passed, { now: { state: 'resting', attempts: 1 }, ended: { outcome: 'unconfirmed' } });
  });

  test('what the device itself ends, ends the wakeup with it', async (t, open) => {
    const ways = ['ack', 'unregister'] as const;
    for (const way of ways) {
      const { store, send, begin, stateOf, device } = await meet(open, {
        ...{ takes, address: anyAddress() },
      });
      const { id } = await send(device, c1, { urgency: 'high' });
      await begin(device);
      const ended =
        way === 'ack'
          ? (await store.ackMessages(device, [{ id, code: 100 }], sampleMs)).ended
          : await store.unregister(device, c1, sampleMs);
      t.match(ended, { outcome: 'expired', attempts: 1 });
      t.equal(await stateOf(device), 'resting');
    }
  });
}

function mixtures(test: Test): void {
  test('a version is tried again for, however many messages wait with it', async (t, open) => {
    const { put, send, miss, device } = await meet(open, {
      ...{ takes, address: anyAddress(), channels: [c1, c2] },
    });
    await send(device, c1);
    await put(device, c2, 1);
    t.match(await miss(device), { now: { state: 'owed', attempts: 1 } });
    t.match(await miss(device), { now: { state: 'owed', attempts: 2 } });
  });

  test('an ack leaves a wakeup that something else wants', async (t, open) => {
    const { store, put, send, stateOf, device } = await meet(open, {
      ...{ takes, address: anyAddress() },
    });
    const { id } = await send(device, c1);
    await put(device, c1, 1);
    t.same(await store.ackMessages(device, [{ id, code: 100 }], sampleMs), {
      acked: [{ id, code: 100 }],
    });
    t.equal(await stateOf(device), 'owed');
    await send(device, c1, { urgency: 'low' });
    await store.ack(device, [{ channel: c1, version: 1 }]);
    t.equal(await stateOf(device), 'resting');
  });

  test('gathered in bulk, prompt from the first message on that was not', async (t, open) => {
    const { send, device } = await meet(open, { takes, address: anyAddress() });
    t.match(await send(device, c1, { lane: 'bulk' }), { owed: { lane: 'bulk' } });
    t.match(await send(device, c1, { lane: 'prompt' }), { owed: { lane: 'prompt' } });
  });

  test('a gathered one that its device holds a socket for is put off', async (t, open) => {
    const { send, move, device } = await meet(open, { takes, address: anyAddress() });
    const { owed } = await send(device, c1);
    const held = await move(device, { name: 'held', dueMs: sampleMs + 77_000 });
    t.same(held?.now, { ...owed, dueMs: sampleMs + 77_000 });
  });
}
