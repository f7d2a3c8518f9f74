// Two address pools of one operator, each behind its own gateway and NAT, with the same addresses in both: they are
// told apart, and one of them may fail alone.
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { startCarrier } from '../../support/carrier.js';
import { handsetAddresses } from '../../support/carrier-plan.js';
import { gatewayUrl, netids } from '../../support/carrier-site.js';

const idleCloseMs = 500;
const carrier = await startCarrier(t, { pools: ['a', 'b'], central: { idleCloseMs } });
const [inA, inB] = await Promise.all([
  carrier.startHandset('handset-udp', { netid: netids.a }),
  carrier.startHandset('handset-b', { netid: netids.b }),
]);
const ofGatewayA = { gateway: gatewayUrl('a') };

t.test('handsets with the same address in two pools are both answered 201', async (t) => {
  t.equal(handsetAddresses['handset-udp'], handsetAddresses['handset-b']);
  for (const handset of [inA, inB]) {
    t.equal(handset.status, 201);
    t.equal((await handset.next('closed')).code, 4774);
  }
});

for (const [pool, handset, other] of [
  ['b', inB, inA],
  ['a', inA, inB],
] as const) {
  t.test(`a wakeup for pool ${pool} reaches its handset and no other`, async (t) => {
    const before = other.namespace.counters().arrived;
    t.equal(await carrier.put(handset, 1), 200);
    await handset.next('woken');
    t.equal((await handset.next('hello')).status, 201);
    t.equal((await handset.next('notification')).version, 1);
    t.equal((await handset.next('closed')).code, 4774);
    t.equal(handset.namespace.counters().arrived, 2, 'a nonce, then the wakeup');
    t.equal(other.namespace.counters().arrived, before, 'the other network is silent');
  });
}

t.test('while a gateway is cut off, hello is answered 200 and the socket stays', async (t) => {
  carrier.topology.plug('gateway-a', 'internet', false);
  await carrier.says(traces.gatewayOffline, ofGatewayA);
  const newcomer = await carrier.startHandset('handset-tcp', { protocol: 'tcp', netid: netids.a });
  t.equal(newcomer.status, 200);
  // This time has to pass without anything happening.
  await sleep(3 * idleCloseMs);
  t.equal(await carrier.put(newcomer, 1), 200);
  t.equal((await newcomer.next('notification')).version, 1, 'by its socket');
  t.equal(newcomer.count('closed'), 0);
  t.equal(newcomer.count('woken'), 0);
  await newcomer.stop();
});

t.test('meanwhile the other pool is woken as before', async (t) => {
  t.equal(await carrier.put(inB, 2), 200);
  await inB.next('woken');
  t.equal((await inB.next('hello')).status, 201);
  t.equal((await inB.next('notification')).version, 2);
});

t.test('once the gateway is back, stored versions arrive and hello is answered 201', async (t) => {
  t.equal(await carrier.put(inA, 2), 200);
  t.equal(inA.count('woken'), 1, 'while it is cut off the version waits in the store');
  carrier.topology.plug('gateway-a', 'internet', true);
  await carrier.says(traces.gatewayOnline, ofGatewayA);
  await inA.next('woken');
  t.equal((await inA.next('hello')).status, 201);
  t.equal((await inA.next('notification')).version, 2);
  t.equal((await inA.next('closed')).code, 4774);
  const newcomer = await carrier.startHandset('handset-tcp', { protocol: 'tcp', netid: netids.a });
  t.equal(newcomer.status, 201);
  t.equal((await newcomer.next('closed')).code, 4774);
});
