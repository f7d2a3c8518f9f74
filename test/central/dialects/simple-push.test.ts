// The frames of `push-notification`, as the architecture document (chapter 3) and real clients write them.
import fc from 'fast-check';
import t from 'tap';
import { dialects } from '../../../central/dialects/dialects.js';
import { simplePush } from '../../../central/dialects/simple-push.js';
import { protocolErrors } from '../../../central/protocol/codes.js';
import { type MessageId, newMessageId } from '../../../central/protocol/ids.js';
import {
  type DeviceMessage,
  type ProtocolError,
  type ServerMessage,
  versionMax,
} from '../../../central/protocol/messages.js';
import { channel, sampleMs, wakeupAddress } from '../../support/central-samples.js';

const c1 = channel('c1');
const uuid = 'd9b74644-4f97-46aa-b8fa-9393985cd6cd';

const decode = (text: string) => simplePush.decode(Buffer.from(text), false);
/** The one frame of a message. */
const frameOf = (message: ServerMessage) => simplePush.encode(message).join(' and ');
const decodeValue = (value: unknown) => decode(JSON.stringify(value));

/** A refusal as the device sees it: its status, and the type it answers. */
function refusal(message: DeviceMessage | ProtocolError): string | undefined {
  if (message.messageType !== 'error') return undefined;
  return `${protocolErrors[message.error].status} ${message.inReplyTo ?? ''}`.trim();
}

const plain = { canProve: false, isAuthenticated: false };
const hello = {
  ...{ messageType: 'hello', dialect: 'simple-push', uaid: null },
  ...{ channels: undefined, wakeup: undefined },
  ...plain,
};

t.test('the subprotocol is push-notification', async (t) => {
  t.equal(dialects.subprotocol, 'push-notification');
});

t.test('a whole hello of a phone is read', async (t) => {
  const message = decode(
    `{"messageType":"hello","uaid":"f1","channelIDs":["c1","${uuid}"],` +
      '"wakeup_hostport":{"ip":"10.1.2.3","port":"8080"},' +
      '"mobilenetwork":{"mcc":"214","mnc":"07","netid":"net-b"},"protocol":"tcp"}',
  );
  t.same(message, {
    messageType: 'hello',
    dialect: 'simple-push',
    uaid: 'f1',
    channels: ['c1', uuid],
    wakeup: wakeupAddress('10.1.2.3', { network: '214-07/net-b', protocol: 'tcp' }),
    ...plain,
  });
});

t.test('a uaid of a hello is handed on as it came', async (t) => {
  for (const uaid of ['x', '', null, 5, true, [], {}, 'x'.repeat(5000)]) {
    t.same(decodeValue({ messageType: 'hello', uaid }), { ...hello, uaid });
  }
  t.same(decode('{"messageType":"hello"}'), { ...hello, uaid: undefined });
});

t.test('channelIDs that are absent or null ask for no synchronisation', async (t) => {
  const absent = decode('{"messageType":"hello","uaid":null}');
  const isNull = decode('{"messageType":"hello","uaid":null,"channelIDs":null}');
  for (const message of [absent, isNull]) t.same(message, hello);
});

t.test('channelIDs that are present, even empty, ask for synchronisation', async (t) => {
  t.match(decodeValue({ messageType: 'hello', channelIDs: [] }), { channels: [] });
  t.match(decodeValue({ messageType: 'hello', channelIDs: ['a', 'a'] }), { channels: ['a', 'a'] });
});

t.test('entries of channelIDs that are no channel are left out', async (t) => {
  const channelIDs = ['a', 1, null, '', 'b', {}, ['c'], 'd\n', 'e'.repeat(129), '\ud800', true];
  t.match(decodeValue({ messageType: 'hello', channelIDs }), { channels: ['a', 'b'] });
  t.same(decodeValue({ messageType: 'hello', uaid: null, channelIDs: [null] }), {
    ...hello,
    channels: [],
  });
});

