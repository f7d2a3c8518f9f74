// What every engine of the store must do, whatever it stands on. An engine's own test runs this suite with a way
// to open it, empty.
import t from 'tap';
import type { ChannelId, DeviceId } from '../../../central/protocol/ids.js';
import { versionMax, type WakeupAddress } from '../../../central/protocol/messages.js';
import type { HelloRecord, Store } from '../../../central/store/store.js';
import { channel, sampleIds, wakeupAddress } from '../../support/central-samples.js';
import { owedWakeups } from './owed-wakeups.js';

export type OpenStore = (options: { nowMs: number; queueMax: number }) => Promise<Store>;
/** Declares a test under the engine's name. */
export type Test = (name: string, body: (t: Assertions, open: Open) => Promise<unknown>) => void;
/** Gives a store: that of the other tests, which know nothing of its other devices, or an empty one. */
type Open = (which?: 'empty') => Promise<Store>;
type Assertions = Pick<
  typeof t,
  'equal' | 'fail' | 'match' | 'not' | 'notOk' | 'ok' | 'rejects' | 'same'
>;

export const startMs = 1_700_000_000_000;
const [c1, c2, c3] = [channel('c1'), channel('c2'), channel('c3')];
const here = wakeupAddress();

/** A store with the words that tests are told in. */
export function phrases(store: Store) {
  return {
    hello: (device: DeviceId, more: Partial<HelloRecord> = {}) =>
      store.hello({
        ...{ device, address: undefined, channels: undefined, isNew: false, nowMs: startMs },
        ...{ wakeupDueMs: startMs + 10_000, channelsMax: 100, ...more },
      }),
    put: (device: DeviceId, channel: ChannelId, version: number, wakeupDueMs = startMs + 10_000) =>
      store.put({ device, channel, version, wakeupDueMs }),
    pending: async (device: DeviceId) =>
      Object.fromEntries((await store.pending(device)).map((u) => [u.channel, u.version])),
    owed: async (device: DeviceId) =>
      (await store.dueWakeups(Number.MAX_SAFE_INTEGER, 1000)).filter((w) => w.device === device),
  };
}

/** A store and a new device in it, with its address and channels. */
async function meet(
  open: Open,
  options: { address?: WakeupAddress; channels?: ChannelId[]; store?: 'empty' } = {},
) {
  const { address, channels = [c1] } = options;
  const store = await open(options.store);
  const device = sampleIds.newDevice();
  const words = phrases(store);
  await words.hello(device, { isNew: true, address });
  for (const channel of channels) await store.register(device, channel, 100);
  return { store, device, ...words };
}

export function storeContract(engine: string, openStore: OpenStore): void {
  const openEmpty = () => openStore({ nowMs: startMs, queueMax: 10_000 });
  let shared: Promise<Store> | undefined;
  const openShared = () => {
    shared ??= openEmpty();
    return shared;
  };
  t.teardown(async () => (await shared)?.close());

  const test: Test = (name, body) =>
    t.test(`${engine}: ${name}`, (t) =>
      body(t, async (which) => {
        if (which !== 'empty') return openShared();
        const store = await openEmpty();
        t.teardown(() => store.close());
        return store;
      }),
    );
  versions(test);
  channels(test);
  devices(test);
  wakeups(test);
  owedWakeups(test);
  atTheEnd(test);
}

