import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { createHandset } from '../../handset/client.js';
import type { DialectName } from '../../handset/dialects/dialects.js';
import { simplePush } from '../../handset/dialects/simple-push.js';
import { createWebPush } from '../../handset/dialects/web-push.js';
import { parseServerMessage } from '../../handset/messages.js';
import { CodedError } from '../../shared/errors.js';
import { openScriptedCentral } from '../support/scripted-central.js';
import { greet, next, openRig } from './rig.js';

const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
const badFrames: (string | Buffer)[] = [
  '',
  ' ',
  '\0',
  'PING',
  'pong',
  'undefined',
  'NaN',
  '{',
  '}',
  '{"messageType":}',
  '{"messageType":"hello"',
  "{'messageType':'hello'}",
  '{"messageType":"notification","updates":[}',
  '{}{}',
  '\uFEFF{}',
  deep,
  'null',
  'true',
  '0',
  '-1e999',
  '"hello"',
  '[]',
  '[{"messageType":"hello"}]',
  '{"messageType":null}',
  '{"messageType":1}',
  '{"messageType":{}}',
  '{"messageType":["hello"]}',
  '{"status":200}',
  '{"status":299,"uaid":"u"}',
  '{"messageType":"hello"}',
  '{"messageType":"hello","status":200}',
  '{"messageType":"hello","status":"200","uaid":"u"}',
  '{"messageType":"hello","status":200,"uaid":""}',
  '{"messageType":"hello","status":200,"uaid":5}',
  '{"messageType":"hello","status":200,"uaid":null}',
  `{"messageType":"hello","status":200,"uaid":"${'u'.repeat(129)}"}`,
  '{"messageType":"hello","status":200,"uaid":"another"}',
  '{"messageType":"register"}',
  '{"messageType":"register","status":200}',
  '{"messageType":"register","status":200,"channelID":"c1"}',
  '{"messageType":"register","status":200,"channelID":5,"pushEndpoint":"http://x/"}',
  '{"messageType":"register","status":200,"channelID":"","pushEndpoint":"http://x/"}',
  '{"messageType":"register","status":200,"channelID":"c1","pushEndpoint":""}',
  '{"messageType":"register","status":200,"channelID":"c1","pushEndpoint":"not a url"}',
  '{"messageType":"register","status":200,"channelID":"c1","pushEndpoint":{}}',
  `{"messageType":"register","status":200,"channelID":"c1","pushEndpoint":"http://x/${'x'.repeat(2048)}"}`,
  '{"messageType":"register","status":200,"channelID":"unknown","pushEndpoint":"http://x/"}',
  '{"messageType":"register","status":202}',
  '{"messageType":"register","status":202,"channelID":"c1"}',
  '{"messageType":"unregister"}',
  '{"messageType":"unregister","status":202}',
  '{"messageType":"unregister","status":202,"channelID":[]}',
  '{"messageType":"unregister","status":202,"channelID":"c1"}',
  '{"messageType":"notification"}',
  '{"messageType":"notification","updates":null}',
  '{"messageType":"notification","updates":{}}',
  '{"messageType":"notification","updates":"c1"}',
  '{"messageType":"notification","updates":[null]}',
  '{"messageType":"notification","updates":[[]]}',
  '{"messageType":"notification","updates":[{}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1"}]}',
  '{"messageType":"notification","updates":[{"version":"1"}]}',
  '{"messageType":"notification","updates":[{"channelID":1,"version":"1"}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1","version":null}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1","version":""}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1","version":" 1"}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1","version":"0x10"}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1","version":"9007199254740992"}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1","version":1.5}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1","version":1e400}]}',
  '{"messageType":"notification","updates":[{"channelID":"c1","version":["1"]}]}',
  '{"status":450,"reason":"not JSON"}',
  '{"status":405,"reason":5}',
  '{"status":-1}',
  '{"messageType":"ack","status":457,"reason":"no such channel"}',
  '{"messageType":"register","status":457}',
  '{"messageType":"unregister","status":457,"channelID":{}}',
  '{"messageType":"hello","status":460}',
  Buffer.from('{"messageType":"notification"}'),
  Buffer.alloc(0),
  Buffer.from([0xff, 0xfe, 0x00]),
];

t.test('every bad frame is an error event, and the conversation goes on', async (t) => {
  t.ok(badFrames.length >= 40);
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  for (const frame of badFrames) {
    const label = String(frame).slice(0, 100);
    const error = next(rig.handset, 'error');
    device.send(frame);
    t.match(await error, { code: String, message: String }, label);
  }
  t.equal(rig.handset.state(), 'connected');
  t.equal(rig.handset.channels().length, 1);
  await rig.handset.register('c2');
  t.notOk(rig.names.includes('closed'));
  t.notOk(rig.names.includes('notification'));
});