t.test('channelIDs that are no list are a bad channel', async (t) => {
  for (const channelIDs of ['a', '', 0, 1, true, false, {}, { 0: 'a', length: 1 }]) {
    t.equal(refusal(decodeValue({ messageType: 'hello', channelIDs })), '457 hello');
  }
});

const here = { ip: '10.1.2.3', port: 8080 };
const home = { mcc: '214', mnc: '07' };

function wakeupOf(fields: Record<string, unknown>) {
  const message = decodeValue({ messageType: 'hello', ...fields });
  return message.messageType === 'hello' ? message.wakeup : refusal(message);
}

t.test('a port may be a number or its digits, from 1 to 65535', async (t) => {
  for (const [port, read] of [
    [8080, 8080],
    ['8080', 8080],
    [1, 1],
    ['1', 1],
    [65535, 65535],
    ['65535', 65535],
    ['08080', 8080],
    [8080.0, 8080],
  ] as const) {
    const wakeup = wakeupOf({ wakeup_hostport: { ip: '10.1.2.3', port }, mobilenetwork: home });
    t.same(wakeup, wakeupAddress('10.1.2.3', { port: read }), JSON.stringify(port));
  }
});

t.test('any other port makes a device that cannot be woken, and fails nothing', async (t) => {
  const bad = [0, '0', 65536, '65536', 1.5, '1.5', -1, '-1', 'x', '', ' 80', '80 ', '0x50', '1e3'];
  for (const port of [...bad, '000080', null, undefined, true, [80], { port: 80 }, 1e300]) {
    const wakeup = wakeupOf({ wakeup_hostport: { ip: '10.1.2.3', port }, mobilenetwork: home });
    t.equal(wakeup, undefined, JSON.stringify(port));
  }
});

t.test('an IPv6 address is read into its canonical form', async (t) => {
  const wakeup_hostport = { ip: 'FD12:3456:0007:0::0001', port: 4 };
  const wakeup = wakeupOf({ wakeup_hostport, mobilenetwork: home });
  t.same(wakeup, wakeupAddress('fd12:3456:7::1', { port: 4 }));
});

t.test('a bad wakeup_hostport never fails a hello', async (t) => {
  const places = [null, undefined, 0, '', '10.1.2.3:8080', [], ['10.1.2.3', 8080], {}, true];
  const ips = [
    '',
    'x',
    '10.1.2',
    '10.1.2.3.4',
    '10.1.2.300',
    '010.1.2.3',
    '10.1.2.3 ',
    ' 10.1.2.3',
  ];
  const more = ['0x0a.1.2.3', '167838211', 'fe80::1%eth0', '[::1]', '::g', 'example.com', 5, null];
  for (const wakeup_hostport of [...places, ...[...ips, ...more].map((ip) => ({ ...here, ip }))]) {
    const wakeup = wakeupOf({ wakeup_hostport, mobilenetwork: home });
    t.equal(wakeup, undefined, JSON.stringify(wakeup_hostport));
  }
});

t.test('an MNC is its digits: 07 and 007 are different networks', async (t) => {
  const of = (mobilenetwork: unknown) => wakeupOf({ wakeup_hostport: here, mobilenetwork });
  t.match(of({ mcc: '214', mnc: '07' }), { network: '214-07' });
  t.match(of({ mcc: '214', mnc: '007' }), { network: '214-007' });
  for (const bad of [
    { mcc: 214, mnc: '07' },
    { mcc: '214', mnc: 7 },
    { mcc: '214', mnc: '7' },
    { mcc: '214', mnc: '0007' },
    { mcc: '21', mnc: '07' },
    { mcc: '2144', mnc: '07' },
    { mcc: '214', mnc: '0x' },
    { mcc: '214' },
    { mnc: '07' },
    {},
    [],
    ['214', '07'],
    '214-07',
    null,
    undefined,
  ]) {
    t.equal(of(bad), undefined, JSON.stringify(bad));
  }
});

