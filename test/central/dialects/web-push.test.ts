// The frames of Web Push clients, as Firefox and KaiOS phones write and read them.
import { createECDH, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { dialects } from '../../../central/dialects/dialects.js';
import { simplePush } from '../../../central/dialects/simple-push.js';
import { webPush } from '../../../central/dialects/web-push.js';
import { type ProtocolErrorName, protocolErrors } from '../../../central/protocol/codes.js';
import { newMessageId } from '../../../central/protocol/ids.js';
import {
  type BodyEncoding,
  type DeviceMessage,
  type ProtocolError,
  type ServerMessage,
  versionMax,
} from '../../../central/protocol/messages.js';
import { channel, sampleMs, wakeupAddress } from '../../support/central-samples.js';

const uuid = 'd9b74644-4f97-46aa-b8fa-9393985cd6cd';
const c1 = channel(uuid);
const id = newMessageId(sampleMs);

const decode = (text: string) => webPush.decode(Buffer.from(text), false);
const decodeValue = (value: unknown) => decode(JSON.stringify(value));
const framesOf = (message: ServerMessage) => webPush.encode(message);

/** A refusal as the device sees it: its status, and the type it answers. */
function refusal(message: DeviceMessage | ProtocolError): string | undefined {
  if (message.messageType !== 'error') return undefined;
  return `${protocolErrors[message.error].status} ${message.inReplyTo ?? ''}`.trim();
}

const plain = { channels: undefined, wakeup: undefined, canProve: false, isAuthenticated: false };

t.test('a hello of Firefox asks for Web Push, in whichever dialect it is read', async (t) => {
  const texts = [
    '{"messageType":"hello","broadcasts":{"remote-settings/monitor_changes":"\\"1\\""},"use_webpush":true}',
    '{"messageType":"hello","broadcasts":{},"use_webpush":true,"uaid":"f1"}',
  ];
  for (const [i, text] of texts.entries()) {
    for (const dialect of [simplePush, webPush]) {
      t.same(dialect.decode(Buffer.from(text), false), {
        ...{ messageType: 'hello', dialect: 'web-push', uaid: i === 0 ? undefined : 'f1' },
        ...plain,
      });
    }
  }
  t.equal(dialects.named('web-push'), webPush);
  t.equal(dialects.first, simplePush);
});

t.test('a hello of a KaiOS phone says its address, too', async (t) => {
  const message = decode(
    '{"messageType":"hello","use_webpush":true,"uaid":"f1","wakeup_hostport":' +
      '{"ip":"10.1.2.3","port":8080},"mobilenetwork":{"mcc":"214","mnc":"07","netid":"net-b"}}',
  );
  t.match(message, {
    dialect: 'web-push',
    wakeup: wakeupAddress('10.1.2.3', { network: '214-07/net-b' }),
  });
});

t.test('any other use_webpush is a hello of Simple Push', async (t) => {
  for (const use_webpush of [false, null, 'true', 1, {}, [true], undefined]) {
    const message = decodeValue({ messageType: 'hello', use_webpush });
    t.match(message, { dialect: 'simple-push' }, JSON.stringify(use_webpush));
  }
});

t.test('hello is answered with use_webpush, 200 or 201, and no broadcasts', async (t) => {
  const encode = (isWakeable: boolean) =>
    framesOf({ messageType: 'hello', uaid: 'u', isWakeable, wakeupAuth: undefined });
  const frame = (status: number) =>
    `{"messageType":"hello","uaid":"u","status":${status},"use_webpush":true,"broadcasts":{}}`;
  t.same(encode(false), [frame(200)]);
  t.same(encode(true), [frame(201)]);
  const wakeupAuth = { key: Buffer.alloc(32, 0xfb), counter: 17 };
  const [text = ''] = framesOf({ messageType: 'hello', uaid: 'u', isWakeable: true, wakeupAuth });
  t.match(JSON.parse(text), {
    use_webpush: true,
    wakeup_auth: { key: wakeupAuth.key.toString('base64url'), counter: 17 },
  });
});

const ecdh = createECDH('prime256v1');
ecdh.generateKeys();
const point = ecdh.getPublicKey();
const key = point.toString('base64url');

t.test('the key of a register is read in every way that clients write it', async (t) => {
  const written = [key, `${key}=`, point.toString('base64'), point.toString('base64').slice(0, 87)];
  for (const said of written) {
    const message = decodeValue({ messageType: 'register', channelID: uuid, key: said });
    t.same(message, { messageType: 'register', channel: uuid, key }, said);
  }
  for (const said of [undefined, null]) {
    const message = decodeValue({ messageType: 'register', channelID: uuid, key: said });
    t.same(message, { messageType: 'register', channel: uuid, key: undefined });
  }
});

t.test('a key that is none is refused with 400, and the channel is said', async (t) => {
  const compressed = ecdh.getPublicKey('base64url', 'compressed');
  const off = Buffer.from(point);
  off.writeUInt8((off.at(-1) ?? 0) ^ 1, 64);
  const hybrid = Buffer.from(point);
  hybrid.writeUInt8(6 | ((point.at(-1) ?? 0) & 1), 0);
  const bytes = [off, hybrid, point.subarray(1), Buffer.concat([point, point]), randomBytes(64)];
  const texts = [...bytes.map((some) => some.toString('base64url')), compressed];
  const bad = [...texts, '', 'x', `${key}==`, ` ${key}`, `${key}\n`, `${key.slice(0, 86)}!`];
  for (const said of [...bad, 5, true, false, [], [key], {}]) {
    const message = decodeValue({ messageType: 'register', channelID: uuid, key: said });
    t.equal(refusal(message), '400 register', JSON.stringify(said));
    t.match(message, { channel: uuid });
  }
  t.equal(refusal(decodeValue({ messageType: 'register', key })), '457 register');
});

t.test('register and unregister are answered 200', async (t) => {
  const pushEndpoint = 'https://push.example/wpush/v1/t';
  t.same(framesOf({ messageType: 'register', channel: c1, pushEndpoint }), [
    `{"messageType":"register","channelID":"${uuid}","status":200,"pushEndpoint":"${pushEndpoint}"}`,
  ]);
  t.same(decodeValue({ messageType: 'unregister', channelID: uuid, code: 201 }), {
    ...{ messageType: 'unregister', channel: uuid },
  });
  t.same(framesOf({ messageType: 'unregister', channel: c1 }), [
    `{"messageType":"unregister","channelID":"${uuid}","status":200}`,
  ]);
});

function messageOf(body: Uint8Array | undefined, encoding: BodyEncoding = {}) {
  return { id, channel: c1, kind: 'push', body, encoding } as const;
}

const notification = (message: ReturnType<typeof messageOf>) =>
  framesOf({ messageType: 'notification', updates: [], messages: [message] }).map((frame) =>
    JSON.parse(frame),
  );

t.test('a message is a frame with its data and how it is encoded', async (t) => {
  const body = Uint8Array.of(0xfb, 0xff, 0, 1);
  const common = { messageType: 'notification', channelID: uuid, version: id };
  const data = '-_8AAQ';
  t.same(notification(messageOf(body, { encoding: 'aes128gcm' })), [
    { ...common, data, headers: { encoding: 'aes128gcm' } },
  ]);
  const aesgcm = { encoding: 'aesgcm', encryption: 'salt=s', cryptoKey: 'dh=d' };
  t.same(notification(messageOf(body, aesgcm)), [
    { ...common, data, headers: { encoding: 'aesgcm', encryption: 'salt=s', crypto_key: 'dh=d' } },
  ]);
  t.same(notification(messageOf(body)), [{ ...common, data, headers: {} }], 'also when unknown');
});

t.test('a body that lies inside a larger buffer is written alone', async (t) => {
  const [frame] = notification(messageOf(Buffer.from('before inside after').subarray(7, 13)));
  t.equal(Buffer.from(String(frame?.data), 'base64url').toString(), 'inside');
});

t.test('a message without a body has neither data nor headers', async (t) => {
  for (const body of [undefined, new Uint8Array()]) {
    t.same(notification(messageOf(body, { encoding: 'aes128gcm' })), [
      { messageType: 'notification', channelID: uuid, version: id },
    ]);
  }
});

t.test('each version and each message is a frame of its own', async (t) => {
  const updates = [
    { channel: c1, version: 0 },
    { channel: channel('c2'), version: versionMax },
  ];
  const frames = framesOf({
    messageType: 'notification',
    updates,
    messages: [messageOf(undefined)],
  });
  t.same(frames, [
    `{"messageType":"notification","channelID":"${uuid}","version":"0"}`,
    '{"messageType":"notification","channelID":"c2","version":"9007199254740991"}',
    `{"messageType":"notification","channelID":"${uuid}","version":"${id}"}`,
  ]);
});

t.test('an ack is one of a message by its id, or of a version by its number', async (t) => {
  const ack = (...updates: object[]) => decodeValue({ messageType: 'ack', updates });
  const entry = (version: unknown, code?: unknown) => ({ channelID: uuid, version, code });
  t.same(ack(entry(id, 100)), {
    ...{ messageType: 'ack', updates: [], messages: [{ id, code: 100 }] },
  });
  t.same(ack(entry(id.toUpperCase(), 101), entry('5', 102), entry(6), entry('x', 100)), {
    messageType: 'ack',
    updates: [
      { channel: uuid, version: 5 },
      { channel: uuid, version: 6 },
    ],
    messages: [{ id, code: 101 }],
  });
  for (const code of [undefined, null, 103, 99, '100', 301, {}]) {
    t.match(ack(entry(id, code)), { messages: [{ id, code: undefined }] }, 'any code is an ack');
  }
  t.match(ack({ version: id }), { messages: [{ id }] }, 'the id says enough');
  t.equal(refusal(ack({ version: '5' })), '457 ack');
});

t.test('a nack names a message and a code', async (t) => {
  for (const code of [301, 302, 303]) {
    t.same(decodeValue({ messageType: 'nack', version: id, code }), {
      ...{ messageType: 'nack', message: { id, code } },
    });
  }
  t.match(decodeValue({ messageType: 'nack', version: id, code: 100 }), {
    ...{ messageType: 'nack', message: { id, code: undefined } },
  });
  for (const version of ['5', 5, undefined, uuid, {}]) {
    t.same(decodeValue({ messageType: 'nack', version, code: 301 }), { messageType: 'nothing' });
  }
});

t.test('broadcast_subscribe asks for nothing that there is', async (t) => {
  const broadcasts = { 'remote-settings/monitor_changes': '"0"' };
  t.same(decodeValue({ messageType: 'broadcast_subscribe', broadcasts }), {
    messageType: 'nothing',
  });
});

t.test('each keep-alive is answered in its own form, that with a name in JSON', async (t) => {
  t.same(decode('PING'), { messageType: 'ping', form: 'text' });
  for (const text of ['{}', ' { } ', '{"messageType":"ping"}']) {
    t.same(decode(text), { messageType: 'ping', form: 'json' }, text);
  }
  t.same(framesOf({ messageType: 'pong', form: 'json' }), ['{}']);
  t.same(framesOf({ messageType: 'pong', form: 'text' }), ['PONG']);
});

t.test('an error says the channel where there was one', async (t) => {
  const encode = (error: ProtocolErrorName, more: Partial<ProtocolError>) =>
    framesOf({ messageType: 'error', error, inReplyTo: 'register', ...more });
  t.same(encode('bad-key', { channel: c1 }), [
    '{"messageType":"register","status":400,"reason":"not a P-256 public key in base64url",' +
      `"channelID":"${uuid}"}`,
  ]);
  t.same(encode('not-json', { inReplyTo: undefined }), [
    '{"status":450,"reason":"not a JSON object"}',
  ]);
});

t.test('what is not the protocol is refused as in Simple Push', async (t) => {
  const frames: [string, string][] = [
    ['', '450'],
    ['[]', '450'],
    ['null', '450'],
    ['PONG', '450'],
    ['{"uaid":"x"}', '405'],
    ['{"messageType":"Hello"}', '405 Hello'],
    ['{"messageType":"broadcast"}', '405 broadcast'],
    ['{"messageType":"__proto__"}', '405 __proto__'],
    ['{"messageType":"hello","channelIDs":"c1"}', '457 hello'],
    ['{"messageType":"unregister"}', '457 unregister'],
    ['{"messageType":"ack","updates":{}}', '457 ack'],
    ['{"messageType":"ack","updates":[null]}', '457 ack'],
  ];
  for (const [text, answer] of frames) t.equal(refusal(decode(text)), answer, text);
  t.equal(refusal(webPush.decode(Buffer.from('{}'), true)), '463');
});

const types = new Set(
  'hello register unregister ack nack ping nothing wakeupProof error'.split(' '),
);

/** Whether a decoded message is one the session may take. */
function isSound(message: DeviceMessage | ProtocolError): boolean {
  if (!types.has(message.messageType)) return false;
  if (message.messageType === 'register') return message.key === undefined || message.key === key;
  if (message.messageType === 'ack') {
    return message.updates.every(
      ({ channel, version }) => channel.length > 0 && version >= 0 && version <= versionMax,
    );
  }
  return message.messageType !== 'error' || JSON.parse(framesOf(message)[0] ?? '').status >= 400;
}

t.test('any bytes are a message or a protocol error', async () => {
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(frames, fc.boolean(), (data, isBinary) => isSound(webPush.decode(data, isBinary))),
    { numRuns: 2000 },
  );
});

t.test('any object with the fields of the protocol is a message or a protocol error', async () => {
  const entry = { channelID: uuid, version: id, code: 100 };
  const values = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>('hello', uuid, id, key, true, 301, entry, [entry]),
    fc.array(fc.record({ channelID: fc.jsonValue(), version: fc.jsonValue() })),
  );
  const known = ['hello', 'register', 'unregister', 'ack', 'nack', 'broadcast_subscribe', 'ping'];
  const objects = fc.record(
    {
      messageType: fc.oneof({ weight: 4, arbitrary: fc.constantFrom<unknown>(...known) }, values),
      ...{ uaid: values, use_webpush: values, channelIDs: values, channelID: values },
      ...{ key: values, updates: values, version: values, code: values },
      ...{ wakeup_hostport: values, mobilenetwork: values, broadcasts: values },
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(objects, (object) => isSound(decodeValue(object))),
    { numRuns: 2000 },
  );
});
