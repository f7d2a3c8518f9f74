// `PUT /v1/notify/<token>` over real sockets: each answer, and what is true by the time it is there.
import { Agent } from 'node:http';
import fc from 'fast-check';
import t from 'tap';
import { createIds } from '../../../central/protocol/ids.js';
import {
  bodyBytesMax,
  sampleChannel as c1,
  openApp,
  recoveryMs,
} from '../../support/central-app.js';
import { abandon, ask, exchange, type Reply } from '../../support/central-app-server.js';
import { channel, helloRecord, sampleIds, wakeupAddress } from '../../support/central-samples.js';
import { newVapidPair } from '../../support/vapid.js';

type Tap = Parameters<typeof openApp>[0];

/** A listener and a device it knows, with its endpoint. */
async function setUp(t: Tap) {
  const app = await openApp(t);
  const device = await app.meet();
  const path = app.pathFor(device);
  const endpoint = app.url + path;
  const put = (body: string | Uint8Array, url = endpoint) => ask(url, { body });
  return { ...app, device, path, endpoint, put };
}

/** The problem an answer tells, where it is one of RFC 9457 with CORS. */
function problemOf({ status, headers, body }: Reply): string {
  if (headers['content-type'] !== 'application/problem+json') return `${status} ${body}`;
  const { type, status: told, title, detail } = JSON.parse(body);
  const isWhole = told === status && title && detail && headers['cache-control'] === 'no-store';
  if (!isWhole || headers['access-control-allow-origin'] !== '*') return `${status} incomplete`;
  return `${status} ${type.replace('urn:reveille:problem:', '')}`;
}

t.test('a version is stored and answered 200 with an empty object', async (t) => {
  const { put, store, device, results } = await setUp(t);
  const reply = await put('version=5');
  t.match(reply, { status: 200, body: '{}' });
  t.match(reply.headers, { 'content-type': 'application/json', 'content-length': '2' });
  t.same(await store.pending(device), [{ channel: c1, version: 5 }]);
  t.same(results, ['stored']);
});

t.test('a version that is not newer is answered 200 and changes nothing', async (t) => {
  const { put, store, device, results, paths } = await setUp(t);
  for (const version of [5, 5, 4]) t.equal((await put(`version=${version}`)).status, 200);
  t.same(await store.pending(device), [{ channel: c1, version: 5 }]);
  t.same(results, ['stored', 'stale', 'stale']);
  t.same(paths, ['stored'], 'and is not delivered');
});

t.test('a form is read whatever its type says', async (t) => {
  const { endpoint } = await setUp(t);
  const form = 'application/x-www-form-urlencoded';
  const types = [form, `${form}; charset=utf-8`, 'text/plain', 'application/json', ''];
  for (const [version, type] of types.entries()) {
    const reply = await ask(endpoint, {
      body: `version=${version}`,
      headers: { 'content-type': type },
    });
    t.equal(reply.status, 200, type);
  }
});

t.test('a query beside the token is overlooked', async (t) => {
  const { put, endpoint } = await setUp(t);
  t.equal((await put('version=1', `${endpoint}?version=9&x`)).status, 200);
});

t.test('a channel that is not there is answered 404', async (t) => {
  const { put, url, store, device } = await setUp(t);
  const other = `${url}/v1/notify/${sampleIds.tokenOf(device, channel('c2'))}`;
  t.equal(problemOf(await put('version=1', other)), '404 channel-not-found');
  await store.unregister(device, c1, 0);
  t.equal(problemOf(await put('version=1')), '404 channel-not-found');
});