t.test('a netid that is absent, null, empty or the default names the default pool', async (t) => {
  const of = (netid: unknown) =>
    wakeupOf({ wakeup_hostport: here, mobilenetwork: { ...home, netid } });
  for (const netid of [undefined, null, '', '214-07.default']) {
    t.match(of(netid), { network: '214-07' }, JSON.stringify(netid));
  }
  t.match(of('net-b'), { network: '214-07/net-b' });
  for (const netid of [0, 5, false, [], {}, 'a b', 'a/b', 'ü', '-a', 'a'.repeat(65), '__proto__']) {
    t.equal(of(netid), undefined, JSON.stringify(netid));
  }
});

t.test('the protocol of a wakeup is udp unless it says tcp', async (t) => {
  const of = (protocol: unknown) =>
    wakeupOf({ wakeup_hostport: here, mobilenetwork: home, protocol });
  t.match(of(undefined), { protocol: 'udp' });
  t.match(of(null), { protocol: 'udp' });
  t.match(of('udp'), { protocol: 'udp' });
  t.match(of('tcp'), { protocol: 'tcp' });
  for (const protocol of ['', 'TCP', 'sctp', 'toString', 0, 6, true, ['tcp'], {}]) {
    t.equal(of(protocol), undefined, JSON.stringify(protocol));
  }
});

t.test('register and unregister are read', async (t) => {
  for (const messageType of ['register', 'unregister']) {
    t.same(decodeValue({ messageType, channelID: uuid }), { messageType, channel: uuid });
    const odd = 'канал 1';
    t.same(decodeValue({ messageType, channelID: odd, extra: 1 }), { messageType, channel: odd });
  }
});

t.test('an ack is read, its versions as digits or as numbers', async (t) => {
  const updates = [
    { channelID: 'a', version: '5' },
    { channelID: 'b', version: 6 },
    { channelID: 'c', version: '0' },
    { channelID: 'd', version: String(versionMax) },
    { channelID: 'e', version: versionMax },
    { channelID: 'f', version: '007' },
  ];
  const versions = [5, 6, 0, versionMax, versionMax, 7];
  t.same(decodeValue({ messageType: 'ack', updates }), {
    messageType: 'ack',
    updates: updates.map(({ channelID }, i) => ({ channel: channelID, version: versions[i] })),
    messages: [],
  });
  t.same(decodeValue({ messageType: 'ack', updates: [] }), {
    messageType: 'ack',
    updates: [],
    messages: [],
  });
});

t.test('a version that is none acknowledges nothing, beside others that do', async (t) => {
  const bad = [
    null,
    undefined,
    '',
    'x',
    '1.5',
    1.5,
    -1,
    '-1',
    '+1',
    ' 1',
    '1 ',
    '0x1',
    '1e3',
    1e300,
  ];
  const over = ['9007199254740992', 9007199254740992, '99999999999999999', true, [], {}, ['5']];
  const updates = [...bad, ...over].map((version) => ({ channelID: 'bad', version }));
  const last = { channelID: 'c1', version: '3' };
  t.same(decodeValue({ messageType: 'ack', updates: [...updates, last] }), {
    messageType: 'ack',
    updates: [{ channel: c1, version: 3 }],
    messages: [],
  });
});

t.test('the keep-alives are the text PING and the empty object', async (t) => {
  t.same(decode('PING'), { messageType: 'ping', form: 'text' });
  for (const text of ['{}', ' { } ', '{\n}', '\t{}\r\n']) {
    t.same(decode(text), { messageType: 'ping', form: 'json' }, JSON.stringify(text));
  }
});

