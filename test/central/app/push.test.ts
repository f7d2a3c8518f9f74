// `POST /wpush/v1/<token>` over real sockets: each answer, and what is true by the time it is there.
import t from 'tap';
import webpush from 'web-push';
import { systemClock } from '../../../shared/clock.js';
import { sampleChannel as c1, openApp, recoveryMs } from '../../support/central-app.js';
import { ask, type Reply } from '../../support/central-app-server.js';
import { channel, helloRecord, sampleIds, wakeupAddress } from '../../support/central-samples.js';
import { newVapidPair, tokenOf, type VapidPair } from '../../support/vapid.js';

type Tap = Parameters<typeof openApp>[0];
type Options = Parameters<typeof openApp>[1];

/** A listener and a device that speaks Web Push, with its endpoint. */
async function setUp(t: Tap, options: Options & { key?: string } = {}) {
  const app = await openApp(t, options);
  const { key } = options;
  const device = await app.meet({ takes: 'push', ...(key === undefined ? {} : { key }) });
  const endpoint = app.url + app.pushPathFor(device);
  const post = (headers: object = {}, body: string | Uint8Array = 'sealed', url = endpoint) =>
    ask(url, { method: 'POST', body, headers: { ttl: '60', ...headers } });
  const pending = () => app.store.pendingMessages(device, { nowMs: app.clock.now(), limit: 100 });
  const bodies = async () =>
    (await pending()).map(({ body }) => body && Buffer.from(body).toString());
  const statusOf = async (reply: Reply) => {
    const answer = await ask(String(reply.headers.location), { method: 'GET' });
    return answer.status === 200 ? JSON.parse(answer.body) : answer.status;
  };
  return { ...app, device, endpoint, post, pending, bodies, statusOf };
}

/** The problem an answer tells, where it is one of RFC 9457 with CORS. */
function problemOf({ status, headers, body }: Reply): string {
  if (headers['content-type'] !== 'application/problem+json') return `${status} ${body}`;
  const { type, status: told, title, detail } = JSON.parse(body);
  const isWhole = told === status && title && detail && headers['cache-control'] === 'no-store';
  if (!isWhole || headers['access-control-allow-origin'] !== '*') return `${status} incomplete`;
  return `${status} ${type.replace('urn:reveille:problem:', '')}`;
}

/** A header Authorization that is good for this server. */
async function authorization(url: string, pair: VapidPair, nowMs: number, claims = {}) {
  const all = { aud: new URL(url).origin, exp: Math.floor(nowMs / 1000) + 3600, ...claims };
  return `vapid t=${await tokenOf(all, pair.privateKey)}, k=${pair.key}`;
}

t.test('a message is stored and answered 201 with its Location and the granted TTL', async (t) => {
  const { post, url, pending, results } = await setUp(t);
  const sealed = Buffer.from([0, 255, 13, 10, 128]);
  const reply = await post({ 'content-encoding': 'aes128gcm' }, sealed);
  t.match(reply, { status: 201, body: '' });
  t.match(reply.headers, { ttl: '60', 'content-length': '0', 'cache-control': 'no-store' });
  t.ok(reply.headers.location?.startsWith(`${url}/wpush/v1/messages/`));
  t.notOk(reply.headers.link);
  const [message, ...others] = await pending();
  t.same(others, []);
  t.match(message, { channel: c1, kind: 'push', encoding: { encoding: 'aes128gcm' } });
  t.same(Buffer.from(message?.body ?? []), sealed, 'byte for byte');
  t.same(results, ['message-stored']);
});

t.test('a message without a body is stored without one, whatever its headers say', async (t) => {
  const { post, pending } = await setUp(t);
  t.equal((await post({ 'content-encoding': 'aes128gcm' }, '')).status, 201);
  t.match(await pending(), [{ body: undefined, encoding: {} }]);
});