function versions(test: Test): void {
  test('keeps a version only if it is newer', async (t, open) => {
    const { put, pending, device } = await meet(open);
    t.match(await put(device, c1, 5), { outcome: 'stored' });
    t.match(await put(device, c1, 5), { outcome: 'stale' });
    t.match(await put(device, c1, 4), { outcome: 'stale' });
    t.same(await pending(device), { c1: 5 });
    t.match(await put(device, c1, 6), { outcome: 'stored' });
    t.same(await pending(device), { c1: 6 });
  });

  test('keeps every version from 0 to 2^53-1', async (t, open) => {
    const { store, put, pending, device } = await meet(open);
    for (const version of [0, 1, 2 ** 31, 2 ** 32 + 1, 2 ** 51 + 1, versionMax - 1, versionMax]) {
      t.match(await put(device, c1, version), { outcome: 'stored' });
      t.match(await put(device, c1, version), { outcome: 'stale' });
      t.same(await pending(device), { c1: version });
    }
    await store.ack(device, [{ channel: c1, version: versionMax - 1 }]);
    t.same(await pending(device), { c1: versionMax });
    await store.ack(device, [{ channel: c1, version: versionMax }]);
    t.same(await pending(device), {});
  });

  test('clears what is acked with its own version or a newer one', async (t, open) => {
    const { store, put, pending, device } = await meet(open);
    await put(device, c1, 5);
    await store.ack(device, [{ channel: c1, version: 4 }]);
    t.same(await pending(device), { c1: 5 });
    await store.ack(device, [{ channel: c1, version: 5 }]);
    t.same(await pending(device), {});
    await put(device, c1, 6);
    await store.ack(device, [{ channel: c1, version: 7 }]);
    t.same(await pending(device), {});
  });

  test('never raises what is acked past what is stored', async (t, open) => {
    const { store, put, pending, device } = await meet(open);
    await store.ack(device, [{ channel: c1, version: versionMax }]);
    t.match(await put(device, c1, 0), { outcome: 'stored' });
    t.same(await pending(device), { c1: 0 }, 'an ack before the first version');
    await store.ack(device, [{ channel: c1, version: 99 }]);
    t.match(await put(device, c1, 1), { outcome: 'stored' });
    t.same(await pending(device), { c1: 1 }, 'an ack of more than there is');
  });

  test('a version that was acked is stale from then on', async (t, open) => {
    const { store, put, pending, device } = await meet(open);
    await put(device, c1, 5);
    await store.ack(device, [{ channel: c1, version: 5 }]);
    t.match(await put(device, c1, 5), { outcome: 'stale', isOwedAnew: false });
    t.match(await put(device, c1, 3), { outcome: 'stale', isOwedAnew: false });
    t.same(await pending(device), {});
  });

  test('an older ack after a newer one changes nothing', async (t, open) => {
    const { store, put, pending, device } = await meet(open);
    await put(device, c1, 5);
    await store.ack(device, [{ channel: c1, version: 5 }]);
    await store.ack(device, [{ channel: c1, version: 2 }]);
    t.same(await pending(device), {});
  });

  test('an ack of several channels counts for each, unknown ones for nothing', async (t, open) => {
    const { store, put, pending, device } = await meet(open, { channels: [c1, c2] });
    await put(device, c1, 1);
    await put(device, c2, 2);
    await store.ack(device, [
      { channel: c3, version: 9 },
      { channel: c2, version: 2 },
      { channel: c1, version: 0 },
      { channel: c2, version: 1 },
    ]);
    t.same(await pending(device), { c1: 1 });
    await store.ack(device, []);
    t.same(await pending(device), { c1: 1 });
    t.match(await put(device, c3, 1), { outcome: 'unknown-channel' });
  });

  test('a device has nothing to do with another one of the same channels', async (t, open) => {
    const { store, put, pending, device, hello } = await meet(open);
    const other = sampleIds.newDevice();
    await hello(other, { isNew: true });
    await store.register(other, c1, 100);
    await put(device, c1, 5);
    t.same(await pending(other), {});
    await store.ack(other, [{ channel: c1, version: 5 }]);
    t.same(await pending(device), { c1: 5 });
    await store.unregister(other, c1);
    t.same(await pending(device), { c1: 5 });
  });
}