t.test('what is no token of this server is answered 404', async (t) => {
  const { put, url, device, results } = await setUp(t);
  const token = sampleIds.tokenOf(device, c1);
  const foreign = createIds(Buffer.alloc(32, 8)).tokenOf(device, c1);
  const tokens = [
    '',
    'x',
    'null',
    'undefined',
    '%00',
    '%zz',
    '..',
    '.',
    '*',
    '~',
    foreign,
    sampleIds.uaidOf(device),
    device,
    token.slice(1),
    token.slice(0, -1),
    `${token}A`,
    `${token}=`,
    `${token}==`,
    `${token}%20`,
    `${token}/`,
    `/${token}`,
    `${token}/${token}`,
    `${token};a=b`,
    token.toLowerCase(),
    token.toUpperCase(),
    token.split('').reverse().join(''),
    `%${token.charCodeAt(0).toString(16)}${token.slice(1)}`,
    'A'.repeat(22),
    'A'.repeat(43),
    'A'.repeat(1024),
    'A'.repeat(8000),
    '__proto__',
    'constructor',
    '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '<script>',
    "'%20OR%201=1--",
  ];
  for (const bad of tokens) {
    // Written as it is: a URL object would tidy it.
    const reply = await exchangeReply(url, `/v1/notify/${bad}`);
    t.equal(problemOf(reply), '404 channel-not-found', bad.slice(0, 40));
    t.notMatch(reply.body, /AAAA|script|passwd/, 'no echo of what was sent');
  }
  t.ok(results.every((result) => result === 'channel-not-found'));
  t.equal((await put('version=1')).status, 200);
});

/** One PUT of version 1 with a path as it is, on a connection of its own. */
async function exchangeReply(url: string, path: string): Promise<Reply> {
  const { port, host } = new URL(url);
  const head = `PUT ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\ncontent-length: 9`;
  return parseReply(await exchange(Number(port), `${head}\r\n\r\nversion=1`));
}

function parseReply(text: string): Reply {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const headers = Object.fromEntries(
    fields.map((field) => [field.split(': ')[0]?.toLowerCase(), field.replace(/^[^:]+: /, '')]),
  );
  return { status: Number(line.split(' ')[1]), headers, body };
}

const badBodies: [string | Uint8Array, string][] = [
  ['', 'bad-body'],
  [' ', 'bad-body'],
  ['5', 'bad-body'],
  ['=5', 'bad-body'],
  ['&', 'bad-body'],
  ['&&=&', 'bad-body'],
  ['{}', 'bad-body'],
  ['{"version":5}', 'bad-body'],
  ['version', 'bad-version'],
  ['version=', 'bad-version'],
  ['version=x', 'bad-version'],
  ['version=-1', 'bad-version'],
  ['version=+1', 'bad-version'],
  ['version= 1', 'bad-version'],
  ['version=1 ', 'bad-version'],
  ['version=1\n', 'bad-version'],
  ['version=1\0', 'bad-version'],
  ['version=1.0', 'bad-version'],
  ['version=1.5', 'bad-version'],
  ['version=1e3', 'bad-version'],
  ['version=0x1', 'bad-version'],
  ['version=0b1', 'bad-version'],
  ['version=1_000', 'bad-version'],
  ['version=1,000', 'bad-version'],
  ['version=NaN', 'bad-version'],
  ['version=Infinity', 'bad-version'],
  ['version=true', 'bad-version'],
  ['version="1"', 'bad-version'],
  ['version=1;', 'bad-version'],
  ['version=1=2', 'bad-version'],
  ['version=9007199254740992', 'bad-version'],
  ['version=18446744073709551616', 'bad-version'],
  [`version=${'9'.repeat(200)}`, 'bad-version'],
  ['version=%', 'bad-version'],
  ['version=%F1', 'bad-version'],
  ['Version=1', 'bad-body'],
  ['versions=1', 'bad-body'],
  ['version[0]=1', 'bad-body'],
  ['?version=1', 'bad-body'],
  ['version=1&version=1', 'bad-body'],
  ['version=1&version=2', 'bad-body'],
  ['version=1&a=b', 'bad-body'],
  ['a=b&version=1', 'bad-body'],
  ['body=', 'bad-body'],
  ['body=hello&ttl=soon', 'bad-body'],
  ['body=hello&version=1', 'bad-body'],
  ['--x\r\ncontent-disposition: form-data; name="version"\r\n\r\n1\r\n--x--', 'bad-body'],
  [Buffer.from([0, 1, 2, 0xff]), 'bad-body'],
  [Buffer.from('version=5', 'utf16le'), 'bad-body'],
  [Buffer.from([0x1f, 0x8b, 8, 0]), 'bad-body'],
];

