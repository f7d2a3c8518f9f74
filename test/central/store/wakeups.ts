// A part of the store's contract: the life of a wakeup, from the version it is owed for to its end.
import type { WakeupReport } from '../../../central/wakeup/states.js';
import { channel, sampleIds, sampleMs, wakeupAddress } from '../../support/central-samples.js';
import {
  anyAddress,
  attemptsMax,
  meet,
  meetAnother,
  phrases,
  type Test,
  windowMs,
} from './phrases.js';

const [c1, c2, c3] = [channel('c1'), channel('c2'), channel('c3')];
const network = wakeupAddress().network;
const elsewhere = '214-08' as typeof network;

export function wakeups(test: Test): void {
  owing(test);
  attempts(test);
  endings(test);
  lateness(test);
  resumption(test);
  turns(test);
}

function owing(test: Test): void {
  test('the first version for a device with an address owes it a wakeup', async (t, open) => {
    const address = anyAddress();
    const { store, put, device } = await meet(open, { address, channels: [c1, c2] });
    const first = await put(device, c1, 1, { nowMs: sampleMs + 3, wakeupDueMs: sampleMs + 7 });
    t.match(first, { outcome: 'stored', isOwedAnew: true });
    const times = { saidAtMs: sampleMs, sinceMs: sampleMs + 3, dueMs: sampleMs + 7 };
    t.match(first.owed, { device, address, state: 'owed', attempts: 0, ...times });
    t.equal(first.owed?.sentMs, undefined);
    t.same(await store.wakeupOf(device), first.owed);
    const second = await put(device, c2, 1, { nowMs: sampleMs + 5, wakeupDueMs: sampleMs + 99 });
    t.match(second, { outcome: 'stored', isOwedAnew: false });
    t.same(second.owed, first.owed, 'the same wakeup serves both');
  });

  test('a version that comes while a wakeup is under way needs no other', async (t, open) => {
    const { put, begin, move, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    const begun = await begin(device);
    t.same(await put(device, c1, 2), { outcome: 'stored', isOwedAnew: false, owed: begun?.now });
    const sent = await move(device, { name: 'triggered' });
    t.same(await put(device, c1, 3), { outcome: 'stored', isOwedAnew: false, owed: sent?.now });
  });

  test('a device without an address is owed none', async (t, open) => {
    const { put, due, device, stateOf } = await meet(open);
    t.same(await put(device, c1, 1), { outcome: 'stored', isOwedAnew: false });
    t.notOk((await due('owed')).includes(device));
    t.equal(await stateOf(device), 'none');
  });

  test('a version that is not stored owes nothing', async (t, open) => {
    const { put, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 5);
    t.same(await put(device, c1, 5), { outcome: 'stale', isOwedAnew: false });
    t.same(await put(device, c2, 6), { outcome: 'unknown-channel', isOwedAnew: false });
  });

  test('the ack that leaves nothing pending removes it, an earlier one does not', async (t, open) => {
    const { store, put, due, stateOf, device } = await meet(open, {
      ...{ address: anyAddress(), channels: [c1, c2] },
    });
    await put(device, c1, 1);
    await put(device, c2, 1);
    t.equal(await store.ack(device, [{ channel: c1, version: 1 }]), undefined);
    t.equal(await stateOf(device), 'owed');
    t.equal(await store.ack(device, [{ channel: c2, version: 1 }]), undefined, 'none was sent');
    t.equal(await stateOf(device), 'resting');
    t.notOk((await due('owed')).includes(device));
    t.match(await put(device, c2, 2), { isOwedAnew: true });
  });

  test('unregistering the last pending channel removes it', async (t, open) => {
    const { store, put, stateOf, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    t.equal(await store.unregister(device, c1, sampleMs), undefined);
    t.equal(await stateOf(device), 'resting');
  });

  test('a hello whose list leaves nothing pending removes it', async (t, open) => {
    const address = anyAddress();
    const { put, stateOf, device, hello } = await meet(open, { address });
    await put(device, c1, 1);
    await hello(device, { address, channels: [c2] });
    t.equal(await stateOf(device), 'resting');
  });

  test('hello without an address removes it, with one again it is owed again', async (t, open) => {
    const address = anyAddress();
    const { put, pending, stateOf, device, hello } = await meet(open, { address });
    await put(device, c1, 1);
    t.match(await hello(device), { now: { state: 'none' } });
    t.same(await pending(device), { c1: 1 });
    await hello(device, { address });
    t.equal(await stateOf(device), 'owed');
  });

  test('hello starts it afresh, at its new address and time', async (t, open) => {
    const { store, put, miss, device, hello } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    t.match(await miss(device), { now: { state: 'owed', attempts: 1 } });
    const before = await store.wakeupOf(device);
    const address = anyAddress();
    await hello(device, { address, nowMs: sampleMs + 50, wakeupDueMs: sampleMs + 60 });
    const after = await store.wakeupOf(device);
    const times = { saidAtMs: sampleMs + 50, dueMs: sampleMs + 60, sinceMs: sampleMs };
    t.match(after, { state: 'owed', address, attempts: 0, ...times });
    t.not(after?.serial, before?.serial);
  });
}

function attempts(test: Test): void {
  test('an attempt is noted before it is sent, and awaited once it has left', async (t, open) => {
    const { store, put, begin, move, device } = await meet(open, { address: anyAddress() });
    const { owed } = await put(device, c1, 1);
    const begun = await begin(device);
    t.match(begun, { now: { state: 'sending', attempts: 1 } });
    t.match(begun?.now, { sentMs: sampleMs, dueMs: windowMs, sinceMs: sampleMs });
    t.not(begun?.now.serial, owed?.serial);
    t.notOk(begun?.ended);
    t.notOk(await begin(device), 'one at a time');
    const sent = await move(device, { name: 'triggered' });
    t.same(sent?.now, { ...begun?.now, state: 'awaited' });
    t.same(await store.wakeupOf(device), sent?.now);
  });

  test('a window that passes in silence makes it due again', async (t, open) => {
    const { put, miss, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    const passed = await miss(device);
    t.match(passed, { now: { state: 'owed', attempts: 1, dueMs: windowMs } });
    t.equal(passed?.now.sentMs, sampleMs, 'a hello before the next one is its answer');
    const times = { sentMs: sampleMs, dueMs: windowMs, sinceMs: sampleMs };
    t.same(passed?.ended, { network, outcome: 'unconfirmed', attempts: 1, ...times });
  });

  test('a gateway that never answered counts as one that sent', async (t, open) => {
    const { put, begin, move, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    await begin(device);
    const passed = await move(device, { name: 'passed', nowMs: windowMs, attemptsMax });
    t.match(passed, { now: { state: 'owed', attempts: 1 }, ended: { outcome: 'unconfirmed' } });
  });

  test('after the last attempt the device is dark, and what is pending stays', async (t, open) => {
    const { put, miss, pending, due, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    for (let i = 1; i < attemptsMax; i++) t.match(await miss(device), { now: { state: 'owed' } });
    const last = await miss(device);
    t.match(last, {
      now: { state: 'dark' },
      ended: { outcome: 'unconfirmed', attempts: attemptsMax },
    });
    t.match(last?.now, { state: 'dark', darkReason: 'unconfirmed', darkMs: windowMs });
    t.same(await pending(device), { c1: 1 });
    t.same(await put(device, c1, 2), { outcome: 'stored', isOwedAnew: false });
    t.notOk([...(await due('owed')), ...(await due('sent'))].includes(device));
  });

  test('what no gateway takes is no attempt and waits', async (t, open) => {
    const { put, begin, move, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    await begin(device);
    const unsent = await move(device, { name: 'unsent', dueMs: sampleMs + 700 });
    t.match(unsent?.now, { state: 'owed', attempts: 0, dueMs: sampleMs + 700 });
    t.notOk(unsent?.ended);
  });

  test('a refusal and a sign of the network end it, the next comes after the window', async (t, open) => {
    const { put, begin, move, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    await begin(device);
    const refused = await move(device, { name: 'refused', nowMs: sampleMs + 9, attemptsMax });
    t.match(refused, { now: { state: 'owed', attempts: 1, dueMs: windowMs } });
    t.match(refused?.ended, { network, outcome: 'failure', attempts: 1, sentMs: sampleMs });
    await begin(device, { nowMs: windowMs, dueMs: windowMs + 16_000 });
    await move(device, { name: 'triggered' });
    const sign = await move(device, { name: 'sign', nowMs: windowMs + 9, attemptsMax });
    t.match(sign, { now: { state: 'owed', attempts: 2, dueMs: windowMs + 16_000 } });
    t.match(sign?.ended, { outcome: 'failure', attempts: 2, sentMs: windowMs });
  });

  test('a device that holds a socket after all is left in peace for a while', async (t, open) => {
    const { put, move, device } = await meet(open, { address: anyAddress() });
    const { owed } = await put(device, c1, 1);
    const held = await move(device, { name: 'held', dueMs: sampleMs + 77_000 });
    t.same(held?.now, { ...owed, dueMs: sampleMs + 77_000 });
  });
}

function endings(test: Test): void {
  test('hello within the window is its success, told once', async (t, open) => {
    const address = anyAddress();
    const { store, put, begin, move, device, hello } = await meet(open, { address });
    await put(device, c1, 1, { nowMs: sampleMs - 20 });
    await begin(device);
    await move(device, { name: 'triggered' });
    const elsewhere = anyAddress({ network: '214-08' });
    const outcome = await hello(device, { address: elsewhere, nowMs: windowMs });
    const times = { sentMs: sampleMs, dueMs: windowMs, sinceMs: sampleMs - 20 };
    t.same(outcome.ended, { network, outcome: 'success', attempts: 1, ...times });
    t.match(outcome.now, { state: 'owed', attempts: 0, address: elsewhere });
    t.same(await store.wakeupOf(device), outcome.now);
    t.notOk((await hello(device, { address: elsewhere })).ended);
  });

  test('hello after the window and before the next one is told as late', async (t, open) => {
    const { put, begin, miss, move, device, hello } = await meet(open, { address: anyAddress() });
    const nowMs = windowMs + 1;
    await put(device, c1, 1);
    await begin(device);
    await move(device, { name: 'triggered' });
    const unnoticed = await hello(device, { address: anyAddress(), nowMs });
    const late = { network, attempts: 1, sentMs: sampleMs };
    t.same(unnoticed.late, late);
    t.match(unnoticed.ended, { outcome: 'unconfirmed' });
    await miss(device);
    const missed = await hello(device, { address: anyAddress({ network: '214-08' }), nowMs });
    t.same(missed.late, late, 'of the network it was sent in');
    t.notOk(missed.ended);
    t.notOk((await hello(device, { address: anyAddress(), nowMs })).late);
  });

  test('hello while the gateway has yet to answer is its success, too', async (t, open) => {
    const address = anyAddress();
    const { put, begin, device, hello } = await meet(open, { address });
    await put(device, c1, 1);
    await begin(device);
    t.match(await hello(device, { address }), { ended: { outcome: 'success' } });
  });

  test('hello after the window leaves it unconfirmed', async (t, open) => {
    const address = anyAddress();
    const { put, begin, device, hello } = await meet(open, { address });
    await put(device, c1, 1);
    await begin(device);
    const outcome = await hello(device, { address, nowMs: windowMs + 1 });
    t.match(outcome, { ended: { outcome: 'unconfirmed' }, now: { state: 'owed', attempts: 0 } });
  });

  test('hello without an address and hello with a claim end it, too', async (t, open) => {
    for (const more of [{}, { address: anyAddress(), trust: 'prove' as const }]) {
      const { put, begin, device, hello } = await meet(open, { address: anyAddress() });
      await put(device, c1, 1);
      await begin(device);
      t.match(await hello(device, more), { ended: { outcome: 'success' } });
    }
  });

  test('hello is the success of no wakeup that was only owed or taken back', async (t, open) => {
    const address = anyAddress();
    const { put, begin, move, device, hello } = await meet(open, { address });
    await put(device, c1, 1);
    t.notOk((await hello(device, { address })).ended);
    await begin(device);
    await move(device, { name: 'unsent', dueMs: sampleMs });
    t.notOk((await hello(device, { address })).ended);
  });

  test('one under way expires when nothing is pending any more', async (t, open) => {
    const address = anyAddress();
    const { store, put, begin, move, stateOf, device } = await meet(open, { address });
    await put(device, c1, 1);
    await begin(device);
    const expired = { network, outcome: 'expired', attempts: 1, sentMs: sampleMs };
    t.match(await store.ack(device, [{ channel: c1, version: 1 }]), expired);
    t.equal(await stateOf(device), 'resting');
    await put(device, c1, 2);
    await begin(device);
    await move(device, { name: 'triggered' });
    t.match(await store.unregister(device, c1, sampleMs), expired);
    t.equal(await stateOf(device), 'resting');
  });

  test('one under way expires with the lease of its address', async (t, open) => {
    const { put, begin, darken, pending, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    await begin(device);
    const lapsed = await darken(device);
    t.match(lapsed, { now: { state: 'dark' }, ended: { outcome: 'expired', sentMs: sampleMs } });
    t.match(lapsed?.now, { state: 'dark', darkReason: 'lease', darkMs: sampleMs });
    t.same(await pending(device), { c1: 1 });
  });
}

const everyEvent: WakeupReport[] = [
  { name: 'held', dueMs: sampleMs + 1 },
  { name: 'begun', nowMs: sampleMs, dueMs: windowMs },
  { name: 'triggered' },
  { name: 'unsent', dueMs: sampleMs + 1 },
  { name: 'refused', nowMs: sampleMs, attemptsMax },
  { name: 'sign', nowMs: sampleMs, attemptsMax },
  { name: 'passed', nowMs: sampleMs, attemptsMax },
  { name: 'lapsed', nowMs: sampleMs },
];

function lateness(test: Test): void {
  test('no event of a wakeup that hello replaced does anything', async (t, open) => {
    const address = anyAddress();
    const { store, put, begin, device, hello } = await meet(open, { address });
    await put(device, c1, 1);
    const { serial = 0 } = (await begin(device))?.now ?? {};
    await hello(device, { address });
    const before = await store.wakeupOf(device);
    for (const event of everyEvent) t.notOk(await store.move({ device, serial, event }));
    t.same(await store.wakeupOf(device), before);
  });

  test('one that is over does not come back with a later version', async (t, open) => {
    const { store, put, device } = await meet(open, { address: anyAddress() });
    const { serial = 0 } = (await put(device, c1, 1)).owed ?? {};
    await store.ack(device, [{ channel: c1, version: 1 }]);
    for (const event of everyEvent) {
      if (event.name === 'lapsed') continue;
      t.notOk(await store.move({ device, serial, event }), event.name);
    }
    const { owed } = await put(device, c1, 2);
    for (const event of everyEvent) t.notOk(await store.move({ device, serial, event }));
    t.same(await store.wakeupOf(device), owed);
  });

  test('an answer of a gateway to an attempt that passed does nothing', async (t, open) => {
    const { store, put, begin, move, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    const { serial = 0 } = (await begin(device))?.now ?? {};
    await move(device, { name: 'passed', nowMs: windowMs, attemptsMax });
    const answers = everyEvent.filter(({ name }) =>
      ['triggered', 'unsent', 'refused', 'sign', 'passed'].includes(name),
    );
    for (const event of answers) t.notOk(await store.move({ device, serial, event }), event.name);
    const next = await begin(device);
    for (const event of answers) t.notOk(await store.move({ device, serial, event }), event.name);
    t.same(await store.wakeupOf(device), next?.now);
  });

  test('an event for a device that nobody knows does nothing', async (t, open) => {
    const { store } = await meet(open);
    const device = sampleIds.newDevice();
    for (const event of everyEvent) t.notOk(await store.move({ device, serial: 0, event }));
  });

  test('every write may be repeated', async (t, open) => {
    const address = anyAddress();
    const { store, put, move, begin, pending, device, hello, prove } = await meet(open, {
      ...{ store: 'empty', address },
    });
    const seen = async () => {
      const {
        serial: _serial,
        counter: _counter,
        ...wakeup
      } = (await store.wakeupOf(device)) ?? {};
      return [await pending(device), await store.counts(), wakeup];
    };
    const twice = async (write: () => Promise<unknown>) => {
      await write();
      const once = await seen();
      await write();
      t.same(await seen(), once);
    };
    await twice(() => store.register(device, c2, 100));
    await twice(() => put(device, c1, 5));
    await twice(() => begin(device));
    await twice(() => move(device, { name: 'triggered' }));
    await twice(() => move(device, { name: 'passed', nowMs: windowMs, attemptsMax }));
    await twice(() => hello(device, { address, trust: 'prove', channels: [c1, c3] }));
    await twice(() => prove(device, address));
    await twice(() => store.renewAddress(device, sampleMs + 5));
    await twice(() => store.ack(device, [{ channel: c1, version: 5 }]));
    await twice(() => store.unregister(device, c1, sampleMs));
    await twice(() => move(device, { name: 'lapsed', nowMs: sampleMs }));
    await twice(() => hello(device, { channels: [] }));
  });
}

function resumption(test: Test): void {
  test('windows that are over too soon last longer, the others stay as they are', async (t, open) => {
    const { store, put, begin, move, device } = await meet(open, {
      ...{ store: 'empty', address: anyAddress() },
    });
    await put(device, c1, 1);
    await begin(device, { dueMs: windowMs });
    const other = await meetAnother(store, { address: anyAddress() });
    await put(other.device, c1, 1);
    const extend = (untilMs: number, limit = 9) => store.extendWindows({ network, untilMs, limit });
    t.equal(await extend(windowMs + 50), 1);
    t.match(await store.wakeupOf(device), { state: 'sending', attempts: 1, dueMs: windowMs + 50 });
    t.match(await store.wakeupOf(other.device), { state: 'owed', dueMs: sampleMs + 10_000 });
    await move(device, { name: 'triggered', dueMs: windowMs + 80 });
    t.equal(await extend(windowMs + 60), 0);
    t.match(await store.wakeupOf(device), { state: 'awaited', dueMs: windowMs + 80 });
    const hello = await phrases(store).hello(device, { nowMs: windowMs + 70 });
    t.match(hello.ended, { outcome: 'success' });
  });

  test('windows of one network last longer, so many at a time', async (t, open) => {
    const { store, device } = await meet(open, { store: 'empty', address: anyAddress() });
    const { put, begin } = phrases(store);
    const near = await meetAnother(store, { address: anyAddress() });
    const far = await meetAnother(store, { address: { ...anyAddress(), network: elsewhere } });
    const devices = [device, near.device, far.device];
    for (const each of devices) {
      await put(each, c1, 1);
      await begin(each, { dueMs: windowMs });
    }
    const extend = () => store.extendWindows({ network, untilMs: windowMs + 50, limit: 1 });
    t.same([await extend(), await extend(), await extend()], [1, 1, 0]);
    const dues = await Promise.all(
      devices.map(async (each) => (await store.wakeupOf(each))?.dueMs),
    );
    t.same(dues, [windowMs + 50, windowMs + 50, windowMs]);
  });
}

function turns(test: Test): void {
  test('what is owed comes the oldest first, no more than asked for', async (t, open) => {
    const { store, put, due } = await meet(open, { store: 'empty' });
    const owed = new Map<number, string>();
    for (const delay of [40, 10, 30, 20, 50]) {
      const { device } = await meetAnother(store, { address: anyAddress() });
      await put(device, c1, 1, { wakeupDueMs: sampleMs + delay });
      owed.set(delay, device);
    }
    const of = (...delays: number[]) => delays.map((delay) => owed.get(delay));
    t.same(await due('owed', { nowMs: sampleMs + 9 }), []);
    t.same(await due('owed', { nowMs: sampleMs + 10 }), of(10));
    t.same(await due('owed', { nowMs: sampleMs + 39 }), of(10, 20, 30));
    t.same(await due('owed', { nowMs: sampleMs + 39, limit: 2 }), of(10, 20));
    t.same(await due('owed', { nowMs: sampleMs + 99 }), of(10, 20, 30, 40, 50));
    t.same(await due('owed', { nowMs: sampleMs + 99, limit: 0 }), []);
  });

  test('what was sent in bulk waits behind everything else', async (t, open) => {
    const { store, put, due } = await meet(open, { store: 'empty' });
    const owe = async (lane: 'prompt' | 'bulk', delay: number) => {
      const { device } = await meetAnother(store, { address: anyAddress() });
      await put(device, c1, 1, { lane, wakeupDueMs: sampleMs + delay });
      return device;
    };
    const bulk = [await owe('bulk', 1), await owe('bulk', 2)];
    const prompt = [await owe('prompt', 3), await owe('prompt', 4)];
    t.same(await due('owed'), [...prompt, ...bulk]);
    t.same(await due('owed', { limit: 3 }), [...prompt, bulk[0]]);
    t.same(await due('owed', { limit: 1 }), [prompt[0]]);
    t.same(await due('owed', { nowMs: sampleMs + 3 }), [prompt[0], ...bulk]);
  });

  test('a wakeup owed for something sent in bulk is prompt from the next version on that was not', async (t, open) => {
    const { put, device, miss } = await meet(open, { address: anyAddress() });
    t.match(await put(device, c1, 1, { lane: 'bulk' }), { owed: { lane: 'bulk' } });
    t.match(await put(device, c1, 2, { lane: 'bulk' }), { owed: { lane: 'bulk' } });
    t.match(await put(device, c1, 3, { lane: 'prompt' }), { owed: { lane: 'prompt' } });
    t.match(await put(device, c1, 4, { lane: 'bulk' }), { owed: { lane: 'prompt' } });
    t.match(await miss(device), { now: { lane: 'prompt' } });
  });

  test('the next wakeup is in the lane of its own version', async (t, open) => {
    const { store, put, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1, { lane: 'prompt' });
    await store.ack(device, [{ channel: c1, version: 1 }]);
    t.match(await put(device, c1, 2, { lane: 'bulk' }), { owed: { lane: 'bulk' } });
  });

  test('a device that is believed again is woken for what came meanwhile without delay', async (t, open) => {
    const address = anyAddress();
    const { store, put, prove, hello, device } = await meet(open, { address });
    await put(device, c1, 1, { lane: 'bulk' });
    await hello(device, { address: anyAddress(), trust: 'prove' });
    await hello(device, { address, trust: 'prove' });
    await put(device, c1, 2, { lane: 'prompt' });
    await prove(device, address);
    t.match(await store.wakeupOf(device), { state: 'owed', lane: 'prompt' });
  });

  test('what was sent comes apart from what is owed, when its window is over', async (t, open) => {
    const { store, put, due, begin, move } = await meet(open, { store: 'empty' });
    const [owed, sending, awaited] = await Promise.all(
      [1, 2, 3].map(async () => {
        const { device } = await meetAnother(store, { address: anyAddress() });
        await put(device, c1, 1);
        return device;
      }),
    );
    if (!owed || !sending || !awaited) return t.fail('no devices');
    await begin(awaited, { dueMs: windowMs });
    await move(awaited, { name: 'triggered' });
    await begin(sending, { dueMs: windowMs + 1 });
    t.same(await due('owed'), [owed]);
    t.same(await due('sent', { nowMs: windowMs - 1 }), []);
    t.same(await due('sent', { nowMs: windowMs }), [awaited]);
    t.same(await due('sent'), [awaited, sending]);
    t.same(await due('sent', { limit: 1 }), [awaited]);
  });

  test('each network is asked for its own', async (t, open) => {
    const { store, put, due, begin } = await meet(open, { store: 'empty' });
    const homes = ['214-07', '214-007', '214-07/b'];
    const devices: string[] = [];
    for (const home of homes) {
      const { device } = await meetAnother(store, {
        address: wakeupAddress('10.0.0.1', { network: home }),
      });
      await put(device, c1, 1);
      devices.push(device);
      t.same(await due('owed', { network: home }), [device]);
      await begin(device);
      t.same(await due('owed', { network: home }), []);
      t.same(await due('sent', { network: home }), [device]);
    }
    t.equal(new Set(devices).size, 3);
    t.same(await due('owed', { network: '214-08' }), []);
  });
}