t.test('the fields that the device needs are kept beside the body', async (t) => {
  const { post, pending } = await setUp(t);
  const [encryption, cryptoKey] = ['salt=AA', 'dh=BB'];
  await post({ 'content-encoding': 'aesgcm', encryption, 'crypto-key': cryptoKey });
  t.match(await pending(), [{ encoding: { encoding: 'aesgcm', encryption, cryptoKey } }]);
});

t.test('a TTL above the most is shortened, and the answer says so', async (t) => {
  const { post, statusOf, clock } = await setUp(t, { limits: { ttlMaxSeconds: 100 } });
  const reply = await post({ ttl: '2592000' });
  t.equal(reply.headers.ttl, '100');
  const { expiresAt } = await statusOf(reply);
  t.equal(Date.parse(expiresAt), clock.now() + 100_000);
});

t.test('a bad header is answered 400 and nothing is stored', async (t) => {
  const { post, endpoint, pending, url } = await setUp(t);
  const bad: [object, string][] = [
    [{ ttl: '' }, 'bad-ttl'],
    [{ ttl: '-1' }, 'bad-ttl'],
    [{ ttl: 'soon' }, 'bad-ttl'],
    [{ ttl: ['5', '6'] }, 'bad-ttl'],
    [{ urgency: 'urgent' }, 'bad-urgency'],
    [{ urgency: ['low', 'high'] }, 'bad-urgency'],
    [{ topic: 'x'.repeat(33) }, 'bad-topic'],
    [{ topic: 'not/base64url' }, 'bad-topic'],
    [{ 'push-receipt': 'https://other.example/wpush/v1/receipts/x' }, 'bad-receipt'],
    [{ 'push-receipt': `${url}/wpush/v1/receipts/x`, prefer: 'respond-async' }, 'bad-receipt'],
    [{ 'crypto-key': 'x'.repeat(1025) }, 'bad-encoding'],
  ];
  for (const [headers, type] of bad) {
    t.equal(problemOf(await post(headers)), `400 ${type}`, JSON.stringify(headers).slice(0, 60));
  }
  const without = await ask(endpoint, { method: 'POST', body: 'x' });
  t.equal(problemOf(without), '400 bad-ttl');
  t.same(await pending(), []);
});

t.test('what is no token of this server is answered 404', async (t) => {
  const { post, url, device, results } = await setUp(t);
  const token = sampleIds.tokenOf(device, c1);
  for (const bad of ['', 'x', token.slice(1), `${token}A`, `${token}/`, device]) {
    t.equal(problemOf(await post({}, 'x', `${url}/wpush/v1/${bad}`)), '404 channel-not-found', bad);
  }
  t.ok(results.every((result) => result === 'channel-not-found'));
});

t.test('a channel that is gone is answered 410', async (t) => {
  const { post, url, store, device, clock } = await setUp(t);
  const other = `${url}/wpush/v1/${sampleIds.tokenOf(device, channel('c2'))}`;
  await store.hello(helloRecord(device, { takes: 'push', channels: [c1], nowMs: clock.now() }));
  t.equal(problemOf(await post({}, 'x', other)), '410 channel-gone');
  await store.unregister(device, c1, clock.now());
  t.equal(problemOf(await post()), '410 channel-gone');
});

t.test('a device that an emptied database does not know is answered 503, later 410', async (t) => {
  const { post, url, clock, pushPathFor } = await setUp(t);
  const endpoint = url + pushPathFor(sampleIds.newDevice());
  const recovering = await post({}, 'x', endpoint);
  t.equal(problemOf(recovering), '503 recovering');
  t.equal(recovering.headers['retry-after'], '60');
  clock.advance(recoveryMs);
  t.equal(problemOf(await post({}, 'x', endpoint)), '410 channel-gone');
});

t.test('a device that takes versions only is answered 404', async (t) => {
  const { post, url, meet, pushPathFor } = await setUp(t);
  const simple = url + pushPathFor(await meet());
  t.equal(problemOf(await post({}, 'x', simple)), '404 takes-no-messages');
});

