// What became of messages that were sent with a receipt subscription: read, and waited for.
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import { createReceipts } from '../../../central/app/receipts.js';
import { newReceiptId } from '../../../central/protocol/ids.js';
import { sampleChannel as c1, openApp } from '../../support/central-app.js';
import { ask, type Reply } from '../../support/central-app-server.js';
import { sampleIds } from '../../support/central-samples.js';
import { during } from '../../support/running-central.js';

type Tap = Parameters<typeof openApp>[0];

/** A listener and a device, and messages that are sent with `Prefer: respond-async`. */
async function setUp(t: Tap) {
  const app = await openApp(t);
  const device = await app.meet({ takes: 'push' });
  const post = async (headers: object = {}) => {
    const all = { ttl: '60', prefer: 'respond-async', ...headers };
    const reply = await ask(app.url + app.pushPathFor(device), {
      ...{ method: 'POST', body: 'x', headers: all },
    });
    return { ...reply, location: String(reply.headers.location), receiptUrl: receiptUrlOf(reply) };
  };
  const ack = async (location: string, code = 100) => {
    const id = sampleIds.parseMessageToken(location.split('/').at(-1) ?? '')?.message;
    if (id) await app.store.ackMessages(device, [{ id, code }], app.clock.now());
  };
  return { ...app, device, post, ack };
}

function receiptUrlOf({ headers }: Reply): string {
  return /^<(.*)>; rel="urn:ietf:params:push:receipt"$/.exec(String(headers.link))?.[1] ?? '';
}

async function read(url: string, headers: object = {}) {
  const reply = await ask(url, { method: 'GET', headers });
  return { ...reply, ...JSON.parse(reply.body) } as Reply & {
    receipts: object[];
    next: string;
    type?: string;
  };
}

/** Resolves once so many requests wait. */
async function waiting({ receipts }: { receipts: { waiting(): number } }, count: number) {
  while (receipts.waiting() !== count) await new Promise((resolve) => setImmediate(resolve));
}

t.test('Prefer: respond-async is answered 202 with a receipt subscription', async (t) => {
  const { post, url } = await setUp(t);
  const { status, headers, location, receiptUrl } = await post();
  t.equal(status, 202);
  t.match(headers, { ttl: '60', 'preference-applied': 'respond-async' });
  t.ok(location.startsWith(`${url}/wpush/v1/messages/`));
  t.ok(receiptUrl.startsWith(`${url}/wpush/v1/receipts/`));
  t.not(receiptUrlOf(await post()), receiptUrl, 'a new one for each');
});

t.test('a subscription is used again with Push-Receipt', async (t) => {
  const { post, ack } = await setUp(t);
  const first = await post();
  const second = await post({ 'push-receipt': first.receiptUrl });
  t.equal(second.status, 202);
  t.equal(second.receiptUrl, first.receiptUrl);
  await ack(first.location);
  await ack(second.location);
  const { receipts } = await read(first.receiptUrl);
  t.match(receipts, [{ message: first.location }, { message: second.location }]);
});

t.test('a subscription is used again with the Link that named it', async (t) => {
  const { post } = await setUp(t);
  const first = await post();
  const again = await post({ link: String(first.headers.link) });
  t.equal(again.receiptUrl, first.receiptUrl);
  const { pathname } = new URL(first.receiptUrl);
  const relative = `<${pathname}>; rel="urn:ietf:params:push:receipt"`;
  t.equal((await post({ link: relative })).receiptUrl, first.receiptUrl);
  t.equal((await post({ link: relative.replace('receipts/', 'receipts/x') })).status, 400);
});

t.test('Push-Receipt without Prefer: respond-async asks for no receipt', async (t) => {
  const { post, ack } = await setUp(t);
  const { receiptUrl } = await post();
  const second = await post({ 'push-receipt': receiptUrl, prefer: 'wait=1' });
  t.match(second, { status: 201, headers: { link: undefined } });
  await ack(second.location);
  t.same((await read(receiptUrl)).receipts, []);
});