function channels(test: Test): void {
  test('a channel registered again keeps what it has', async (t, open) => {
    const { store, put, pending, device } = await meet(open, { store: 'empty' });
    await put(device, c1, 5);
    t.equal(await store.register(device, c1, 100), 'registered');
    t.same(await pending(device), { c1: 5 });
    t.match(await store.counts(), { channels: 1 });
  });

  test('a device has at most so many channels, and may repeat those it has', async (t, open) => {
    const { store, put, device } = await meet(open, { channels: [] });
    t.equal(await store.register(device, c1, 2), 'registered');
    t.equal(await store.register(device, c2, 2), 'registered');
    t.equal(await store.register(device, c3, 2), 'too-many-channels');
    t.equal(await store.register(device, c3, 2), 'too-many-channels');
    t.equal(await store.register(device, c1, 2), 'registered');
    t.match(await put(device, c3, 1), { outcome: 'unknown-channel' });
    await store.unregister(device, c1);
    t.equal(await store.register(device, c3, 2), 'registered');
  });

  test('a channel that was unregistered is unknown and forgets its version', async (t, open) => {
    const { store, put, pending, device } = await meet(open);
    await put(device, c1, 5);
    await store.unregister(device, c1);
    await store.unregister(device, c1);
    t.same(await pending(device), {});
    t.match(await put(device, c1, 6), { outcome: 'unknown-channel' });
    await store.register(device, c1, 100);
    t.match(await put(device, c1, 0), { outcome: 'stored' });
  });

  test('odd channelIDs are kept as they are', async (t, open) => {
    const odd = ['é', 'e\u0301', 'É', "'; DROP TABLE channel; --", '%', '_', '🔔', ' ', 'null'];
    const channels = odd.map(channel);
    const { put, pending, device } = await meet(open, { channels });
    for (const [i, channel] of channels.entries()) await put(device, channel, i);
    t.same(await pending(device), Object.fromEntries(odd.map((text, i) => [text, i])));
  });
}

function devices(test: Test): void {
  test('a device this database never met is unknown', async (t, open) => {
    const { store, put, pending } = await meet(open, { store: 'empty' });
    const stranger = sampleIds.newDevice();
    t.match(await put(stranger, c1, 1), { outcome: 'unknown-device', isOwedAnew: false });
    t.same(await pending(stranger), {});
    t.equal(await store.addressOf(stranger), undefined);
    await store.ack(stranger, [{ channel: c1, version: 1 }]);
    await store.unregister(stranger, c1);
    t.match(await store.counts(), { devices: 1, channels: 1, pending: 0 });
  });

  test('a new device is known with no channel, and its channels are unknown ones', async (t, open) => {
    const { store, put, device } = await meet(open, { store: 'empty', channels: [] });
    t.match(await put(device, c1, 1), { outcome: 'unknown-channel', isOwedAnew: false });
    t.match(await store.counts(), { devices: 1, channels: 0 });
  });

  test('a device that has not told its channels is as good as unknown', async (t, open) => {
    const store = await open();
    const { hello, put } = phrases(store);
    const device = sampleIds.newDevice();
    t.same(await hello(device, { address: here }), {
      outcome: 'known',
      channelsAdded: 0,
      channelsRemoved: 0,
    });
    t.match(await put(device, c1, 1), { outcome: 'unknown-device' });
    await store.register(device, c1, 100);
    t.match(await put(device, c1, 1), { outcome: 'stored' });
    t.match(await put(device, c2, 1), { outcome: 'unknown-device' }, 'another may still exist');
  });

  test('a device that told its channels once stays known to have told them', async (t, open) => {
    const store = await open();
    const { hello, put } = phrases(store);
    const device = sampleIds.newDevice();
    await hello(device, { channels: [c1] });
    await hello(device);
    t.match(await put(device, c2, 1), { outcome: 'unknown-channel' });
  });

  test('hello with a list makes the list of the server that one', async (t, open) => {
    const { put, pending, device, hello } = await meet(open, { channels: [c1, c2] });
    await put(device, c1, 1);
    await put(device, c2, 2);
    t.same(await hello(device, { channels: [c2, c3, c3] }), {
      outcome: 'known',
      channelsAdded: 1,
      channelsRemoved: 1,
    });
    t.same(await pending(device), { c2: 2 });
    t.match(await put(device, c1, 9), { outcome: 'unknown-channel' });
    t.match(await put(device, c3, 0), { outcome: 'stored' });
  });

  test('hello with an empty list removes every channel', async (t, open) => {
    const { store, put, pending, device, hello } = await meet(open, {
      store: 'empty',
      channels: [c1, c2],
    });
    await put(device, c1, 1);
    t.match(await hello(device, { channels: [] }), { channelsAdded: 0, channelsRemoved: 2 });
    t.same(await pending(device), {});
    t.match(await put(device, c1, 2), { outcome: 'unknown-channel' });
    t.match(await store.counts(), { channels: 0, pending: 0 });
  });

  test('hello without a list leaves the channels as they are', async (t, open) => {
    const { put, pending, device, hello } = await meet(open);
    await put(device, c1, 1);
    t.match(await hello(device), { channelsAdded: 0, channelsRemoved: 0 });
    t.same(await pending(device), { c1: 1 });
  });

  test('hello with the list it had changes no channel', async (t, open) => {
    const { put, pending, device, hello } = await meet(open);
    await put(device, c1, 1);
    for (let i = 0; i < 2; i++) {
      t.match(await hello(device, { channels: [c1] }), { channelsAdded: 0, channelsRemoved: 0 });
    }
    t.same(await pending(device), { c1: 1 });
  });

  test('hello with too many channels changes nothing at all', async (t, open) => {
    const { store, put, pending, device, hello } = await meet(open, { address: here });
    await put(device, c1, 1);
    const address = wakeupAddress('10.9.9.9');
    const refused = await hello(device, { channels: [c2, c3, c3, c1], channelsMax: 2, address });
    t.same(refused, { outcome: 'too-many-channels', channelsAdded: 0, channelsRemoved: 0 });
    t.same(await pending(device), { c1: 1 });
    t.same(await store.addressOf(device), { address: here, saidAtMs: startMs });
    t.match(await hello(device, { channels: [c2, c3, c3], channelsMax: 2 }), { outcome: 'known' });
  });

  test('the address is the one of the last hello, with its time', async (t, open) => {
    const { store, device, hello } = await meet(open, { address: here });
    t.same(await store.addressOf(device), { address: here, saidAtMs: startMs });
    const moved = wakeupAddress('fd12:3456:7::1', {
      network: '214-007/net-b',
      port: 65535,
      protocol: 'tcp',
    });
    await hello(device, { address: moved, nowMs: startMs + 5 });
    t.same(await store.addressOf(device), { address: moved, saidAtMs: startMs + 5 });
    await hello(device, { nowMs: startMs + 6 });
    t.equal(await store.addressOf(device), undefined);
  });

  test('renewing an address changes its time alone, and nothing where there is none', async (t, open) => {
    const { store, device, hello } = await meet(open, { address: here });
    await store.renewAddress(device, startMs + 7);
    t.same(await store.addressOf(device), { address: here, saidAtMs: startMs + 7 });
    await hello(device, { nowMs: startMs + 8 });
    await store.renewAddress(device, startMs + 9);
    t.equal(await store.addressOf(device), undefined);
  });

  test('totals are counted across devices', async (t, open) => {
    const { store, put, device, hello } = await meet(open, {
      store: 'empty',
      address: here,
      channels: [c1, c2],
    });
    t.same(await store.counts(), { devices: 1, channels: 2, pending: 0, owedWakeups: 0 });
    await put(device, c1, 1);
    await hello(sampleIds.newDevice(), { channels: [c1] });
    t.same(await store.counts(), { devices: 2, channels: 3, pending: 1, owedWakeups: 1 });
  });
}

