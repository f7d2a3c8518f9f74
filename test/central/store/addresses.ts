// A part of the store's contract: whose an address is, and what a hello or a proof makes of it.
import { channel, sampleIds, sampleMs, wakeupAddress } from '../../support/central-samples.js';
import { anyAddress, meet, meetAnother, phrases, type Test, windowMs } from './phrases.js';

const c1 = channel('c1');
const network = wakeupAddress().network;

export function addresses(test: Test): void {
  claims(test);
  proofs(test);
  oneHolder(test);
  counters(test);
}

function claims(test: Test): void {
  test('an address that is believed is woken for the next version', async (t, open) => {
    const store = await open();
    const { device, outcome } = await meetAnother(store, { address: anyAddress() });
    t.match(outcome, { now: { state: 'resting' }, losers: [] });
    t.match(await phrases(store).put(device, c1, 1), { owed: { state: 'owed' } });
  });

  test('an address that is to be proved is woken for nothing before', async (t, open) => {
    const store = await open();
    const address = anyAddress();
    const { device, outcome } = await meetAnother(store, { address, trust: 'prove' });
    t.match(outcome, { now: { state: 'claimed', address } });
    const { put, begin, due, pending, prove } = phrases(store);
    t.same(await put(device, c1, 1), { outcome: 'stored', isOwedAnew: false });
    t.notOk(await begin(device));
    t.notOk((await due('owed')).includes(device));
    t.same(await pending(device), { c1: 1 });
    const proved = await prove(device, address, sampleMs + 4);
    t.match(proved, { now: { state: 'owed', attempts: 0, dueMs: sampleMs + 10_004 }, losers: [] });
    t.ok((await due('owed')).includes(device));
  });

  test('a device may claim one address after another', async (t, open) => {
    const { hello, prove, device } = await meet(open, { address: anyAddress() });
    const [first, second] = [anyAddress(), anyAddress()];
    await hello(device, { address: first, trust: 'prove' });
    const outcome = await hello(device, { address: second, trust: 'prove' });
    t.match(outcome, { now: { state: 'claimed', address: second } });
    t.same(await prove(device, first), { losers: [] }, 'a proof of where it was');
    t.match(await prove(device, second), { now: { state: 'resting', address: second } });
  });

  test('an address that was proven needs no second proof, any other does', async (t, open) => {
    const address = anyAddress();
    const { hello, prove, device } = await meet(open);
    const say = async (place: typeof address, trust: 'believe' | 'prove' = 'prove') =>
      (await hello(device, { address: place, trust })).now?.state;
    t.equal(await say(address), 'claimed');
    await prove(device, address);
    t.equal(await say(address), 'resting');
    t.equal(await say(address, 'believe'), 'resting');
    t.equal(await say(address), 'resting');
    t.equal(await say({ ...address, protocol: 'tcp' }), 'claimed');
    t.equal(await say(address), 'claimed', 'it was elsewhere meanwhile');
    t.equal(await say({ ...address, port: address.port + 1 }), 'claimed');
  });

  test('an address that was believed without a proof is proved where the device can', async (t, open) => {
    const address = anyAddress();
    const { hello, device } = await meet(open, { address });
    t.match(await hello(device, { address, trust: 'prove' }), { now: { state: 'claimed' } });
  });

  test('a hello after a wakeup proves nothing: anyone may say it in time', async (t, open) => {
    const address = anyAddress();
    const { put, begin, move, hello, device } = await meet(open, { address });
    await put(device, c1, 1);
    await begin(device);
    await move(device, { name: 'triggered' });
    const outcome = await hello(device, { address, trust: 'prove', nowMs: windowMs });
    t.match(outcome, { now: { state: 'claimed' }, ended: { outcome: 'success' } });
  });

  test('a socket that was stirred takes no address from a device that proved it', async (t, open) => {
    const address = anyAddress();
    const { store, hello, move, stir, prove, device } = await meet(open, { address });
    await move(device, { name: 'lapsed', nowMs: sampleMs });
    t.match((await hello(device, { address })).now, { state: 'probation' });
    const other = await meetAnother(store, { address, trust: 'prove' });
    t.match((await prove(other.device, address)).now, { state: 'resting' });
    t.same(await stir(device, address), { losers: [] });
  });

  test('a socket that was stirred ends probation, and proves nothing more', async (t, open) => {
    const address = anyAddress();
    const { hello, move, stir, device } = await meet(open, { address });
    await move(device, { name: 'lapsed', nowMs: sampleMs });
    await hello(device, { address });
    t.match((await stir(device, address)).now, { state: 'resting' });
    t.match((await hello(device, { address, trust: 'prove' })).now, { state: 'claimed' });
  });

  test('a device that leaves its address is promised nothing', async (t, open) => {
    const { store, hello, put, device } = await meet(open, { address: anyAddress() });
    const { now } = await hello(device, { nowMs: sampleMs + 1 });
    t.match(now, { state: 'none', saidAtMs: sampleMs + 1 });
    t.equal(now?.address, undefined);
    t.same(await put(device, c1, 1), { outcome: 'stored', isOwedAnew: false });
    t.same(await store.wakeupOf(device), now);
  });
}