t.test('frames that ask nothing are taken in silence', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const silent = [
    '{}',
    'PONG',
    '{"other":1}',
    '{"messageType":"broadcast","broadcasts":{}}',
    '{"messageType":"constructor"}',
    '{"messageType":"__proto__"}',
    '{"__proto__":{"messageType":"hello"}}',
    '{"messageType":"notification","updates":[]}',
  ];
  for (const frame of silent) device.send(frame);
  await rig.handset.register('c1');
  t.same(rig.names, ['hello', 'registered']);
  t.same(
    device.texts.filter((text) => text.includes('ack')),
    [],
  );
});

t.test('what comes before hello is answered changes nothing', async (t) => {
  const rig = await openRig(t, { uaid: 'u1', channelIDs: ['c1'] });
  rig.central.answers.hello = undefined;
  rig.handset.start();
  const device = await rig.central.nextDevice();
  await device.receive('hello');
  const early = [
    { messageType: 'register', status: 200, channelID: 'c1', pushEndpoint: 'http://x/' },
    { messageType: 'unregister', status: 202, channelID: 'c1' },
    { messageType: 'notification', updates: [{ channelID: 'c1', version: '1' }] },
  ];
  for (const frame of early) {
    const error = next(rig.handset, 'error');
    device.send(frame);
    t.match(await error, { code: 'unexpected-frame' });
  }
  t.same(rig.handset.channels(), [{ channelID: 'c1' }]);
  t.equal(device.texts.length, 1);
});

t.test('ends a connection whose frame is larger than frameBytesMax, and comes back', async (t) => {
  const rig = await openRig(t, { frameBytesMax: 1000 });
  const device = await greet(rig);
  const reconnecting = next(rig.handset, 'reconnecting');
  device.send('x'.repeat(1001));
  await reconnecting;
  t.same(rig.names, ['hello', 'error', 'closed', 'reconnecting']);
});

t.test('needs nobody to listen for errors', async (t) => {
  const central = await openScriptedCentral();
  const handset = createHandset({ central: central.url });
  t.teardown(async () => {
    await handset.stop();
    await central.close();
  });
  const hello = next(handset, 'hello');
  handset.start();
  await hello;
  const device = await central.nextDevice();
  for (const frame of badFrames) device.send(frame);
  // Its ack says that all before it was read.
  device.send({ messageType: 'notification', updates: [{ channelID: 'last', version: '1' }] });
  await device.receive('ack');
  t.match(await handset.register('c1'), { channelID: 'c1' });
});

t.test('shortens what the server gives as a reason', async (t) => {
  const text = JSON.stringify({ status: 450, reason: 'x'.repeat(5000) });
  const message = parseServerMessage(text, simplePush.readers);
  t.ok(!(message instanceof CodedError) && message.messageType === 'refusal');
  t.match(message, { error: { code: 'not-json', message: /^the server answers 450: x{200}$/ } });
});

const anyKey = fc.constantFrom(
  ...['messageType', 'status', 'uaid', 'channelID', 'pushEndpoint', 'updates', 'version', 'reason'],
  ...['wakeup_auth', 'key', 'counter', 'use_webpush', '_internal_id', 'body'],
  ...['data', 'headers', 'encoding', 'encryption', 'crypto_key'],
);
const anyWord = fc.constantFrom(
  ...['hello', 'register', 'unregister', 'notification', 'desktopNotification', 'ack'],
  ...['c1', '1', 'http://x/', 'aes128gcm', 'aesgcm', 'salt=AAAA;rs=18', 'dh=BAAA', ''],
);
const anyValue = fc.oneof(anyWord, fc.constantFrom(200, 201, 202, 408, 457), fc.jsonValue());
const anyUpdates = fc.array(fc.oneof(fc.dictionary(anyKey, anyValue), fc.jsonValue()));
const anyFrame = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.dictionary(anyKey, fc.oneof(anyValue, anyUpdates)).map((frame) => JSON.stringify(frame)),
);

t.test('no text makes the parser throw', async (t) => {
  for (const { readers } of [simplePush, createWebPush({ key: undefined })]) {
    fc.assert(
      fc.property(anyFrame, (text) => {
        const message = parseServerMessage(text, readers);
        return message instanceof CodedError || typeof message.messageType === 'string';
      }),
      { numRuns: 5000 },
    );
  }
  t.pass('holds');
});

t.test('no frames end a handset', (t) => survivesFrames(t, 'simplepush', 'probe'));

t.test('no frames end a handset of Web Push', (t) => survivesFrames(t, 'webpush', randomUUID()));

async function survivesFrames(t: Test, dialect: DialectName, channelID: string): Promise<void> {
  const rig = await openRig(t, { dialect, server: { isWebPush: dialect === 'webpush' } });
  const device = await greet(rig);
  const anyFrames = fc.array(fc.oneof(anyFrame, fc.uint8Array().map(Buffer.from)), {
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(anyFrames, async (frames) => {
      for (const frame of frames) device.send(frame);
      // A frame of the run may have been taken for its answer: then it is answered twice, or refused.
      await rig.handset.register(channelID).catch(() => {});
      return rig.handset.state() === 'connected';
    }),
    { numRuns: 100 },
  );
  t.notOk(rig.names.includes('closed'));
}
