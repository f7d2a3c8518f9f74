// A part of the store's contract: leases of addresses, devices that went dark, and how they come back.
import { channel, sampleMs } from '../../support/central-samples.js';
import { anyAddress, attemptsMax, darkCounts, meet, meetAnother, type Test } from './phrases.js';

const [c1, c2] = [channel('c1'), channel('c2')];

export function darkDevices(test: Test): void {
  leases(test);
  darkness(test);
  probation(test);
}

function leases(test: Test): void {
  test('leases that are over come the oldest first, no more than asked for', async (t, open) => {
    const { store } = await meet(open, { store: 'empty' });
    const said = new Map<number, string>();
    for (const delay of [30, 10, 40, 20]) {
      const nowMs = sampleMs + delay;
      said.set(delay, (await meetAnother(store, { address: anyAddress(), nowMs })).device);
    }
    const over = async (before: number, limit = 10) =>
      (await store.leasesOver(sampleMs + before, limit)).map(({ device }) => device);
    t.same(await over(10), []);
    t.same(await over(11), [said.get(10)]);
    t.same(await over(40), [said.get(10), said.get(20), said.get(30)]);
    t.same(await over(40, 2), [said.get(10), said.get(20)]);
  });

  test('only an address that is believed is leased', async (t, open) => {
    const { store, hello, put, begin, move, darken, device } = await meet(open, { store: 'empty' });
    const address = anyAddress();
    const isLeased = async () => (await store.leasesOver(sampleMs + 1, 10)).length > 0;
    t.notOk(await isLeased(), 'none');
    await hello(device, { address, trust: 'prove' });
    t.notOk(await isLeased(), 'claimed');
    await hello(device, { address });
    t.ok(await isLeased(), 'resting');
    await put(device, c1, 1);
    t.ok(await isLeased(), 'owed');
    await begin(device);
    t.ok(await isLeased(), 'sending');
    await move(device, { name: 'triggered' });
    t.ok(await isLeased(), 'awaited');
    await darken(device);
    t.notOk(await isLeased(), 'dark');
    await hello(device, { address });
    t.notOk(await isLeased(), 'probation');
  });

  test('renewing an address changes its time alone', async (t, open) => {
    const { store, put, device } = await meet(open, { address: anyAddress() });
    await put(device, c1, 1);
    const before = await store.wakeupOf(device);
    await store.renewAddress(device, sampleMs + 7);
    t.same(await store.wakeupOf(device), { ...before, saidAtMs: sampleMs + 7 });
  });

  test('an address that is not believed is not renewed', async (t, open) => {
    const address = anyAddress();
    const { store, hello, darken, device } = await meet(open);
    const states: (string | undefined)[] = [];
    const stays = async () => {
      const before = await store.wakeupOf(device);
      await store.renewAddress(device, sampleMs + 9);
      t.same(await store.wakeupOf(device), before);
      states.push(before?.state);
    };
    await stays();
    await hello(device, { address, trust: 'prove' });
    await stays();
    await hello(device, { address });
    await darken(device);
    await stays();
    await hello(device, { address });
    await stays();
    t.same(states, ['none', 'claimed', 'dark', 'probation']);
  });
}

function darkness(test: Test): void {
  test('dark devices are listed, the longest dark first, with why and what is pending', async (t, open) => {
    const { store, put, darken, hello } = await meet(open, { store: 'empty' });
    const dark = async (darkMs: number, network: string) => {
      const { device } = await meetAnother(store, { address: anyAddress({ network }) });
      await put(device, c1, 1);
      await darken(device, darkMs);
      return device;
    };
    const late = await dark(sampleMs + 20, '214-08');
    const early = await dark(sampleMs + 10, '214-09');
    const latest = await dark(sampleMs + 30, '214-08');
    await store.register(early, c2, 10);
    await put(early, c2, 1);
    await store.ack(latest, [{ channel: c1, version: 1 }]);
    const reason = 'lease';
    const listed = [
      { device: early, network: '214-09', darkMs: sampleMs + 10, reason, pending: 2 },
      { device: late, network: '214-08', darkMs: sampleMs + 20, reason, pending: 1 },
      { device: latest, network: '214-08', darkMs: sampleMs + 30, reason, pending: 0 },
    ];
    t.same(await store.darkDevices(10), listed);
    t.same(await store.darkDevices(2), listed.slice(0, 2));
    const counts = await darkCounts(store);
    const byNetwork = counts.map(({ network, count }) => `${network} ${count}`).sort();
    t.same(byNetwork, ['214-08 2', '214-09 1']);
    await hello(early, { address: anyAddress({ network: '214-09' }) });
    t.same(await store.darkDevices(10), listed.slice(1));
    t.same(await darkCounts(store), [{ network: '214-08', count: 2 }]);
  });

  test('a device that lost its address is dark in the network where it was', async (t, open) => {
    const address = anyAddress({ network: '214-08' });
    const { store, device } = await meet(open, { store: 'empty', address });
    await meetAnother(store, { address });
    t.match(await store.darkDevices(10), [{ device, network: '214-08', reason: 'taken' }]);
    t.same(await darkCounts(store), [{ network: '214-08', count: 1 }]);
  });

  test('why it is dark is the last thing that happened', async (t, open) => {
    for (const [name, reason] of [
      ['refused', 'refused'],
      ['sign', 'unreachable'],
    ] as const) {
      const { put, miss, begin, move, device } = await meet(open, { address: anyAddress() });
      await put(device, c1, 1);
      for (let i = 1; i < attemptsMax; i++) await miss(device);
      await begin(device);
      if (name === 'sign') await move(device, { name: 'triggered' });
      const last = await move(device, { name, nowMs: sampleMs + 9, attemptsMax });
      t.match(last, { now: { state: 'dark' }, ended: { outcome: 'failure' } });
      t.match(last?.now, { darkReason: reason, darkMs: sampleMs + 9 });
    }
  });
}