t.test('a body above messageBytesMax is answered 413, one of 4096 bytes is stored', async (t) => {
  const { post, pending } = await setUp(t);
  t.equal(problemOf(await post({}, 'x'.repeat(4097))), '413 body-too-large');
  const chunked = { 'transfer-encoding': 'chunked' };
  t.equal(problemOf(await post(chunked, 'x'.repeat(4097))), '413 body-too-large');
  t.equal(problemOf(await post({}, 'x'.repeat(1_000_000))), '413 body-too-large');
  t.same(await pending(), []);
  t.equal((await post({}, 'x'.repeat(4096))).status, 201);
});

t.test('too many requests of one address are answered 429 with Retry-After', async (t) => {
  const { post, pending } = await setUp(t, { requestsPerSecond: 1 });
  t.equal((await post()).status, 201);
  const reply = await post();
  t.equal(problemOf(reply), '429 too-many-requests');
  t.equal(reply.headers['retry-after'], '1');
  t.equal((await pending()).length, 1);
});

t.test('a store that fails is answered 503 with Retry-After', async (t) => {
  const { post, store, results, paths } = await setUp(t);
  await store.close();
  const reply = await post();
  t.equal(problemOf(reply), '503 store-down');
  t.equal(reply.headers['retry-after'], '5');
  t.same([results, paths], [['store-down'], []]);
});

t.test('a message with the topic of a pending one replaces it', async (t) => {
  const { post, bodies, statusOf } = await setUp(t);
  const first = await post({ topic: 'mail' }, 'one');
  const other = await post({ topic: 'news' }, 'two');
  await post({ topic: 'mail' }, 'three');
  await post({}, 'four');
  t.same(await bodies(), ['two', 'three', 'four']);
  t.match(await statusOf(first), { status: 'replaced' });
  t.match(await statusOf(other), { status: 'stored' });
});

t.test('a device over its limit loses its oldest message, low urgency first', async (t) => {
  const { post, bodies, statusOf } = await setUp(t, { limits: { messagesPerDeviceMax: 2 } });
  await post({ urgency: 'high' }, 'one');
  const low = await post({ urgency: 'low' }, 'two');
  await post({ urgency: 'normal' }, 'three');
  t.same(await bodies(), ['one', 'three']);
  t.match(await statusOf(low), { status: 'dropped', urgency: 'low' });
});

t.test('TTL 0 is for a device that is connected, or for nobody', async (t) => {
  const { post, pending, presence, device, statusOf, paths, clock } = await setUp(t);
  const away = await post({ ttl: '0', urgency: 'high' });
  t.match(away, { status: 201, headers: { ttl: '0' } });
  t.match(await statusOf(away), { status: 'expired', urgency: 'high' });
  t.same(await pending(), []);
  presence.enter(device, { onSignal() {}, onDisplaced() {}, onAddressLost() {} });
  const near = await post({ ttl: '0' }, 'now');
  t.equal(near.headers.ttl, '0');
  t.same((await pending()).length, 1);
  t.same(paths, ['none', 'socket']);
  clock.advance(10_000);
  t.same(await pending(), [], 'it is not kept for a later connection');
  t.match(await statusOf(near), { status: 'expired' });
});

t.test('TTL 0 wakes nobody', async (t) => {
  const { post, store, meet, url, pushPathFor } = await setUp(t);
  const asleep = await meet({ takes: 'push', address: wakeupAddress() });
  await post({ ttl: '0', urgency: 'high' }, 'x', url + pushPathFor(asleep));
  t.match(await store.wakeupOf(asleep), { state: 'resting' });
});

t.test('urgency decides whether and when a sleeping device is woken', async (t) => {
  const { post, store, meet, url, pushPathFor, clock, paths } = await setUp(t);
  const states = [
    ['very-low', 'resting', undefined, 'stored'],
    ['low', 'resting', undefined, 'stored'],
    ['normal', 'gathering', clock.now() + 5_000, 'wakeup'],
    ['high', 'owed', clock.now() + 10_000, 'wakeup'],
  ] as const;
  for (const [urgency, state, dueMs, path] of states) {
    const device = await meet({ takes: 'push', address: wakeupAddress(undefined, { port: 9000 }) });
    await post({ urgency }, 'x', url + pushPathFor(device));
    t.match(await store.wakeupOf(device), { state, dueMs }, urgency);
    t.equal(paths.at(-1), path, urgency);
  }
});