function proofs(test: Test): void {
  test('however many claim an address, a proof takes it from who has it and from some of them', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, device } = await meet(open, { store: 'empty' });
    const holder = (await meetAnother(store, { address })).device;
    const claims = Array.from({ length: 110 }, () =>
      meetAnother(store, { address, trust: 'prove' }),
    );
    await Promise.all(claims);
    await hello(device, { address, trust: 'prove' });
    const { now, losers } = await prove(device, address);
    t.equal(now?.state, 'resting');
    const lost = losers.map((loser) => [loser.now.device, loser.now.state]);
    t.same(lost[0], [holder, 'dark'], 'who was believed to be there');
    t.ok(lost.length > 1 && lost.length < 110);
    t.same(new Set(lost.slice(1).map(([, state]) => state)), new Set(['none']));
  });

  test('a proof renews the lease of its address', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, device } = await meet(open);
    await hello(device, { address, trust: 'prove' });
    await prove(device, address, sampleMs + 9);
    t.match(await store.wakeupOf(device), { state: 'resting', saidAtMs: sampleMs + 9 });
  });

  test('what proves nothing new changes nothing', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, device } = await meet(open);
    t.same(await prove(device, address), { losers: [] }, 'it said none');
    t.same(await prove(sampleIds.newDevice(), address), { losers: [] }, 'nobody knows it');
    await hello(device, { address, trust: 'prove' });
    const before = await store.wakeupOf(device);
    for (const elsewhere of [
      { ...address, protocol: 'tcp' as const },
      { ...address, port: 1 },
      wakeupAddress(address.address.text, { network: '214-007' }),
    ]) {
      t.same(await prove(device, elsewhere), { losers: [] });
    }
    t.same(await store.wakeupOf(device), before);
    await prove(device, address);
    const proven = await store.wakeupOf(device);
    t.same(await prove(device, address, sampleMs + 99), { losers: [] }, 'a second time');
    t.same(await store.wakeupOf(device), proven);
  });
}