t.test('a bad body and a bad version are answered 404', async (t) => {
  const { put, store, device } = await setUp(t);
  for (const [body, type] of badBodies) {
    t.equal(problemOf(await put(body)), `404 ${type}`, JSON.stringify(body.toString()));
  }
  t.same(await store.pending(device), []);
});

t.test('a text is stored with its time to live and answered 200', async (t) => {
  const { put, store, device, results, clock, meet, pathFor, url } = await setUp(t);
  t.match(await put('body=Hello+there%21&ttl=10'), { status: 200, body: '{}' });
  const pending = () => store.pendingMessages(device, { nowMs: clock.now(), limit: 10 });
  const [message] = await pending();
  t.match(message, { kind: 'text', channel: c1, encoding: {} });
  t.equal(Buffer.from(message?.body ?? []).toString(), 'Hello there!');
  t.same(results, ['message-stored']);
  clock.advance(10_000);
  t.same(await pending(), []);
  t.equal((await put('body=kept')).status, 200);
  clock.advance(86_400_000 - 1);
  t.equal((await pending()).length, 1, 'for as long as messages are kept, where it says no time');
  clock.advance(1);
  t.same(await pending(), []);
  const asleep = await meet({ address: wakeupAddress() });
  await put('body=now', url + pathFor(asleep));
  t.match(await store.wakeupOf(asleep), { state: 'owed' }, 'and wakes as a version does');
});

t.test('texts do not replace each other', async (t) => {
  const { put, store, device, clock } = await setUp(t);
  for (const text of ['one', 'two', 'two']) await put(`body=${text}`);
  t.equal((await store.pendingMessages(device, { nowMs: clock.now(), limit: 10 })).length, 3);
});

t.test('a text for a device that speaks Web Push is a bad body, a version is not', async (t) => {
  const { put, meet, pathFor, url, store } = await setUp(t);
  const device = await meet({ takes: 'push' });
  t.equal(problemOf(await put('body=hello', url + pathFor(device))), '404 bad-body');
  t.equal((await put('version=5', url + pathFor(device))).status, 200);
  t.same(await store.pending(device), [{ channel: c1, version: 5 }]);
});

t.test('a channel with a key takes neither versions nor texts, which nobody signs', async (t) => {
  const { put, meet, pathFor, url, store } = await setUp(t);
  const device = await meet({ takes: 'text', key: newVapidPair().key });
  for (const body of ['version=5', 'body=hello']) {
    t.equal(problemOf(await put(body, url + pathFor(device))), '403 signed-only');
  }
  t.same(await store.pending(device), []);
});

t.test('a body larger than bodyBytesMax is answered 413, one of that size is read', async (t) => {
  const { put, endpoint, store, device } = await setUp(t);
  const filled = (bytes: number) => `version=1${'&'.repeat(bytes - 9)}`;
  t.equal(problemOf(await put(filled(bodyBytesMax + 1))), '413 body-too-large');
  const chunked = { body: filled(bodyBytesMax + 1), headers: { 'transfer-encoding': 'chunked' } };
  t.equal(problemOf(await ask(endpoint, chunked)), '413 body-too-large');
  t.equal(problemOf(await put('x'.repeat(1_000_000))), '413 body-too-large');
  t.same(await store.pending(device), []);
  t.equal((await put(filled(bodyBytesMax))).status, 200);
});

t.test('a token that is none is told before a body that is too large', async (t) => {
  const { url } = await setUp(t);
  const reply = await ask(`${url}/v1/notify/x`, { body: 'x'.repeat(5000) });
  t.equal(problemOf(reply), '404 channel-not-found');
});