// Each text, and the status and messageType of its answer.
const badFrames: [string, string][] = [
  ['', '450'],
  [' ', '450'],
  ['ping', '450'],
  ['PING ', '450'],
  ['"PING"', '450'],
  ['PONG', '450'],
  ['null', '450'],
  ['true', '450'],
  ['0', '450'],
  ['-1.5e300', '450'],
  ['"hello"', '450'],
  ['[]', '450'],
  ['[{}]', '450'],
  ['[{"messageType":"hello"}]', '450'],
  ['{', '450'],
  ['}', '450'],
  ['{}{}', '450'],
  ['{},', '450'],
  ["{'messageType':'hello'}", '450'],
  ['{messageType:"hello"}', '450'],
  ['{"messageType":"hello",}', '450'],
  ['{"messageType":"hello"', '450'],
  ['{"messageType":hello}', '450'],
  ['{"messageType":"hello"}//', '450'],
  ['{"uaid":NaN}', '450'],
  ['{"uaid":01}', '450'],
  ['{"uaid":"\n"}', '450'],
  ['{"uaid":"\\x41"}', '450'],
  ['{"uaid":"\\ud8"}', '450'],
  ['\0', '450'],
  ['GET / HTTP/1.1\r\n\r\n', '450'],
  ['<hello/>', '450'],
  ['{"":""}', '405'],
  ['{"uaid":"x"}', '405'],
  ['{"messagetype":"hello"}', '405'],
  ['{"messageType":null}', '405'],
  ['{"messageType":1}', '405'],
  ['{"messageType":["hello"]}', '405'],
  ['{"messageType":{"hello":1}}', '405'],
  ['{"messageType":""}', '405'],
  ['{"messageType":"HELLO"}', '405 HELLO'],
  ['{"messageType":" hello"}', '405  hello'],
  ['{"messageType":"ping"}', '405 ping'],
  ['{"messageType":"purge"}', '405 purge'],
  ['{"messageType":"notification","updates":[]}', '405 notification'],
  ['{"messageType":"broadcast_subscribe"}', '405 broadcast_subscribe'],
  ['{"messageType":"constructor"}', '405 constructor'],
  ['{"messageType":"__proto__"}', '405 __proto__'],
  ['{"messageType":"toString"}', '405 toString'],
  ['{"__proto__":{"messageType":"hello"}}', '405'],
  ['{"constructor":{"prototype":{"messageType":"hello"}}}', '405'],
  ['{"messageType":"hello","messageType":"bye"}', '405 bye'],
  ['{"messageType":"register"}', '457 register'],
  ['{"messageType":"register","channelID":null}', '457 register'],
  ['{"messageType":"register","channelID":""}', '457 register'],
  ['{"messageType":"register","channelID":1}', '457 register'],
  ['{"messageType":"register","channelID":["c1"]}', '457 register'],
  ['{"messageType":"register","channelID":{}}', '457 register'],
  ['{"messageType":"register","channelIDs":["c1"]}', '457 register'],
  ['{"messageType":"register","channelid":"c1"}', '457 register'],
  ['{"messageType":"register","channelID":"a\\u0000"}', '457 register'],
  ['{"messageType":"register","channelID":"\\ud800"}', '457 register'],
  ['{"messageType":"register","channelID":"c1","channelID":2}', '457 register'],
  ['{"messageType":"register","__proto__":{"channelID":"c1"}}', '457 register'],
  ['{"messageType":"unregister"}', '457 unregister'],
  ['{"messageType":"unregister","channelID":false}', '457 unregister'],
  ['{"messageType":"unregister","channelID":"\\n"}', '457 unregister'],
  ['{"messageType":"hello","channelIDs":"c1"}', '457 hello'],
  ['{"messageType":"ack"}', '457 ack'],
  ['{"messageType":"ack","updates":null}', '457 ack'],
  ['{"messageType":"ack","updates":{}}', '457 ack'],
  ['{"messageType":"ack","updates":"c1"}', '457 ack'],
  ['{"messageType":"ack","updates":[null]}', '457 ack'],
  ['{"messageType":"ack","updates":[1]}', '457 ack'],
  ['{"messageType":"ack","updates":[[]]}', '457 ack'],
  ['{"messageType":"ack","updates":["c1"]}', '457 ack'],
  ['{"messageType":"ack","updates":[{"version":"1"}]}', '457 ack'],
  ['{"messageType":"ack","updates":[{"channelID":null,"version":"1"}]}', '457 ack'],
  ['{"messageType":"ack","updates":[{"channelID":"","version":"1"}]}', '457 ack'],
];