t.test('what has little time to live is gathered for half of it at most', async (t) => {
  const { post, store, meet, url, pushPathFor, clock } = await setUp(t);
  const device = await meet({ takes: 'push', address: wakeupAddress(undefined, { port: 9000 }) });
  const dueAfterMs = async (ttl: string) => {
    await post({ ttl }, 'x', url + pushPathFor(device));
    const { state, dueMs = 0 } = (await store.wakeupOf(device)) ?? {};
    t.equal(state, 'gathering');
    return dueMs - clock.now();
  };
  t.equal(await dueAfterMs('3600'), 5_000);
  t.equal(await dueAfterMs('3'), 1_500, 'and so is what gathers already');
  t.equal(await dueAfterMs('8'), 1_500);
});

t.test('the device is signalled after the answer was written', async (t) => {
  const { post, presence, device, responses, pending } = await setUp(t);
  const seen: { isAnswered: boolean; pending: Promise<unknown[]> }[] = [];
  presence.enter(device, {
    onSignal: () => {
      const isAnswered = responses.at(-1)?.writableEnded === true;
      seen.push({ isAnswered, pending: pending() });
    },
    onDisplaced() {},
    onAddressLost() {},
  });
  await post();
  await post({ ttl: 'x' });
  t.equal(seen.length, 1);
  t.equal(seen[0]?.isAnswered, true);
  t.equal((await seen[0]?.pending)?.length, 1, 'what is signalled is stored');
});

const pair = newVapidPair();
const stranger = newVapidPair();

t.test('a channel with a key takes what is signed by that key alone', async (t) => {
  const { post, url, clock, pending } = await setUp(t, { key: pair.key });
  const missing = await post();
  t.equal(problemOf(missing), '401 authorization-missing');
  t.notOk(missing.headers['www-authenticate'], 'RFC 8292 section 3 forbids a challenge');
  const of = async (who: VapidPair, claims = {}) => ({
    authorization: await authorization(url, who, clock.now(), claims),
  });
  t.equal(problemOf(await post(await of(stranger))), '403 wrong-key');
  t.same(await pending(), []);
  t.equal((await post(await of(pair))).status, 201);
});

t.test(
  'an Authorization that is there has to be right, also where no key is demanded',
  async (t) => {
    const { post, url, clock, pending } = await setUp(t);
    const nowSeconds = Math.floor(clock.now() / 1000);
    const of = (claims: object) => authorization(url, pair, clock.now(), claims);
    const forged = (await of({})).replace(/k=.*/, `k=${stranger.key}`);
    const bad: [string, string][] = [
      ['Basic eDp5', '401 authorization-unusable'],
      [`vapid k=${pair.key}`, '401 authorization-unusable'],
      [forged, '403 signature-invalid'],
      [await of({ aud: 'https://other.example' }), '403 audience-wrong'],
      [await of({ exp: nowSeconds - 120 }), '403 token-expired'],
      [await of({ exp: nowSeconds + 90_000 }), '403 token-too-long'],
    ];
    for (const [value, problem] of bad) {
      t.equal(problemOf(await post({ authorization: value })), problem);
    }
    t.same(await pending(), []);
    t.equal((await post({ authorization: await of({}) })).status, 201);
  },
);