function oneHolder(test: Test): void {
  test('of two that can prove nothing the newest has the address', async (t, open) => {
    const address = anyAddress();
    const { store, device: first, put, begin, pending, hello } = await meet(open, { address });
    await put(first, c1, 1);
    await begin(first);
    const { device: second, outcome } = await meetAnother(store, {
      ...{ address, nowMs: sampleMs + 3 },
    });
    t.match(outcome, { now: { state: 'resting', address } });
    t.match(outcome.losers, [{ now: { state: 'dark', device: first } }]);
    const [loser] = outcome.losers;
    t.match(loser?.now, { state: 'dark', darkReason: 'taken', darkMs: sampleMs + 3 });
    t.match(loser?.now.address, address, 'what it lost');
    t.match(loser?.ended, { network, outcome: 'expired', attempts: 1, sentMs: sampleMs });
    t.equal((await store.wakeupOf(first))?.address, undefined, 'forgotten');
    t.same(await pending(first), { c1: 1 }, 'but not what is pending');
    const again = await hello(second, { address });
    t.same(again.losers, [], 'told once');
  });

  test('whoever can prove nothing takes nothing from a device that did', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, stateOf, device: holder } = await meet(open);
    await hello(holder, { address, trust: 'prove' });
    await prove(holder, address);
    const before = await store.wakeupOf(holder);
    const { device: other, outcome } = await meetAnother(store, { address });
    t.match(outcome, { now: { state: 'none' }, losers: [] });
    t.equal(outcome.now?.address, undefined);
    t.same(await store.wakeupOf(holder), before);
    await hello(holder, { address: anyAddress(), trust: 'prove' });
    t.match(await hello(other, { address }), { now: { state: 'resting', address } }, 'it left');
    t.equal(await stateOf(holder), 'claimed');
  });

  test('an address of a device that went dark is free, proven or not', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, darken, stateOf, device: holder } = await meet(open);
    await hello(holder, { address, trust: 'prove' });
    await prove(holder, address);
    await darken(holder);
    const { outcome } = await meetAnother(store, { address });
    t.match(outcome, { now: { state: 'resting' }, losers: [] });
    t.equal(await stateOf(holder), 'dark');
  });

  test('the newest proof wins, whatever was proven before', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, device: first } = await meet(open);
    const claim = { address, trust: 'prove' as const };
    await hello(first, claim);
    await prove(first, address);
    const { device: second, outcome } = await meetAnother(store, claim);
    t.match(outcome, { now: { state: 'claimed' }, losers: [] }, 'a claim takes nothing');
    t.match(await store.wakeupOf(first), { state: 'resting', address });
    const proved = await prove(second, address, sampleMs + 5);
    t.match(proved, { now: { state: 'resting' }, losers: [{ now: { device: first } }] });
    t.match(proved.losers[0]?.now, { state: 'dark', darkReason: 'taken', darkMs: sampleMs + 5 });
    t.equal((await store.wakeupOf(first))?.address, undefined);
    await hello(first, claim);
    const back = await prove(first, address);
    t.match(back, { now: { state: 'resting' }, losers: [{ now: { device: second } }] });
  });

  test('a proof ends every other claim to its address', async (t, open) => {
    const address = anyAddress();
    const claim = { address, trust: 'prove' as const };
    const { store, hello, prove, device: first } = await meet(open);
    await hello(first, claim);
    const { device: second } = await meetAnother(store, claim);
    const proved = await prove(second, address);
    t.match(proved.losers, [{ now: { device: first, state: 'none' } }]);
    t.same(await prove(first, address), { losers: [] }, 'its nonce is not worth anything now');
    t.match(await store.wakeupOf(second), { state: 'resting', address });
  });

  test('a claim that is to be proved is not lost to one that cannot be', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, device } = await meet(open);
    await hello(device, { address, trust: 'prove' });
    const { device: other, outcome } = await meetAnother(store, { address });
    t.match(outcome, { now: { state: 'resting' }, losers: [] });
    const proved = await prove(device, address);
    t.match(proved, { now: { state: 'resting' }, losers: [{ now: { device: other } }] });
  });

  test('a device on probation takes nothing from who has the address, and loses it to a proof', async (t, open) => {
    const address = anyAddress();
    const { store, hello, prove, darken, stateOf, device } = await meet(open, { address });
    await darken(device);
    t.match(await hello(device, { address }), { now: { state: 'probation' } });
    const { device: other } = await meetAnother(store, { address });
    t.match(await hello(device, { address }), { now: { state: 'probation' }, losers: [] });
    t.equal(await stateOf(other), 'resting');
    await hello(other, { address, trust: 'prove' });
    await prove(other, address);
    t.same(await prove(device, address), { losers: [] });
    t.equal(await stateOf(device), 'probation');
    t.match(await store.wakeupOf(other), { state: 'resting', address });
  });

  test('the same numbers in another network or at another port are another address', async (t, open) => {
    const address = anyAddress();
    const { store, device } = await meet(open, { address });
    const ip = address.address.text;
    for (const elsewhere of [
      wakeupAddress(ip, { network: '214-007' }),
      wakeupAddress(ip, { network: '214-07/b' }),
      wakeupAddress(ip, { port: 9 }),
    ]) {
      t.same((await meetAnother(store, { address: elsewhere })).outcome.losers, []);
    }
    t.match(await store.wakeupOf(device), { state: 'resting', address });
    const { outcome } = await meetAnother(store, { address: { ...address, protocol: 'tcp' } });
    t.match(outcome.losers, [{ now: { device } }], 'another protocol is the same one');
  });
}

function counters(test: Test): void {
  test('no counter comes twice, whatever the clock says', async (t, open) => {
    const address = anyAddress();
    const { store, hello, put, begin, move, device } = await meet(open, { address });
    let last = (await store.wakeupOf(device))?.counter ?? 0;
    t.ok(last > sampleMs, 'beyond those of a database that was lost');
    const times = [sampleMs + 5, sampleMs - 60_000, 1, sampleMs + 90_000, sampleMs];
    for (const [version, nowMs] of times.entries()) {
      const { now } = await hello(device, { address, nowMs, isAuthenticated: true });
      t.match(now, { isAuthenticated: true });
      t.ok((now?.counter ?? 0) >= last + 2, 'one to tell the device, one for its probation');
      last = now?.counter ?? last;
      await put(device, c1, version);
      for (let i = 0; i < 3; i++) {
        const counter = (await begin(device, { nowMs }))?.now.counter ?? 0;
        t.ok(counter > last, `${counter} after ${last}`);
        last = counter;
        await move(device, { name: 'unsent', dueMs: nowMs });
      }
      await store.ack(device, [{ channel: c1, version }]);
    }
    t.ok(Number.isSafeInteger(last));
  });

  test('a device that no longer asks for codes gets none', async (t, open) => {
    const { hello, device } = await meet(open);
    await hello(device, { isAuthenticated: true });
    t.match(await hello(device), { now: { isAuthenticated: false } });
  });
}