t.test('each bad frame has its status', async (t) => {
  for (const [text, answer] of badFrames) t.equal(refusal(decode(text)), answer, text);
});

t.test('what is too long for a channelID is a bad channel', async (t) => {
  for (const messageType of ['register', 'unregister']) {
    const message = decodeValue({ messageType, channelID: 'c'.repeat(129) });
    t.equal(refusal(message), `457 ${messageType}`);
  }
});

t.test('bytes that are no UTF-8 are no JSON', async (t) => {
  const overlong = [0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d];
  const surrogate = [0x22, 0xed, 0xa0, 0x80, 0x22];
  for (const bytes of [[0xff], [0xc3, 0x28], overlong, surrogate, [0x50, 0x49, 0x4e, 0x47, 0x80]]) {
    t.equal(refusal(simplePush.decode(Buffer.from(bytes), false)), '450');
  }
});

t.test('a binary frame is refused, whatever it holds', async (t) => {
  for (const text of ['{}', 'PING', '', '{"messageType":"hello"}', '\xff']) {
    t.equal(refusal(simplePush.decode(Buffer.from(text), true)), '463');
  }
});

t.test('deep nesting and many keys do no harm', async (t) => {
  const deep = 10_000;
  t.equal(refusal(decode('['.repeat(deep))), '450');
  t.equal(refusal(decode('{"a":'.repeat(deep))), '450');
  const nested = `${'['.repeat(deep)}${']'.repeat(deep)}`;
  t.equal(refusal(decode(nested)), '450');
  t.match(decode(`{"messageType":"hello","uaid":${nested}}`), { messageType: 'hello' });
  t.equal(refusal(decode(`{"messageType":${nested}}`)), '405');
  const keys = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, i]));
  t.equal(refusal(decodeValue(keys)), '405');
});

t.test('a key __proto__ changes no object', async (t) => {
  const wakeup = '{"ip":"10.1.2.3","port":1}';
  const message = decode(
    `{"messageType":"hello","wakeup_hostport":{"__proto__":${wakeup}},"mobilenetwork":` +
      '{"__proto__":{"mcc":"214","mnc":"07"}},"__proto__":{"polluted":true}}',
  );
  t.match(message, { messageType: 'hello', wakeup: undefined });
  t.notOk('polluted' in {});
});

t.test('of two equal keys the last counts', async (t) => {
  t.match(decode('{"messageType":"register","channelID":"a","channelID":"b"}'), { channel: 'b' });
});

t.test('a hello is answered 200, or 201 when the device can be woken', async (t) => {
  const encode = (isWakeable: boolean) =>
    frameOf({ messageType: 'hello', uaid: 'u', isWakeable, wakeupAuth: undefined });
  t.equal(encode(false), '{"messageType":"hello","uaid":"u","status":200}');
  t.equal(encode(true), '{"messageType":"hello","uaid":"u","status":201}');
});

t.test('the answer to hello tells what authenticated wakeups are known by', async (t) => {
  const wakeupAuth = { key: Buffer.alloc(32, 0xfb), counter: 17 };
  const text = frameOf({
    ...{ messageType: 'hello' as const, uaid: 'u', isWakeable: true, wakeupAuth },
  });
  const wakeup_auth = { key: wakeupAuth.key.toString('base64url'), counter: 17 };
  t.same(JSON.parse(text), { messageType: 'hello', uaid: 'u', status: 201, wakeup_auth });
});