function probation(test: Test): void {
  test('a dark device that says hello is on probation, however it says it', async (t, open) => {
    for (const more of [
      { address: anyAddress() },
      { address: anyAddress(), trust: 'prove' as const },
      {},
    ]) {
      const { hello, darken, device } = await meet(open, { address: anyAddress() });
      await darken(device);
      const { now, ended } = await hello(device, { ...more, nowMs: sampleMs + 5 });
      t.match(now, { state: 'probation', darkMs: sampleMs + 5, darkReason: 'lease' });
      t.same(now?.address, more.address);
      t.notOk(ended);
    }
  });

  test('on probation nothing is owed, and what is pending is owed after it', async (t, open) => {
    const address = anyAddress();
    const { put, hello, prove, darken, pending, begin, device } = await meet(open, { address });
    await put(device, c1, 1);
    await darken(device);
    await hello(device, { address });
    t.same(await put(device, c1, 2), { outcome: 'stored', isOwedAnew: false });
    t.notOk(await begin(device));
    t.same(await pending(device), { c1: 2 });
    const proved = await prove(device, address, sampleMs + 6);
    t.match(proved, { now: { state: 'owed', dueMs: sampleMs + 10_006 } });
    t.equal(proved.now?.darkMs, undefined);
    t.equal(proved.now?.darkReason, undefined);
  });

  test('probation lasts over hellos, from the first one on', async (t, open) => {
    const address = anyAddress();
    const { hello, darken, device } = await meet(open, { address });
    await darken(device);
    await hello(device, { address, nowMs: sampleMs + 1 });
    for (const more of [{ address }, {}, { address, trust: 'prove' as const }]) {
      const { now } = await hello(device, { ...more, nowMs: sampleMs + 2 });
      t.match(now, { state: 'probation', darkMs: sampleMs + 1 });
    }
  });

  test('who can prove nothing is forgiven after a while, who can is not', async (t, open) => {
    const address = anyAddress();
    const { hello, darken, put, device } = await meet(open, { address });
    await put(device, c1, 1);
    await darken(device);
    await hello(device, { address, nowMs: sampleMs });
    const later = { address, nowMs: sampleMs + 500 };
    const early = await hello(device, { ...later, forgiveBeforeMs: sampleMs - 1 });
    t.match(early, { now: { state: 'probation' } });
    const able = await hello(device, { ...later, trust: 'prove', forgiveBeforeMs: sampleMs + 1 });
    t.match(able, { now: { state: 'probation' } });
    const forgiven = await hello(device, { ...later, forgiveBeforeMs: sampleMs + 1 });
    t.match(forgiven, { now: { state: 'owed', address } });
    t.equal(forgiven.now?.darkReason, undefined);
  });

  test('darkness ends what was proven, and forgiveness is no proof', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, darken, device } = await meet(open);
    await hello(device, { address, trust: 'prove' });
    await prove(device, address);
    await darken(device);
    await hello(device, { address });
    const forgiven = await hello(device, { address, forgiveBeforeMs: sampleMs + 1 });
    t.match(forgiven, { now: { state: 'resting' } });
    const { outcome } = await meetAnother(store, { address });
    t.match(outcome.losers, [{ now: { device } }]);
  });
}