t.test('a receipt tells how a message ended, and when', async (t) => {
  const { post, ack, store, clock, device } = await setUp(t);
  const { receiptUrl, location } = await post();
  const again = { 'push-receipt': receiptUrl };
  const replaced = await post({ ...again, topic: 'a' });
  const short = await post({ ...again, ttl: '10' });
  clock.advance(1_000);
  const at = new Date(clock.now()).toISOString();
  await ack(location, 101);
  await post({ topic: 'a', prefer: '' });
  const cancelled = await post(again);
  await ask(cancelled.location, { method: 'DELETE' });
  clock.advance(9_000);
  await store.expireMessages(clock.now(), 10);
  const gone = await post(again);
  await store.unregister(device, c1, clock.now());
  const { receipts } = await read(receiptUrl);
  t.match(receipts, [
    { message: location, status: 'delivered', at, code: 101 },
    { message: replaced.location, status: 'replaced', at },
    { message: cancelled.location, status: 'cancelled', at },
    { message: short.location, status: 'expired' },
    { message: gone.location, status: 'unregistered' },
  ]);
});

t.test('what came later is read under next', async (t) => {
  const { post, ack } = await setUp(t);
  const first = await post();
  const nothing = await read(first.receiptUrl);
  t.same(nothing.receipts, []);
  t.equal(nothing.next, `${first.receiptUrl}?after=0`);
  await ack(first.location);
  const one = await read(nothing.next);
  t.equal(one.receipts.length, 1);
  const second = await post({ 'push-receipt': first.receiptUrl });
  await ack(second.location);
  t.match((await read(one.next)).receipts, [{ message: second.location }]);
  t.equal((await read(first.receiptUrl)).receipts.length, 2, 'and all of them from the start');
});

t.test('at most a hundred come at once', async (t) => {
  const { post, ack } = await setUp(t);
  const { receiptUrl, location } = await post();
  await ack(location);
  for (let i = 0; i < 120; i++) {
    await ack((await post({ 'push-receipt': receiptUrl })).location);
  }
  const page = await read(receiptUrl);
  t.equal(page.receipts.length, 100);
  const rest = await read(page.next);
  t.equal(rest.receipts.length, 21);
  t.same((await read(rest.next)).receipts, []);
});

t.test('Prefer: wait holds the answer until there is a receipt', async (t) => {
  const app = await setUp(t);
  const { location, receiptUrl } = await app.post();
  const answer = read(receiptUrl, { prefer: 'wait=30' });
  await waiting(app, 1);
  app.clock.advance(5_000);
  await app.ack(location);
  app.clock.advance(1_000);
  t.match(await during(app.clock, answer), { receipts: [{ status: 'delivered' }] });
  t.equal(app.receipts.waiting(), 0);
});

t.test(
  'a wait ends after its time with an empty list, and after receiptWaitMaxMs at the latest',
  async (t) => {
    const app = await setUp(t);
    const { receiptUrl } = await app.post();
    for (const [seconds, endMs] of [
      [5, 5_000],
      [3_600, 60_000],
    ] as const) {
      const untilMs = app.clock.now() + endMs;
      const answer = read(receiptUrl, { prefer: `wait=${seconds}` });
      let isOver = false;
      const over = answer.finally(() => {
        isOver = true;
      });
      await waiting(app, 1);
      while (!isOver) {
        app.clock.advance(app.clock.untilNextMs() ?? 0);
        await new Promise((resolve) => setImmediate(resolve));
      }
      t.match(await over, { status: 200, receipts: [] });
      t.equal(app.clock.now(), untilMs);
    }
  },
);

t.test('a receipt that is there is told at once, whatever the wait', async (t) => {
  const { post, ack } = await setUp(t);
  const { location, receiptUrl } = await post();
  await ack(location);
  t.equal((await read(receiptUrl, { prefer: 'wait=30' })).receipts.length, 1);
});