t.test('aud and every URL are those of publicUrl where there is one', async (t) => {
  const publicUrl = 'https://push.example/base';
  const { post, url, clock } = await setUp(t, { publicUrl, key: pair.key });
  const wrong = { authorization: await authorization(url, pair, clock.now()) };
  t.equal(problemOf(await post(wrong)), '403 audience-wrong');
  const right = { authorization: await authorization(publicUrl, pair, clock.now()) };
  const { status, headers } = await post({ ...right, prefer: 'respond-async' });
  t.equal(status, 202);
  t.match(headers.location, /^https:\/\/push\.example\/base\/wpush\/v1\/messages\//);
  t.match(headers.link, /^<https:\/\/push\.example\/base\/wpush\/v1\/receipts\//);
});

t.test('a request is judged by its token first, then headers, size, key and channel', async (t) => {
  const { post, url, endpoint } = await setUp(t, { key: pair.key });
  const large = 'x'.repeat(5000);
  const wrong = { ttl: 'x', authorization: 'Basic eDp5' };
  t.equal(problemOf(await post(wrong, large, `${url}/wpush/v1/x`)), '404 channel-not-found');
  t.equal(problemOf(await post(wrong, large)), '400 bad-ttl');
  t.equal(problemOf(await post({ ...wrong, ttl: '1' }, large)), '413 body-too-large');
  t.equal(problemOf(await post({ ...wrong, ttl: '1' })), '401 authorization-unusable');
  t.equal(problemOf(await post({}, 'x', endpoint)), '401 authorization-missing');
});

t.test('what the web-push library sends is taken, in either encoding', async (t) => {
  const keys = webpush.generateVAPIDKeys();
  // Its tokens are of the real time.
  const setting = { key: keys.publicKey, startMs: systemClock.now() };
  const { endpoint, pending } = await setUp(t, setting);
  const client = { p256dh: newVapidPair().key, auth: Buffer.alloc(16).toString('base64url') };
  for (const contentEncoding of ['aes128gcm', 'aesgcm'] as const) {
    const { method, headers, body } = webpush.generateRequestDetails(
      { endpoint, keys: client },
      'hello',
      {
        vapidDetails: { subject: 'mailto:ops@app.example', ...keys },
        ...{ TTL: 60, topic: contentEncoding, urgency: 'high', contentEncoding },
      },
    );
    t.match(await ask(endpoint, { method, headers, body }), { status: 201, body: '' });
    t.same(Buffer.from((await pending()).at(-1)?.body ?? []), body);
  }
  const [, old] = await pending();
  t.match(old, { encoding: { encoding: 'aesgcm', encryption: /^salt=/, cryptoKey: /dh=/ } });
});

t.test('URLs of one device have nothing in common, and tell nothing of it', async (t) => {
  const { device, post } = await setUp(t);
  const locations = [await post(), await post()].map(({ headers }) => String(headers.location));
  const channels = ['c1', 'c2', 'c3'].map((name) => sampleIds.tokenOf(device, channel(name)));
  const tokens = [...channels, ...locations.map((url) => url.split('/').at(-1) ?? '')];
  const pieces = tokens.map((token) => {
    const starts = Array.from({ length: token.length - 5 }, (_, i) => token.slice(i, i + 6));
    return new Set(starts);
  });
  for (const [i, piece] of pieces.entries()) {
    for (const other of pieces.slice(i + 1)) t.ok([...piece].every((text) => !other.has(text)));
  }
  const known = [device, sampleIds.uaidOf(device)].flatMap((text) => [text, text.slice(0, 8)]);
  for (const token of tokens) t.ok(known.every((text) => !token.includes(text)));
});

t.test('no log line holds a body, a topic, a token or a key', async (t) => {
  const { post, lines, device, url, clock } = await setUp(t, { key: pair.key });
  const signed = await authorization(url, pair, clock.now());
  const headers = { authorization: signed, topic: 'secret-topic', encryption: 'salt=secret-salt' };
  const { headers: got } = await post({ ...headers, prefer: 'respond-async' }, 'secret-body');
  await post({ ...headers, topic: 'secret topic' }, 'secret-body');
  await post({ authorization: `${signed}x`, topic: 'secret-topic' }, 'secret-body');
  await post();
  t.ok(lines.length > 0);
  const text = JSON.stringify(lines);
  const location = String(got.location).split('/').at(-1) ?? '';
  t.notMatch(text, /secret/);
  for (const word of [sampleIds.tokenOf(device, c1), pair.key, signed, location]) {
    t.ok(word.length > 10 && !text.includes(word));
  }
});