t.test('a device that an emptied database does not know is answered 503, later 404', async (t) => {
  const { url, clock, results, pathFor } = await setUp(t);
  const endpoint = url + pathFor(sampleIds.newDevice());
  const recovering = await ask(endpoint, { body: 'version=1' });
  t.equal(problemOf(recovering), '503 recovering');
  t.equal(recovering.headers['retry-after'], '60');
  clock.advance(recoveryMs - 1);
  t.equal(problemOf(await ask(endpoint, { body: 'version=1' })), '503 recovering');
  clock.advance(1);
  const gone = await ask(endpoint, { body: 'version=1' });
  t.equal(problemOf(gone), '404 channel-not-found');
  t.notOk(gone.headers['retry-after']);
  t.same(results, ['recovering', 'recovering', 'channel-not-found']);
});

t.test('a device that comes back with its channels is served again at the same URL', async (t) => {
  const { url, clock, store, pathFor } = await setUp(t);
  const device = sampleIds.newDevice();
  const endpoint = url + pathFor(device);
  t.equal((await ask(endpoint, { body: 'version=1' })).status, 503);
  await store.hello(helloRecord(device, { channels: [c1], nowMs: clock.now() }));
  t.equal((await ask(endpoint, { body: 'version=1' })).status, 200);
});

t.test('a store that fails is answered 503 and nothing else is tried', async (t) => {
  const { put, store, results, paths, lines } = await setUp(t);
  await store.close();
  const reply = await put('version=1');
  t.equal(problemOf(reply), '503 store-down');
  t.equal(reply.headers['retry-after'], '5');
  t.same(results, ['store-down']);
  t.same(paths, []);
  t.match(lines, [{ trace: { id: '2013' } }]);
});

t.test('no log line holds a token, a body or an address', async (t) => {
  const { put, meet, pathFor, url, lines, device } = await setUp(t);
  const woken = await meet({ address: wakeupAddress('10.77.88.99') });
  await put('version=31415');
  await put('secret=27182');
  await put('body=27182');
  await ask(url + pathFor(woken), { body: 'version=31415' });
  const text = JSON.stringify(lines);
  t.ok(lines.length > 0);
  t.notMatch(text, sampleIds.tokenOf(device, c1));
  t.notMatch(text, /31415|27182|10\.77\.88\.99/);
});

t.test(
  'the device is signalled after the answer was written, and for stored versions only',
  async (t) => {
    const { put, presence, device, responses, store, paths } = await setUp(t);
    const seen: { isAnswered: boolean; pending: Promise<unknown> }[] = [];
    presence.enter(device, {
      onSignal: () => {
        const isAnswered = responses.at(-1)?.writableEnded === true;
        seen.push({ isAnswered, pending: store.pending(device) });
      },
      onDisplaced() {},
      onAddressLost() {},
    });
    for (const body of ['version=5', 'version=5', 'version=4', 'version=x', 'x', 'y'.repeat(999)]) {
      await put(body);
    }
    t.equal(seen.length, 1);
    t.equal(seen[0]?.isAnswered, true);
    t.same(await seen[0]?.pending, [{ channel: c1, version: 5 }], 'what is signalled is stored');
    t.same(paths, ['socket']);
  },
);

t.test('a body may come in pieces', async (t) => {
  const { port, path, store, device } = await setUp(t);
  const head = `PUT ${path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n`;
  const sized = await exchange(port, `${head}content-length: 10\r\n\r\nver`, 'sion=', '42');
  t.match(sized, /^HTTP\/1\.1 200 /);
  const chunks = ['3\r\nver\r\n', '5\r\nsion=\r\n', '2;x=y\r\n43\r\n', '0\r\ntrailer: 1\r\n\r\n'];
  t.match(
    await exchange(port, `${head}transfer-encoding: chunked\r\n\r\n`, ...chunks),
    /^HTTP\/1\.1 200 /,
  );
  t.same(await store.pending(device), [{ channel: c1, version: 43 }]);
});