t.test('a peer that leaves is not waited for', async (t) => {
  const app = await setUp(t);
  const { receiptUrl } = await app.post();
  const asked = request(receiptUrl, { headers: { prefer: 'wait=30' }, agent: false }).end();
  asked.on('error', () => {});
  await once(asked, 'finish');
  await waiting(app, 1);
  asked.destroy();
  await waiting(app, 0);
});

t.test('a request behind another one on its connection is not held', async (t) => {
  const app = await setUp(t);
  const { receiptUrl } = await app.post();
  const { pathname, host } = new URL(receiptUrl);
  const wait = `GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\nprefer: wait=30\r\n\r\n`;
  const peer = connect(app.port, '127.0.0.1');
  t.teardown(() => peer.destroy());
  peer.write(wait + wait);
  const isRead = () => app.results.includes('receipts-read');
  while (!isRead() && app.receipts.waiting() < 2) await new Promise((r) => setImmediate(r));
  t.ok(isRead());
  t.equal(app.receipts.waiting(), 1, 'the first one is');
});

t.test('beyond receiptWaitersPerAddressMax a wait is answered 503, a look is not', async (t) => {
  const app = await setUp(t);
  const { receiptUrl } = await app.post();
  const held = [1, 2].map(() => read(receiptUrl, { prefer: 'wait=30' }));
  await waiting(app, 2);
  const refused = await read(receiptUrl, { prefer: 'wait=30' });
  t.match(refused, { status: 503, headers: { 'retry-after': '5' } });
  t.equal(refused.type, 'urn:reveille:problem:too-many-waiters');
  t.same((await read(receiptUrl)).receipts, []);
  app.receipts.close();
  t.match(await Promise.all(held), [{ receipts: [] }, { receipts: [] }]);
});

t.test('beyond receiptWaitersMax nobody else may wait, whoever asks', async (t) => {
  const { store, clock } = await setUp(t);
  const receipts = createReceipts({
    ...{ store, clock, ids: sampleIds, baseUrl: () => 'https://push.example' },
    ...{ waitMaxMs: 60_000, waitersMax: 3, waitersPerAddressMax: 2 },
  });
  const asked = {
    token: sampleIds.receiptTokenOf(newReceiptId()),
    headers: { prefer: 'wait=30' },
    ...{ query: new URLSearchParams(), body: Buffer.alloc(0), lane: 'prompt' as const },
    onOver: () => {},
  };
  const wait = (subscriber: string) => receipts.read({ ...asked, subscriber });
  const held = ['a', 'a', 'b'].map(wait);
  await waiting({ receipts }, 3);
  t.equal(await wait('c'), 'too-many-waiters');
  receipts.close();
  t.match(await Promise.all(held), [{}, {}, {}]);
});

t.test('the end lets nobody wait', async (t) => {
  const app = await setUp(t);
  const { receiptUrl } = await app.post();
  const held = read(receiptUrl, { prefer: 'wait=30' });
  await waiting(app, 1);
  app.receipts.close();
  t.match(await held, { status: 200, receipts: [] });
  t.match(await read(receiptUrl, { prefer: 'wait=30' }), { status: 200, receipts: [] });
});

t.test('a subscription of this server is good, also one that nothing was sent with', async (t) => {
  const { url } = await setUp(t);
  const path = `${url}/wpush/v1/receipts/`;
  const unused = path + sampleIds.receiptTokenOf(newReceiptId());
  t.match(await read(unused), { status: 200, receipts: [] });
  for (const bad of ['', 'x', `${sampleIds.receiptTokenOf(newReceiptId())}A`]) {
    const { status, type } = await read(path + bad);
    t.same([status, type], [404, 'urn:reveille:problem:receipts-not-found'], bad);
  }
  for (const after of ['', 'x', '-1', '1.5', '9'.repeat(16)]) {
    const { status, type } = await read(`${unused}?after=${after}`);
    t.same([status, type], [400, 'urn:reveille:problem:bad-after'], after);
  }
});
