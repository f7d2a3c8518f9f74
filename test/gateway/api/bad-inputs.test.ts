import { connect } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { createPolicy } from '../../../gateway/policy/policy.js';
import { prefix } from '../../../shared/address.js';
import { CodedError } from '../../../shared/errors.js';
import { uuidV7 } from '../../../shared/id.js';
import { parseNetworkKey } from '../../../shared/network.js';
import { parseResults, parseWakeups } from '../../../shared/wakeup/request.js';
import { wakeup } from '../../support/gateway-caller.js';
import { startGateway } from '../../support/gateway-setup.js';

const id = uuidV7(1_700_000_000_000);
const list = (item: unknown) => JSON.stringify({ wakeups: [item] });

t.test('a body that is not of the documented form is answered 400 malformed-request', async (t) => {
  const { caller } = await startGateway(t);
  const bodies: [name: string, body: string | Buffer][] = [
    ['nothing', ''],
    ['white space', '  \n'],
    ['no JSON', 'wakeups'],
    ['JSON cut short', '{"wakeups":[{"id":'],
    ['a comma too many', '{"wakeups":[],}'],
    ['two values', '{"wakeups":[]}{"wakeups":[]}'],
    ['NaN', '{"wakeups":NaN}'],
    ['a form', 'ip=127.0.0.1&port=1'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a number', '7'],
    ['a text', '"wakeups"'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['UTF-16', Buffer.from('{"wakeups":[]}', 'utf16le')],
    ['a zero byte', '{"wakeups":[]}\0'],
    ['an empty object', '{}'],
    ['another key', '{"Wakeups":[]}'],
    ['wakeups null', '{"wakeups":null}'],
    ['wakeups an object', '{"wakeups":{}}'],
    ['wakeups a text', '{"wakeups":"[]"}'],
    ['wakeups with a length', '{"wakeups":{"length":1}}'],
    ['an item null', list(null)],
    ['an item a number', list(1)],
    ['an item a text', list('127.0.0.1')],
    ['an item an array', list([])],
    ['an item without id', list({ network: '214-07' })],
    ['an id null', list({ id: null })],
    ['an id a number', list({ id: 7 })],
    ['an id an object', list({ id: {} })],
    ['an empty id', list({ id: '' })],
    ['a UUIDv4', list({ id: '0b2ef0ec-7c1a-4f2e-9d8a-0123456789ab' })],
    ['a UUID without dashes', list({ id: id.replaceAll('-', '') })],
    ['a UUID with more behind', list({ id: `${id}0` })],
    ['a UUID with a line break', list({ id: `${id}\n` })],
    ['a UUID of the wrong variant', list({ id: `${id.slice(0, 19)}c${id.slice(20)}` })],
    ['a good item and a bad one', JSON.stringify({ wakeups: [wakeup({ port: 80 }), 0] })],
    ['deep nesting', `{"wakeups":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
    ['too many items', JSON.stringify({ wakeups: Array(1001).fill({}) })],
  ];
  for (const [name, body] of bodies) {
    const answer = await caller.send({ body });
    t.match(answer, { status: 400, problem: 'malformed-request' }, name);
    t.match(answer.headers.get('content-type'), ['application/problem+json']);
  }
  t.equal((await caller.send()).status, 200, 'and the gateway is still there');
});

t.test('an item that is not of the documented form is refused with its reason', async (t) => {
  const { caller, metric } = await startGateway(t);
  const items: [reason: string, changes: Record<string, unknown>][] = [
    ['network-unknown', { network: undefined }],
    ['network-unknown', { network: null }],
    ['network-unknown', { network: 21407 }],
    ['network-unknown', { network: ['214-07'] }],
    ['network-unknown', { network: '214-07\0' }],
    ['network-unknown', { network: '214-07/../214-07' }],
    ['network-unknown', { network: 'x'.repeat(10_000) }],
    ['network-unknown', { network: '__proto__' }],
    ['address-malformed', { ip: undefined }],
    ['address-malformed', { ip: null }],
    ['address-malformed', { ip: 2130706433 }],
    ['address-malformed', { ip: '2130706433' }],
    ['address-malformed', { ip: '0177.0.0.1' }],
    ['address-malformed', { ip: '127.1' }],
    ['address-malformed', { ip: 'localhost' }],
    ['address-malformed', { ip: '127.0.0.1:80' }],
    ['address-malformed', { ip: '::1%lo' }],
    ['address-malformed', { ip: '[::1]' }],
    ['address-malformed', { ip: { toString: 'x' } }],
    ['address-malformed', { ip: '1'.repeat(10_000) }],
    ['address-always-refused', { ip: '::ffff:127.0.0.1' }],
    ['address-always-refused', { ip: '0.0.0.0' }],
    ['address-out-of-range', { ip: '10.1.2.3' }],
    ['address-broadcast', { ip: '127.255.255.255' }],
    ['port-malformed', { port: undefined }],
    ['port-malformed', { port: null }],
    ['port-malformed', { port: '40000' }],
    ['port-malformed', { port: 40000.5 }],
    ['port-malformed', { port: -1 }],
    ['port-malformed', { port: 0 }],
    ['port-malformed', { port: 65536 }],
    ['port-malformed', { port: 1e308 }],
    ['port-malformed', { port: [40000] }],
    ['port-not-allowed', { port: 1023 }],
    ['protocol-unknown', { protocol: null }],
    ['protocol-unknown', { protocol: 'UDP' }],
    ['protocol-unknown', { protocol: 'constructor' }],
    ['protocol-unknown', { protocol: 17 }],
    ['urgency-unknown', { urgency: null }],
    ['urgency-unknown', { urgency: 'urgent' }],
    ['urgency-unknown', { urgency: 5 }],
    ['bad-words', { nonce: null }],
    ['bad-words', { nonce: 'NOTIFY 10.1.2.3:40000' }],
    ['bad-words', { nonce: '=='.repeat(11) }],
    ['bad-words', { auth: 1 }],
    ['bad-words', { auth: { counter: 1 } }],
    ['bad-words', { auth: { counter: '1', mac: 'AAECAwQFBgcICQoLDA0ODw' } }],
    ['bad-words', { nonce: 'AAECAwQFBgcICQoLDA0ODw', auth: {} }],
  ];
  const results = await caller.wake(...items.map(([, changes]) => wakeup(changes)));
  items.forEach(([reason, changes], i) => {
    const name = JSON.stringify(changes).slice(0, 60);
    t.match(results[i], { outcome: 'refused', reason }, `${reason} ${name}`);
  });
  const counted = await metric('reveille_gateway_refusals_total{reason="port-malformed"}');
  t.equal(counted, 9);
  const unknown =
    'reveille_gateway_wakeups_total{network="unknown",protocol="udp",outcome="refused"}';
  t.equal(await metric(unknown), 8);
});

t.test('a request that is not of the documented form is answered with its problem', async (t) => {
  const { caller } = await startGateway(t);
  const json = { contentType: 'application/json' };
  const cases: [status: number, problem: string, options: Parameters<typeof caller.send>[0]][] = [
    [404, 'not-found', { target: '/v1' }],
    [404, 'not-found', { target: '/v1/' }],
    [404, 'not-found', { target: '/v1/wakeups/' }],
    [404, 'not-found', { target: '/v1/Wakeups' }],
    [404, 'not-found', { target: '/v1/%77akeups' }],
    [404, 'not-found', { target: '/v1/../v1/wakeups' }],
    [405, 'method-not-allowed', { method: 'GET', body: '' }],
    [405, 'method-not-allowed', { method: 'PUT' }],
    [405, 'method-not-allowed', { method: 'PATCH' }],
    [405, 'method-not-allowed', { method: 'OPTIONS' }],
    [405, 'method-not-allowed', { target: '/v1/networks' }],
    [405, 'method-not-allowed', { target: '/v1/signs' }],
    [404, 'not-found', { method: 'GET', target: '/v1/signs/', body: '' }],
    [415, 'unsupported-media-type', { contentType: 'text/plain' }],
    [415, 'unsupported-media-type', { contentType: 'application/jsonx' }],
    [415, 'unsupported-media-type', { contentType: 'application/x-www-form-urlencoded' }],
    [415, 'unsupported-media-type', { contentType: '' }],
    [413, 'body-too-large', { ...json, body: ' '.repeat(256 * 1024 + 1) }],
    [400, 'malformed-request', { ...json, body: ' '.repeat(256 * 1024) }],
  ];
  for (const [status, problem, options] of cases) {
    const answer = await caller.send(options);
    t.match(answer, { status, problem }, JSON.stringify(options).slice(0, 70));
  }
  t.same((await caller.send({ method: 'PUT' })).headers.get('allow'), ['POST']);
  const typed = await caller.send({ contentType: 'Application/JSON; charset=utf-8' });
  t.equal(typed.status, 200);
});

t.test('bytes that are no HTTP end a connection and nothing else', async (t) => {
  const { gateway, caller } = await startGateway(t);
  const port = Number(new URL(gateway.url).port);
  const head = 'POST /v1/wakeups HTTP/1.1\r\nHost: x\r\n';
  const talks = [
    '\0\0\0\0',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /v1/networks HTTP/1.1\r\n\r\n',
    'GET http://other.example/v1/networks HTTP/1.1\r\nHost: x\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /v1/networks HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    `GET /v1/${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
    `${head}Content-Length: -1\r\n\r\n`,
    `${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`,
    `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `${head}Expect: nothing\r\nContent-Length: 0\r\n\r\n`,
    `${head}Signature-Input: ${'a=(),'.repeat(1000)}\r\nContent-Length: 0\r\n\r\n`,
    `${head}Signature: \u00ff\u0001\r\nContent-Length: 0\r\n\r\n`,
  ];
  for (const text of talks) {
    await talk(port, text);
    t.equal((await caller.send()).status, 200, JSON.stringify(text.slice(0, 40)));
  }
});

t.test('a request with two Host lines is answered 400', async (t) => {
  const { gateway } = await startGateway(t);
  const port = Number(new URL(gateway.url).port);
  const hosts = `Host: 127.0.0.1:${port}\r\n`.repeat(2);
  const answer = await talk(
    port,
    `POST /v1/wakeups HTTP/1.1\r\n${hosts}Content-Length: 0\r\nConnection: close\r\n\r\n`,
  );
  t.match(answer, /^HTTP\/1\.1 400 /);
  t.match(answer, /malformed-request/);
});

t.test('a caller that leaves in the middle of its body disturbs nobody', async (t) => {
  const { gateway, caller } = await startGateway(t);
  const port = Number(new URL(gateway.url).port);
  await new Promise<void>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.write('POST /v1/wakeups HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{', () =>
        socket.destroy(),
      );
    });
    socket.on('close', () => resolve());
  });
  t.equal((await caller.send()).status, 200);
});

t.test('whatever the bytes, the parser returns wakeups or throws bad-request', async () => {
  const check = (bytes: Uint8Array) => {
    for (const parse of [parseWakeups, parseResults]) {
      try {
        for (const { id: parsed } of parse(bytes)) if (typeof parsed !== 'string') return false;
      } catch (error) {
        if (!(error instanceof CodedError) || error.code !== 'bad-request') return false;
      }
    }
    return true;
  };
  const item = fc.oneof(
    fc.jsonValue(),
    fc.record({ id: fc.oneof(fc.constant(id), fc.uuid(), fc.jsonValue()), ip: fc.jsonValue() }),
  );
  const body = fc.record({ wakeups: fc.oneof(fc.array(item), fc.jsonValue()) });
  const asBytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  fc.assert(fc.property(fc.uint8Array(), check), { numRuns: 2000 });
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => check(Buffer.from(text))));
  fc.assert(
    fc.property(fc.jsonValue(), (value) => check(asBytes(value))),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(body, (value) => check(asBytes(value))),
    { numRuns: 2000 },
  );
});

t.test('whatever an item says, the policy lets through only what is inside a range', async () => {
  const key = parseNetworkKey('214-07');
  if (key === undefined) throw new Error('no key');
  const policy = createPolicy({
    networks: [
      {
        key,
        ranges: [prefix('10.0.0.0/8'), prefix('fd12::/16')],
        ports: [{ first: 1024, last: 65535 }],
        protocols: ['udp'],
      },
    ],
    infrastructure: [prefix('10.0.0.0/24')],
    allowLoopbackTargets: false,
  });
  const maybe = <T>(good: fc.Arbitrary<T>) => fc.oneof(good, fc.jsonValue());
  const claim = fc.record({
    network: maybe(fc.constant('214-07')),
    ip: maybe(fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), fc.constant('10.9.8.7'))),
    port: maybe(fc.integer({ min: -5, max: 70_000 })),
    protocol: maybe(fc.constantFrom('udp', 'tcp')),
    urgency: maybe(fc.constantFrom('low', undefined)),
  });
  fc.assert(
    fc.property(claim, (asked) => {
      const { target } = policy.decide(asked, undefined);
      if (!target) return true;
      const { address, port } = target;
      if (address.text.startsWith('10.0.0.')) return false;
      return /^(10\.|fd12:)/.test(address.text) && port >= 1024 && port <= 65535;
    }),
    { numRuns: 5000 },
  );
});

t.test('whatever a signed request holds, it is answered 200 or 400', async (t) => {
  const { caller } = await startGateway(t);
  const body = fc.oneof(
    fc.json(),
    fc.jsonValue().map((value) => list({ ...Object(value), id })),
    fc.string({ unit: 'binary' }),
  );
  await fc.assert(
    fc.asyncProperty(body, async (text) =>
      [200, 400].includes((await caller.send({ body: text })).status),
    ),
    { numRuns: 150 },
  );
});

t.test('whatever the signature fields hold, the request is answered 401', async (t) => {
  const { caller } = await startGateway(t);
  const field = fc.string({ unit: 'grapheme-ascii', maxLength: 200 }).map((text) => text.trim());
  const answered = async (input: string, signature: string) => {
    const alter = ({ headers }: { headers: Record<string, string | string[]> }) => {
      headers['signature-input'] = input;
      headers.signature = signature;
    };
    return (await caller.send({ alter })).status === 401;
  };
  await fc.assert(fc.asyncProperty(field, field, answered), { numRuns: 150 });
});

/** Sends bytes as they are and returns what came back until the connection ended. */
function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.end(text, 'latin1'));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(answer));
  });
}