t.test('a body that waits for 100-continue is asked for', async (t) => {
  const { port, path } = await setUp(t);
  const head = `PUT ${path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\nexpect: 100-continue\r\n`;
  const all = await exchange(port, `${head}content-length: 9\r\n\r\n`, 'version=1');
  t.match(all, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
});

t.test('a peer that leaves amid its body stores nothing and harms nobody', async (t) => {
  const { port, path, put, store, device, results } = await setUp(t);
  const head = `PUT ${path} HTTP/1.1\r\nhost: h\r\n`;
  for (const how of ['end', 'reset'] as const) {
    await abandon(port, `${head}content-length: 20\r\n\r\nversion=7`, how);
    await abandon(port, `${head}transfer-encoding: chunked\r\n\r\n9\r\nversion=7\r\n`, how);
    await abandon(port, head, how);
    await abandon(port, 'PU', how);
  }
  t.equal((await put('version=1')).status, 200);
  t.same(await store.pending(device), [{ channel: c1, version: 1 }]);
  t.same(results, ['stored']);
});

t.test('a peer that leaves before its answer leaves a version that is stored', async (t) => {
  const { port, path, presence, device, store } = await setUp(t);
  const signalled = new Promise<void>((onSignal) => {
    presence.enter(device, { onSignal, onDisplaced() {}, onAddressLost() {} });
  });
  const whole = `PUT ${path} HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nversion=7`;
  await abandon(port, whole, 'end');
  await signalled;
  t.same(await store.pending(device), [{ channel: c1, version: 7 }]);
});

t.test('what is no HTTP is answered 400 and the connection ends', async (t) => {
  const { port, path, put } = await setUp(t);
  const bad = [
    'hello\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
    `PUT ${path} HTTP/9.9\r\n\r\n`,
    `PUT ${path}\u0001 HTTP/1.1\r\nhost: h\r\n\r\n`,
    `PUT ${path} HTTP/1.1\r\nhost: h\r\ncontent-length: x\r\n\r\n`,
    `PUT ${path} HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n`,
    `PUT ${path} HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n`,
    `PUT ${path} HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n`,
    `PUT ${path} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    `PUT ${path} HTTP/1.1\r\nno colon\r\n\r\n`,
    `PUT ${path} HTTP/1.1\r\n\r\n`,
  ];
  for (const bytes of bad) {
    t.match(
      await exchange(port, bytes),
      /^HTTP\/1\.1 400 /,
      JSON.stringify(bytes.replace(path, '')),
    );
  }
  t.match(
    await exchange(port, `GET / HTTP/1.1\r\nhost: h\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`),
    / 431 /,
  );
  t.equal((await put('version=1')).status, 200);
});

t.test('one connection carries many requests, good and bad', async (t) => {
  const { endpoint, url, store, device } = await setUp(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const statuses: number[] = [];
  const tellers = ['version=1', 'x', 'y'.repeat(5000), 'version=2'];
  for (const body of tellers) statuses.push((await ask(endpoint, { body, agent })).status);
  statuses.push((await ask(`${url}/nothing`, { body: 'z'.repeat(5000), agent })).status);
  statuses.push((await ask(endpoint, { body: 'version=3', agent })).status);
  t.same(statuses, [200, 404, 413, 200, 404, 200]);
  t.same(await store.pending(device), [{ channel: c1, version: 3 }]);
});

t.test('many at once are each answered, and the newest is what is left', async (t) => {
  const { put, store, device } = await setUp(t);
  const versions = Array.from({ length: 100 }, (_, i) => (i * 37) % 100);
  const replies = await Promise.all(versions.map((version) => put(`version=${version}`)));
  t.ok(replies.every(({ status }) => status === 200));
  t.same(await store.pending(device), [{ channel: c1, version: 99 }]);
});

t.test('any body is answered 200 or 404, and the listener goes on', async (t) => {
  const { endpoint, put } = await setUp(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: bodyBytesMax }),
    fc.maxSafeNat().map((version) => Buffer.from(`version=${version}`)),
    fc.string({ maxLength: 20 }).map((value) => Buffer.from(`version=${value}`)),
  );
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const { status } = await ask(endpoint, { body, agent });
      const isVersion = /^version=[0-9]{1,15}$/.test(body.toString());
      return isVersion ? status === 200 : status === 200 || status === 404;
    }),
    { numRuns: 300 },
  );
  t.equal((await put('version=1')).status, 200);
});
