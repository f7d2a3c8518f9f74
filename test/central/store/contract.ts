// What every engine of the store must do, whatever it stands on. An engine's own test runs this suite with a way
// to open it, empty.
import t from 'tap';
import { versionMax } from '../../../central/protocol/messages.js';
import type { Store } from '../../../central/store/store.js';
import { channel, sampleIds, sampleMs, wakeupAddress } from '../../support/central-samples.js';
import { addresses } from './addresses.js';
import { darkDevices } from './dark-devices.js';
import { messageEnds } from './message-ends.js';
import { messageWakeups } from './message-wakeups.js';
import { messages } from './messages.js';
import { owedWakeups } from './owed-wakeups.js';
import { anyAddress, meet, phrases, type Test } from './phrases.js';
import { vacantDevices } from './vacant-devices.js';
import { wakeups } from './wakeups.js';

export type OpenStore = (options: { nowMs: number; queueMax: number }) => Promise<Store>;

const [c1, c2, c3] = [channel('c1'), channel('c2'), channel('c3')];

export function storeContract(engine: string, openStore: OpenStore): void {
  const openEmpty = () => openStore({ nowMs: sampleMs, queueMax: 10_000 });
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
  addresses(test);
  darkDevices(test);
  vacantDevices(test);
  messages(test);
  messageEnds(test);
  messageWakeups(test);
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
    await store.unregister(other, c1, sampleMs);
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
    await store.unregister(device, c1, sampleMs);
    t.equal(await store.register(device, c3, 2), 'registered');
  });

  test('a channel that was unregistered is unknown and forgets its version', async (t, open) => {
    const { store, put, pending, device } = await meet(open);
    await put(device, c1, 5);
    await store.unregister(device, c1, sampleMs);
    await store.unregister(device, c1, sampleMs);
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
    t.equal(await store.wakeupOf(stranger), undefined);
    await store.ack(stranger, [{ channel: c1, version: 1 }]);
    await store.unregister(stranger, c1, sampleMs);
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
    const outcome = await hello(device, { address: anyAddress() });
    t.match(outcome, { outcome: 'known' });
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
    const { store, put, pending, device, hello } = await meet(open, {
      store: 'empty',
      channels: [c1, c2],
    });
    await put(device, c1, 1);
    await put(device, c2, 2);
    t.match(await hello(device, { channels: [c2, c3, c3] }), { outcome: 'known' });
    t.match(await store.counts(), { channels: 2 });
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
    await hello(device, { channels: [] });
    t.same(await pending(device), {});
    t.match(await put(device, c1, 2), { outcome: 'unknown-channel' });
    t.match(await store.counts(), { channels: 0, pending: 0 });
  });

  test('hello without a list leaves the channels as they are', async (t, open) => {
    const { store, put, pending, device, hello } = await meet(open, { store: 'empty' });
    await put(device, c1, 1);
    await hello(device);
    t.match(await store.counts(), { channels: 1 });
    t.same(await pending(device), { c1: 1 });
  });

  test('hello with the list it had changes no channel', async (t, open) => {
    const { store, put, pending, device, hello } = await meet(open, { store: 'empty' });
    await put(device, c1, 1);
    for (let i = 0; i < 2; i++) {
      await hello(device, { channels: [c1] });
      t.match(await store.counts(), { channels: 1 });
    }
    t.same(await pending(device), { c1: 1 });
  });

  test('hello with too many channels changes nothing at all', async (t, open) => {
    const { store, put, pending, device, hello } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    const before = await store.wakeupOf(device);
    const address = anyAddress();
    const refused = await hello(device, { channels: [c2, c3, c3, c1], channelsMax: 2, address });
    t.same(refused, { outcome: 'too-many-channels', losers: [] });
    t.same(await pending(device), { c1: 1 });
    t.same(await store.wakeupOf(device), before);
    t.match(await hello(device, { channels: [c2, c3, c3], channelsMax: 2 }), { outcome: 'known' });
  });

  test('the address is the one of the last hello, with its time', async (t, open) => {
    const address = anyAddress();
    const { store, device, hello } = await meet(open, { address });
    t.match(await store.wakeupOf(device), { address, saidAtMs: sampleMs });
    const moved = wakeupAddress('fd12:3456:7::1', {
      network: '214-007/net-b',
      port: 65535,
      protocol: 'tcp',
    });
    const { now } = await hello(device, { address: moved, nowMs: sampleMs + 5 });
    t.match(now, { address: moved, saidAtMs: sampleMs + 5 });
    t.same(await store.wakeupOf(device), now);
    await hello(device, { nowMs: sampleMs + 6 });
    t.equal((await store.wakeupOf(device))?.address, undefined);
  });

  test('totals are counted across devices', async (t, open) => {
    const { store, put, device, hello } = await meet(open, {
      ...{ store: 'empty', address: anyAddress(), channels: [c1, c2] },
    });
    const none = { pending: 0, messages: 0 };
    t.same(await store.counts(), { devices: 1, channels: 2, ...none });
    await put(device, c1, 1);
    await hello(sampleIds.newDevice(), { channels: [c1] });
    const one = { pending: 1, messages: 0 };
    t.same(await store.counts(), { devices: 2, channels: 3, ...one });
  });
}

function atTheEnd(test: Test): void {
  test('tells when it began and that nothing is wrong', async (t, open) => {
    const store = await open('empty');
    t.equal(store.bornAtMs, sampleMs);
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