function wakeups(test: Test): void {
  test('the first version for a device with an address owes it a wakeup', async (t, open) => {
    const { put, owed, device } = await meet(open, { address: here, channels: [c1, c2] });
    const first = await put(device, c1, 1, startMs + 7);
    t.match(first, { outcome: 'stored', isOwedAnew: true });
    t.match(first.owed, { device, address: here, saidAtMs: startMs, attempts: 0 });
    t.equal(first.owed?.isAwaited, false);
    t.same(await owed(device), [first.owed]);
    const second = await put(device, c2, 1, startMs + 99);
    t.match(second, { outcome: 'stored', isOwedAnew: false });
    t.same(second.owed, first.owed, 'the same wakeup serves both');
  });

  test('a device without an address is owed none', async (t, open) => {
    const { put, owed, device } = await meet(open);
    const outcome = await put(device, c1, 1);
    t.match(outcome, { outcome: 'stored', isOwedAnew: false });
    t.notOk(outcome.owed);
    t.same(await owed(device), []);
  });

  test('a version that is not stored owes nothing', async (t, open) => {
    const { put, device } = await meet(open, { address: here });
    await put(device, c1, 5);
    for (const [channel, version] of [
      [c1, 5],
      [c2, 6],
    ] as const) {
      const outcome = await put(device, channel, version);
      t.equal(outcome.isOwedAnew, false);
      t.notOk(outcome.owed);
    }
  });

  test('the ack that leaves nothing pending removes it, an earlier one does not', async (t, open) => {
    const { store, put, owed, device } = await meet(open, { address: here, channels: [c1, c2] });
    await put(device, c1, 1);
    await put(device, c2, 1);
    await store.ack(device, [{ channel: c1, version: 1 }]);
    t.equal((await owed(device)).length, 1);
    await store.ack(device, [{ channel: c2, version: 1 }]);
    t.same(await owed(device), []);
    t.match(await put(device, c2, 2), { isOwedAnew: true });
  });

  test('unregistering the last pending channel removes it', async (t, open) => {
    const { store, put, owed, device } = await meet(open, { address: here });
    await put(device, c1, 1);
    await store.unregister(device, c1);
    t.same(await owed(device), []);
  });

  test('a hello whose list leaves nothing pending removes it', async (t, open) => {
    const { put, owed, device, hello } = await meet(open, { address: here });
    await put(device, c1, 1);
    await hello(device, { address: here, channels: [c2] });
    t.same(await owed(device), []);
  });

  test('hello without an address removes it, with one again it is owed again', async (t, open) => {
    const { put, owed, device, hello } = await meet(open, { address: here });
    await put(device, c1, 1);
    await hello(device);
    t.same(await owed(device), []);
    await hello(device, { address: here });
    t.equal((await owed(device)).length, 1);
  });

  test('hello starts it afresh, at its new address and time', async (t, open) => {
    const { store, put, owed, device, hello } = await meet(open, { store: 'empty', address: here });
    const { owed: before } = await put(device, c1, 1);
    if (!before) return t.fail('nothing owed');
    await store.planWakeup({ device, serial: before.serial, attempts: 4, dueMs: startMs });
    const address = wakeupAddress('10.4.4.4');
    await hello(device, { address, nowMs: startMs + 50, wakeupDueMs: startMs + 60 });
    t.same(await store.dueWakeups(startMs + 59, 10), []);
    const [after] = await store.dueWakeups(startMs + 60, 10);
    t.match(after, { device, address, saidAtMs: startMs + 50, attempts: 0, isAwaited: false });
    t.not(after?.serial, before.serial);
    t.equal((await owed(device)).length, 1);
  });

  test('hello tells the wakeup it answers, once', async (t, open) => {
    const { store, put, device, hello } = await meet(open, { store: 'empty', address: here });
    const { owed } = await put(device, c1, 1);
    if (!owed) return t.fail('nothing owed');
    const sentAtMs = startMs + 20;
    await store.planWakeup({ ...owed, attempts: 1, dueMs: startMs + 30, sentAtMs });
    t.match(await store.dueWakeups(startMs + 30, 10), [{ attempts: 1, isAwaited: true }]);
    const moved = wakeupAddress('10.1.1.1', { network: '214-08' });
    const outcome = await hello(device, { address: moved });
    t.same(outcome.answered, { network: '214-07', sentAtMs });
    t.notOk((await hello(device, { address: moved })).answered);
  });

  test('hello answers no wakeup that was only planned or put off', async (t, open) => {
    const { store, put, device, hello } = await meet(open, { store: 'empty', address: here });
    const { owed } = await put(device, c1, 1);
    if (!owed) return t.fail('nothing owed');
    await store.planWakeup({ ...owed, attempts: 1, dueMs: startMs, sentAtMs: startMs });
    await store.planWakeup({ ...owed, attempts: 0, dueMs: startMs + 5 });
    t.match(await store.dueWakeups(startMs + 5, 10), [{ attempts: 0, isAwaited: false }]);
    t.notOk((await hello(device, { address: here })).answered);
  });

  test('a plan with the serial of a wakeup that was replaced does nothing', async (t, open) => {
    const { store, put, owed, device, hello } = await meet(open, { address: here });
    const { owed: old } = await put(device, c1, 1);
    if (!old) return t.fail('nothing owed');
    await hello(device, { address: here });
    const before = await owed(device);
    await store.planWakeup({ ...old, attempts: 3, dueMs: undefined, sentAtMs: startMs });
    t.same(await owed(device), before);
    await store.ack(device, [{ channel: c1, version: 1 }]);
    await store.planWakeup({ ...old, attempts: 3, dueMs: startMs });
    t.same(await owed(device), [], 'one that is over does not come back');
    await put(device, c1, 2);
    await store.planWakeup({ ...old, attempts: 3, dueMs: undefined });
    t.match(await owed(device), [{ attempts: 0 }]);
  });

  test('a wakeup given up is no longer due, yet still owed until the device connects', async (t, open) => {
    const { store, put, owed, device, hello } = await meet(open, { store: 'empty', address: here });
    const first = await put(device, c1, 1);
    if (!first.owed) return t.fail('nothing owed');
    await store.planWakeup({ ...first.owed, attempts: 5, dueMs: undefined });
    t.same(await owed(device), []);
    t.match(await store.counts(), { owedWakeups: 1 });
    t.match(await put(device, c1, 2), { isOwedAnew: false, owed: { attempts: 5 } });
    await hello(device, { address: here });
    t.match(await owed(device), [{ attempts: 0 }]);
  });

  test('due wakeups come the oldest first, no more than asked for', async (t, open) => {
    const { store, put, hello } = await meet(open, { store: 'empty' });
    const delays = [40, 10, 30, 20, 50];
    for (const delay of delays) {
      const device = sampleIds.newDevice();
      await hello(device, { isNew: true, address: wakeupAddress(`10.0.0.${delay}`) });
      await store.register(device, c1, 10);
      await put(device, c1, 1, startMs + delay);
    }
    const due = async (nowMs: number, limit: number) =>
      (await store.dueWakeups(nowMs, limit)).map(({ address }) => address.address.text.slice(7));
    t.same(await due(startMs + 9, 10), []);
    t.same(await due(startMs + 10, 10), ['10']);
    t.same(await due(startMs + 39, 10), ['10', '20', '30']);
    t.same(await due(startMs + 39, 2), ['10', '20']);
    t.same(await due(startMs + 99, 10), ['10', '20', '30', '40', '50']);
    t.same(await due(startMs + 99, 0), []);
  });

  test('every write may be repeated', async (t, open) => {
    const { store, put, pending, owed, device, hello } = await meet(open, {
      store: 'empty',
      address: here,
    });
    const twice = async (write: () => Promise<unknown>) => {
      await write();
      const once = [await pending(device), await store.counts(), await store.addressOf(device)];
      const [before] = await owed(device);
      await write();
      const again = [await pending(device), await store.counts(), await store.addressOf(device)];
      t.same(again, once);
      const [after] = await owed(device);
      t.same(after && { ...after, serial: 0 }, before && { ...before, serial: 0 });
    };
    await twice(() => store.register(device, c2, 100));
    await twice(() => put(device, c1, 5));
    const [wakeup] = await owed(device);
    if (!wakeup) return t.fail('nothing owed');
    await twice(() => store.planWakeup({ ...wakeup, attempts: 2, dueMs: startMs + 1 }));
    await twice(() => hello(device, { address: here, channels: [c1, c3] }));
    await twice(() => store.ack(device, [{ channel: c1, version: 5 }]));
    await twice(() => store.unregister(device, c1));
    await twice(() => hello(device, { channels: [] }));
  });
}

function atTheEnd(test: Test): void {
  test('tells when it began and that nothing is wrong', async (t, open) => {
    const store = await open('empty');
    t.equal(store.bornAtMs, startMs);
    t.equal(store.problem(), undefined);
  });

  test('a read sees every write that was begun before it', async (t, open) => {
    const { store, put, device } = await meet(open);
    const puts = Array.from({ length: 500 }, (_, i) => put(device, c1, i));
    t.same(await store.pending(device), [{ channel: c1, version: 499 }]);
    t.ok((await Promise.all(puts)).every(({ outcome }) => outcome === 'stored'));
  });

  test('what was begun before close is done, what comes after is refused', async (t, open) => {
    const { store, put, device } = await meet(open, { store: 'empty' });
    const last = put(device, c1, 1);
    const closed = [store.close(), store.close()];
    t.match(await last, { outcome: 'stored' });
    await Promise.all(closed);
    await store.close();
    await t.rejects(put(device, c1, 2), { code: 'store-failed' });
    await t.rejects(store.pending(device), { code: 'store-failed' });
    await t.rejects(store.counts(), { code: 'store-failed' });
    t.ok(store.problem());
  });
}