t.test('wakeup_hostport asks for proof and auth with true, each for itself', async (t) => {
  const read = (more: object) => {
    const wakeup_hostport = { ...here, ...more };
    const message = decodeValue({ messageType: 'hello', wakeup_hostport, mobilenetwork: home });
    return message as { canProve?: boolean; isAuthenticated?: boolean; wakeup?: object };
  };
  t.match(read({ proof: true }), { canProve: true, isAuthenticated: false });
  t.match(read({ auth: true }), { canProve: false, isAuthenticated: true });
  for (const other of [false, 'true', 1, null, {}, [true]]) {
    const message = read({ proof: other, auth: other });
    t.match(message, { canProve: false, isAuthenticated: false }, JSON.stringify(other));
    t.ok(message.wakeup, 'and the address is read');
  }
});

t.test(
  'wakeupProof hands on its nonce; what is no text is a nonce that proves nothing',
  async (t) => {
    const nonce = 'AAAAAAAAAAAAAAAAAAAAAA';
    t.same(decodeValue({ messageType: 'wakeupProof', nonce }), {
      messageType: 'wakeupProof',
      nonce,
    });
    for (const bad of [undefined, null, 5, {}, [nonce]]) {
      const message = decodeValue({ messageType: 'wakeupProof', nonce: bad });
      t.same(message, { messageType: 'wakeupProof', nonce: '' });
    }
  },
);

t.test('register is answered 200 with the endpoint', async (t) => {
  const pushEndpoint = 'https://push.example/v1/notify/t';
  t.equal(
    frameOf({ messageType: 'register', channel: c1, pushEndpoint }),
    `{"messageType":"register","status":200,"pushEndpoint":"${pushEndpoint}","channelID":"c1"}`,
  );
});

t.test('unregister is answered 202', async (t) => {
  t.equal(
    frameOf({ messageType: 'unregister', channel: c1 }),
    '{"messageType":"unregister","channelID":"c1","status":202}',
  );
});

t.test('a notification writes its versions as decimal texts', async (t) => {
  const updates = [
    { channel: c1, version: 0 },
    { channel: channel('c2'), version: versionMax },
  ];
  t.equal(
    frameOf({ messageType: 'notification', updates, messages: [] }),
    '{"messageType":"notification","updates":[{"channelID":"c1","version":"0"},' +
      '{"channelID":"c2","version":"9007199254740991"}]}',
  );
});

t.test('a text is a desktopNotification with an id of its own', async (t) => {
  const [id, other] = [newMessageId(sampleMs), newMessageId(sampleMs)];
  const text = (id: MessageId, body: string) =>
    ({ id, channel: c1, kind: 'text', body: Buffer.from(body), encoding: {} }) as const;
  const messages = [text(id, 'Grüße ☎'), text(other, '')];
  const frames = simplePush.encode({
    messageType: 'notification',
    updates: [{ channel: c1, version: 1 }],
    messages,
  });
  t.same(frames, [
    '{"messageType":"notification","updates":[{"channelID":"c1","version":"1"}]}',
    '{"messageType":"desktopNotification","updates":[{"channelID":"c1",' +
      `"_internal_id":"${id}","body":"Grüße ☎"}]}`,
    '{"messageType":"desktopNotification","updates":[{"channelID":"c1",' +
      `"_internal_id":"${other}","body":""}]}`,
  ]);
});

t.test('a text is acknowledged by its id, in the field it came in or as a version', async (t) => {
  const id = newMessageId(sampleMs);
  for (const entry of [{ _internal_id: id }, { version: id }, { _internal_id: id, version: '5' }]) {
    for (const channel of [{ channelID: 'c1' }, { channelID: '' }, {}]) {
      t.same(decodeValue({ messageType: 'ack', updates: [{ ...channel, ...entry }] }), {
        ...{ messageType: 'ack', updates: [], messages: [{ id, code: undefined }] },
      });
    }
  }
  const noChannel = { messageType: 'ack', updates: [{ _internal_id: 'x' }] };
  t.match(decodeValue(noChannel), { messageType: 'error', error: 'bad-channel' });
  t.match(decodeValue({ messageType: 'ack', updates: [{ channelID: 'c1', _internal_id: 'x' }] }), {
    ...{ updates: [], messages: [] },
  });
});

