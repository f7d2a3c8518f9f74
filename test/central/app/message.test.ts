// What became of a message, and its end before its time: GET and DELETE on the URL that a POST answered.
import t from 'tap';
import { newMessageId } from '../../../central/protocol/ids.js';
import { sampleChannel as c1, openApp } from '../../support/central-app.js';
import { ask } from '../../support/central-app-server.js';
import { sampleIds } from '../../support/central-samples.js';

type Tap = Parameters<typeof openApp>[0];

/** A listener, and a message on its way to a device. */
async function setUp(t: Tap) {
  const app = await openApp(t);
  const device = await app.meet({ takes: 'push' });
  const post = async (headers: object = {}) => {
    const endpoint = app.url + app.pushPathFor(device);
    const options = { method: 'POST', body: 'x', headers: { ttl: '60', ...headers } };
    return String((await ask(endpoint, options)).headers.location);
  };
  const location = await post({ urgency: 'high' });
  const id = sampleIds.parseMessageToken(location.split('/').at(-1) ?? '')?.message;
  if (!id) throw new Error('no message');
  const get = (url = location) => ask(url, { method: 'GET' });
  const status = async (url = location) => JSON.parse((await get(url)).body);
  const cancel = (url = location) => ask(url, { method: 'DELETE' });
  return { ...app, device, post, location, id, get, status, cancel };
}

const text = (ms: number) => new Date(ms).toISOString();

t.test('the status of a message tells what became of it, and when', async (t) => {
  const { store, device, id, get, status, clock } = await setUp(t);
  const storedMs = clock.now();
  const [storedAt, expiresAt] = [text(storedMs), text(storedMs + 60_000)];
  const reply = await get();
  t.match(reply, { status: 200, headers: { 'content-type': 'application/json' } });
  t.equal(reply.headers['access-control-allow-origin'], '*');
  const always = { urgency: 'high', storedAt, expiresAt };
  t.same(JSON.parse(reply.body), { status: 'stored', ...always, at: storedAt });
  clock.advance(1_000);
  await store.noteSent(device, [id], clock.now());
  t.same(await status(), { status: 'delivered', ...always, at: text(storedMs + 1_000) });
  clock.advance(1_000);
  await store.ackMessages(device, [{ id, code: 100 }], clock.now());
  const acked = { status: 'acked', ...always, at: text(storedMs + 2_000) };
  t.same(await status(), { ...acked, code: 100 });
  await store.nackMessage(device, { id, code: 302 });
  t.same(await status(), { ...acked, code: 302 }, 'and what the app made of it');
});

t.test(
  'a message whose time is over is expired, whether or not anybody has noted it',
  async (t) => {
    const { status, clock, store } = await setUp(t);
    const expiresMs = clock.now() + 60_000;
    clock.advance(59_999);
    t.match(await status(), { status: 'stored' });
    clock.advance(1);
    t.match(await status(), { status: 'expired', at: text(expiresMs) });
    await store.expireMessages(clock.now(), 10);
    t.match(await status(), { status: 'expired' });
  },
);

t.test('DELETE cancels a message that is pending', async (t) => {
  const { cancel, status, store, device, clock, results } = await setUp(t);
  t.match(await cancel(), { status: 204, body: '' });
  t.match(await status(), { status: 'cancelled' });
  t.same(await store.pendingMessages(device, { nowMs: clock.now(), limit: 9 }), []);
  t.same(results, ['message-stored', 'message-cancelled', 'status-read']);
});

t.test('DELETE of a message that has ended is answered 204 and changes nothing', async (t) => {
  const { cancel, status, store, device, id, clock } = await setUp(t);
  await store.ackMessages(device, [{ id, code: 100 }], clock.now());
  t.equal((await cancel()).status, 204);
  t.match(await status(), { status: 'acked', code: 100 });
});

t.test('a message of an unregistered channel has ended with it', async (t) => {
  const { status, store, device, clock, post } = await setUp(t);
  const other = await post();
  await store.unregister(device, c1, clock.now());
  t.match(
    [await status(), await status(other)],
    [{ status: 'unregistered' }, { status: 'unregistered' }],
  );
});

t.test('a message that is forgotten, or never was, is answered 404', async (t) => {
  const { get, cancel, store, clock, location, url, device } = await setUp(t);
  const path = location.slice(0, location.lastIndexOf('/') + 1);
  const token = location.slice(path.length);
  const unknown = sampleIds.messageTokenOf(sampleIds.newDevice(), newMessageId(0));
  const endpointToken = sampleIds.tokenOf(device, c1);
  for (const bad of ['', 'x', token.slice(1), `${token}A`, unknown, endpointToken]) {
    for (const reply of [await get(path + bad), await cancel(path + bad)]) {
      t.equal(reply.status, 404, bad);
      t.match(JSON.parse(reply.body), { type: 'urn:reveille:problem:message-not-found' });
    }
  }
  t.equal((await cancel()).status, 204);
  clock.advance(1);
  await store.forgetMessages(clock.now(), 10);
  t.equal((await get()).status, 404);
  t.equal((await cancel()).status, 404);
  t.equal((await get(`${url}/wpush/v1/messages/`)).status, 404);
});

t.test('a message that expired stays so when it is cancelled', async (t) => {
  const { cancel, status, clock, store } = await setUp(t);
  clock.advance(60_000);
  t.equal((await cancel()).status, 204);
  await store.expireMessages(clock.now(), 10);
  t.match(await status(), { status: 'expired' });
});

t.test('a store that fails is answered 503', async (t) => {
  const { get, cancel, store } = await setUp(t);
  await store.close();
  for (const reply of [await get(), await cancel()]) {
    t.match(reply, { status: 503, headers: { 'retry-after': '5' } });
  }
});
