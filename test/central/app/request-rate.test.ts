// How many requests a second are taken from one app server.
import { Agent } from 'node:http';
import fc from 'fast-check';
import t from 'tap';
import { createRequestRate } from '../../../central/app/request-rate.js';
import { openApp } from '../../support/central-app.js';
import { ask } from '../../support/central-app-server.js';
import { createManualClock } from '../../support/manual-clock.js';

function rateOf(perSecond: number) {
  const clock = createManualClock();
  const takes = createRequestRate({ perSecond, clock });
  const taken = (address: string, requests: number) =>
    Array.from({ length: requests }, () => takes(address)).filter(Boolean).length;
  return { clock, takes, taken };
}

t.test('takes one second’s worth at once from each address, then as the rate says', async (t) => {
  const { clock, taken } = rateOf(10);
  t.equal(taken('192.0.2.1', 30), 10);
  t.equal(taken('192.0.2.2', 30), 10);
  clock.advance(300);
  t.equal(taken('192.0.2.1', 30), 3);
  for (let i = 0; i < 20; i++) {
    clock.advance(100);
    t.equal(taken('192.0.2.1', 30), 1, 'over the change of generations too');
  }
  clock.advance(60_000);
  t.equal(taken('192.0.2.1', 30), 10);
});

t.test('takes the addresses of one /64 for one app server', async (t) => {
  const { taken } = rateOf(2);
  t.equal(taken('2001:db8:0:1::1', 1), 1);
  t.equal(taken('2001:db8:0:1:ffff::2', 5), 1);
  t.equal(taken('2001:db8:0:2::1', 5), 2);
});

t.test('forgets those that asked least lately when there are too many', async (t) => {
  const { takes, taken } = rateOf(1);
  const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  t.equal(taken('192.0.2.1', 2), 1);
  for (let i = 0; i < 10_000; i++) takes(address(i));
  t.equal(taken('192.0.2.1', 2), 0, 'still known');
  for (let i = 0; i < 30_000; i++) takes(address(i));
  t.equal(taken('192.0.2.1', 2), 1, 'forgotten, and has its whole budget again');
});

t.test(
  'over any schedule an address gets no more than the rate and one second’s worth',
  async () => {
    const steps = fc.array(fc.record({ ms: fc.nat(3_000), requests: fc.nat(60) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 50 }), (schedule, perSecond) => {
        const { clock, taken } = rateOf(perSecond);
        let total = 0;
        let passedMs = 0;
        for (const { ms, requests } of schedule) {
          clock.advance(ms);
          passedMs += ms;
          total += taken('192.0.2.1', requests);
        }
        return total <= perSecond + (perSecond * passedMs) / 1_000 + 1e-6;
      }),
    );
  },
);

t.test('a request that is too many is answered 429 with Retry-After and CORS', async (t) => {
  const { url, pathFor, meet, store, results, clock } = await openApp(t, { requestsPerSecond: 2 });
  const device = await meet();
  const endpoint = url + pathFor(device);
  const put = (version: number) => ask(endpoint, { body: `version=${version}` });
  for (const version of [1, 2]) t.equal((await put(version)).status, 200);
  const reply = await put(3);
  t.equal(reply.status, 429);
  t.match(reply.headers, {
    'content-type': 'application/problem+json',
    'retry-after': '1',
    'access-control-allow-origin': '*',
    'access-control-expose-headers': /\bretry-after\b/,
  });
  t.match(JSON.parse(reply.body), { type: 'urn:reveille:problem:too-many-requests', status: 429 });
  t.match(await store.pending(device), [{ version: 2 }], 'and nothing was changed');
  t.same(results, ['stored', 'stored', 'too-many-requests']);
  t.equal((await ask(`${url}/status`, { method: 'GET' })).status, 200);
  t.equal((await ask(endpoint, { method: 'OPTIONS' })).status, 204);
  clock.advance(1_000);
  t.equal((await put(3)).status, 200);
});

t.test(
  'a large body that is too many is read and dropped, and its connection goes on',
  async (t) => {
    const { url, pathFor, meet, clock } = await openApp(t, { requestsPerSecond: 1 });
    const endpoint = url + pathFor(await meet());
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.teardown(() => agent.destroy());
    const put = (body: string, headers: object = {}) => ask(endpoint, { body, agent, headers });
    t.equal((await put('version=1')).status, 200);
    t.equal((await put('x'.repeat(5_000_000))).status, 429);
    const chunked = { 'transfer-encoding': 'chunked' };
    t.equal((await put('x'.repeat(5_000_000), chunked)).status, 429);
    clock.advance(1_000);
    t.equal((await put('version=2')).status, 200);
  },
);