t.test('many updates are frames of at most 200', async (t) => {
  const updates = Array.from({ length: 401 }, (_, version) => ({ channel: c1, version }));
  const frames = simplePush.encode({ messageType: 'notification', updates, messages: [] });
  t.same(
    frames.map((frame) => JSON.parse(frame).updates.length),
    [200, 200, 1],
  );
});

t.test('each keep-alive is answered in its own form', async (t) => {
  t.equal(frameOf({ messageType: 'pong', form: 'text' }), 'PONG');
  t.equal(frameOf({ messageType: 'pong', form: 'json' }), '{}');
});

t.test('an error tells its status and reason, and the type where there was one', async (t) => {
  const encode = (message: Omit<ProtocolError, 'messageType'>) =>
    frameOf({ messageType: 'error', ...message });
  t.equal(
    encode({ error: 'not-json', inReplyTo: undefined }),
    '{"status":450,"reason":"not a JSON object"}',
  );
  t.equal(
    encode({ error: 'bad-channel', inReplyTo: 'register' }),
    '{"messageType":"register","status":457,"reason":"not a valid channelID"}',
  );
  const statuses = { 'unknown-type': 405, 'not-ready': 408, 'hello-first': 459, binary: 463 };
  for (const [error, status] of Object.entries({ ...statuses, 'cannot-register': 460 })) {
    const frame = encode({ error: error as keyof typeof protocolErrors, inReplyTo: 'x' });
    t.match(JSON.parse(frame), { messageType: 'x', status });
  }
});

t.test('an odd messageType comes back as it was, in valid JSON', async (t) => {
  for (const messageType of ['"\\', '\ud800', '\u2028</script>', '\0', 'é'.repeat(3000)]) {
    const message = decodeValue({ messageType });
    if (message.messageType !== 'error') return t.fail('read as a message');
    t.match(JSON.parse(frameOf(message)), { messageType, status: 405 });
  }
});

const types = new Set(['hello', 'register', 'unregister', 'ack', 'ping', 'error']);

/** Whether a decoded message is one the session may take: of a known type, its channels and numbers in range. */
function isSound(message: DeviceMessage | ProtocolError): boolean {
  if (!types.has(message.messageType)) return false;
  if (message.messageType === 'ack') {
    return message.updates.every(
      ({ channel, version }) => channel.length > 0 && version >= 0 && version <= versionMax,
    );
  }
  if (message.messageType !== 'error') return true;
  return JSON.parse(frameOf(message)).status >= 400;
}

t.test('any bytes are a message or a protocol error', async () => {
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(frames, fc.boolean(), (data, isBinary) => {
      return isSound(simplePush.decode(data, isBinary));
    }),
    { numRuns: 2000 },
  );
});

t.test('any object with the fields of the protocol is a message or a protocol error', async () => {
  const values = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>('hello', 'ack', 'c1', here, home, [{ channelID: 'c', version: '1' }]),
    fc.array(fc.record({ channelID: fc.jsonValue(), version: fc.jsonValue() })),
  );
  const objects = fc.record(
    {
      messageType: fc.oneof(
        {
          weight: 4,
          arbitrary: fc.constantFrom<unknown>('hello', 'register', 'unregister', 'ack'),
        },
        values,
      ),
      uaid: values,
      channelIDs: values,
      channelID: values,
      updates: values,
      wakeup_hostport: values,
      mobilenetwork: values,
      protocol: values,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(objects, (object) => isSound(decodeValue(object))),
    { numRuns: 2000 },
  );
});
