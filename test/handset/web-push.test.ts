import { createECDH, randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import type { HandsetOptions } from '../../handset/options.js';
import type { SubscriptionKeys } from '../../handset/push-keys.js';
import { scriptedEndpoint } from '../support/scripted-central.js';
import { encryptFor, notificationOf } from '../support/web-push-encryption.js';
import { say } from './air.js';
import { announcedPort, greet, network, next, openRig, type Rig } from './rig.js';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const vapidKey = createECDH('prime256v1').generateKeys('base64url');

function openWebPush(t: Test, options: Partial<HandsetOptions> = {}): Promise<Rig> {
  return openRig(t, { dialect: 'webpush', server: { isWebPush: true }, ...options });
}

/** A handset with one channel. */
async function subscribed(t: Test) {
  const rig = await openWebPush(t);
  const device = await greet(rig);
  const { channelID, pushEndpoint, keys } = await rig.handset.register();
  return { ...rig, device, channelID, pushEndpoint, keys: keys as SubscriptionKeys };
}

const ackOf = (channelID: string, version: string, code: number) => ({
  messageType: 'ack',
  updates: [{ channelID, version, code }],
});

t.test('hello asks for Web Push and never lists channels', async (t) => {
  const channelIDs = [randomUUID()];
  const rig = await openWebPush(t, { uaid: 'u1', channelIDs });
  const hello = await (await greet(rig)).receive('hello');
  t.same(hello, { messageType: 'hello', uaid: 'u1', use_webpush: true });
});

t.test('in a mobile network hello says where it can be woken, as in Simple Push', async (t) => {
  const rig = await openWebPush(t, { network: { ...network, netid: 'net-b' } });
  const hello = await (await greet(rig)).receive('hello');
  t.match(hello, {
    use_webpush: true,
    wakeup_hostport: { ip: '127.0.0.1', port: Number, proof: true, auth: true },
    mobilenetwork: { mcc: '214', mnc: '07', netid: 'net-b' },
    protocol: 'udp',
  });
  t.notOk('channelIDs' in hello);
});

t.test('registers a UUID in lower case and tells what an app server needs', async (t) => {
  const rig = await openWebPush(t);
  const device = await greet(rig);
  const told = next(rig.handset, 'registered');
  const registration = await rig.handset.register();
  const { channelID } = registration;
  t.match(channelID, uuidPattern);
  t.same(await device.receive('register'), { messageType: 'register', channelID });
  t.match(registration, {
    pushEndpoint: scriptedEndpoint(rig.handset.uaid(), channelID),
    keys: { p256dh: /^[\w-]{87}$/, auth: /^[\w-]{22}$/ },
  });
  t.same(await told, registration);
  t.same(rig.handset.channels(), [registration]);
  t.same(Object.keys(rig.handset.keys()), [channelID]);
});

t.test('registers with the key of the app server, again with a new uaid too', async (t) => {
  const rig = await openWebPush(t, { key: vapidKey });
  const device = await greet(rig);
  const before = await rig.handset.register();
  const register = { messageType: 'register', channelID: before.channelID, key: vapidKey };
  t.same(await device.receive('register'), register);
  rig.central.answers.hello = () => {
    return { messageType: 'hello', uaid: 'u2', status: 200, use_webpush: true };
  };
  const lost = next(rig.handset, 'reconnecting');
  device.drop();
  const { delayMs } = await lost;
  const registered = next(rig.handset, 'registered');
  rig.clock.advance(delayMs);
  t.same(await (await rig.central.nextDevice()).receive('register'), register);
  t.match(await registered, { keys: before.keys });
});

t.test('rejects a register whose key is refused', async (t) => {
  const rig = await openWebPush(t, { key: vapidKey });
  await greet(rig);
  rig.central.answers.register = () => ({ messageType: 'register', status: 400 });
  await t.rejects(rig.handset.register(), { code: 'bad-key' });
  t.same(rig.handset.channels(), []);
});

t.test('unregisters, and forgets the keys', async (t) => {
  const { handset, device, channelID } = await subscribed(t);
  const told = next(handset, 'unregistered');
  await handset.unregister(channelID);
  t.same(await told, { channelID });
  t.match(await device.receive('unregister'), { messageType: 'unregister', channelID });
  t.same([handset.channels(), handset.keys()], [[], {}]);
});

t.test('decrypts what comes in either encoding, and acks it with 100', async (t) => {
  const { handset, device, channelID, pushEndpoint, keys } = await subscribed(t);
  for (const encoding of ['aes128gcm', 'aesgcm'] as const) {
    const told = next(handset, 'message');
    device.send(notificationOf(channelID, encoding, encryptFor(keys, 'Grüße', encoding)));
    const data = Buffer.from('Grüße');
    t.same(await told, { channelID, pushEndpoint, id: encoding, data });
    t.same(await device.receive('ack'), ackOf(channelID, encoding, 100));
  }
});

t.test('tells a notification without data, such as a version, without data', async (t) => {
  const { handset, device, channelID, pushEndpoint } = await subscribed(t);
  const told = next(handset, 'message');
  device.send({ messageType: 'notification', channelID, version: '7' });
  t.same(await told, { channelID, pushEndpoint, id: '7' });
  t.same(await device.receive('ack'), ackOf(channelID, '7', 100));
});

t.test('acks what it cannot read with 101, and tells it as an error', async (t) => {
  const { names, errors, device, channelID, keys } = await subscribed(t);
  const body = encryptFor(keys, 'hello');
  body.data.writeUInt8(body.data.readUInt8(90) ^ 1, 90);
  device.send(notificationOf(channelID, 'm1', body));
  t.same(await device.receive('ack'), ackOf(channelID, 'm1', 101));
  device.send({ ...notificationOf(channelID, 'm2', body), headers: {} });
  t.same(await device.receive('ack'), ackOf(channelID, 'm2', 101));
  const message = new RegExp(`^message m1 of ${channelID}: cannot be decrypted: `);
  t.match(errors, [{ code: 'not-decrypted', message }, { code: 'not-decrypted' }]);
  t.notOk(names.includes('message'));
});

t.test('tells a message once, and acks it with 102 when it comes again', async (t) => {
  const { handset, device, channelID } = await subscribed(t);
  const told: string[] = [];
  handset.on('message', ({ id }) => told.push(id));
  for (const [version, code] of [
    ['m1', 100],
    ['m2', 100],
    ['m1', 102],
    ['1', 100],
  ] as const) {
    device.send({ messageType: 'notification', channelID, version });
    t.same(await device.receive('ack'), ackOf(channelID, version, code));
  }
  t.same(told, ['m1', 'm2', '1']);
});

t.test('remembers the last hundred ids of each channel, over a reconnect too', async (t) => {
  const { handset, central, clock, device, channelID } = await subscribed(t);
  const { channelID: another } = await handset.register();
  for (let i = 0; i <= 100; i++) {
    device.send({ messageType: 'notification', channelID, version: `m${i}` });
    await device.receive('ack');
  }
  const lost = next(handset, 'reconnecting');
  device.drop();
  clock.advance((await lost).delayMs);
  const again = await central.nextDevice();
  await again.receive('hello');
  for (const [channel, version, code] of [
    [channelID, 'm1', 102],
    [channelID, 'm0', 100],
    [another, 'm1', 100],
  ] as const) {
    again.send({ messageType: 'notification', channelID: channel, version });
    t.same(await again.receive('ack'), ackOf(channel, version, code));
  }
});

t.test('acks a channel that is none of its own with 102, and does not take it up', async (t) => {
  const rig = await openWebPush(t, { uaid: 'u1' });
  const device = await greet(rig);
  const channelID = randomUUID();
  device.send({ messageType: 'notification', channelID, version: 'm1' });
  t.same(await device.receive('ack'), ackOf(channelID, 'm1', 102));
  t.same([rig.names, rig.handset.channels()], [['hello'], []]);
});

t.test('acks after telling, so that what was not told is sent again', async (t) => {
  const { handset, device, channelID } = await subscribed(t);
  const before = device.texts.length;
  let sentBefore = -1;
  handset.on('message', () => {
    sentBefore = device.texts.length;
  });
  device.send({ messageType: 'notification', channelID, version: 'm1' });
  await device.receive('ack');
  t.equal(sentBefore, before);
});

t.test('reads messages with the keys of an earlier run', async (t) => {
  const first = await subscribed(t);
  const { channelID } = first;
  const keys = first.handset.keys();
  const rig = await openWebPush(t, { uaid: 'u1', channelIDs: [channelID], keys });
  const registered = next(rig.handset, 'registered');
  const device = await greet(rig);
  t.same((await registered).keys, first.keys);
  const told = next(rig.handset, 'message');
  device.send(notificationOf(channelID, 'm1', encryptFor(first.keys, 'from before')));
  t.equal(String((await told).data), 'from before');
});

t.test('a frame that is no notification of Web Push is an error, and is not acked', async (t) => {
  const { handset, device, channelID } = await subscribed(t);
  const frame = { messageType: 'notification', channelID, version: 'm1' };
  const bad = [
    { ...frame, channelID: undefined },
    { ...frame, channelID: 5 },
    { ...frame, version: undefined },
    { ...frame, version: 7 },
    { ...frame, version: '' },
    { ...frame, version: 'x'.repeat(1025) },
    { ...frame, data: 5 },
    { messageType: 'notification', updates: [{ channelID, version: '1' }] },
  ];
  for (const one of bad) {
    const error = next(handset, 'error');
    device.send(one);
    t.match(await error, { code: 'bad-frame' });
  }
  device.send({ messageType: 'desktopNotification', updates: [] });
  await handset.register();
  t.notOk(device.texts.some((text) => text.includes('ack')));
});

t.test('speaks Simple Push to a server that does not agree to Web Push', async (t) => {
  const rig = await openRig(t, { dialect: 'webpush', key: vapidKey });
  const device = await greet(rig);
  t.match(await device.receive('hello'), { use_webpush: true });
  const registration = await rig.handset.register();
  const { channelID, pushEndpoint } = registration;
  t.same(registration, { channelID, pushEndpoint });
  t.same(await device.receive('register'), { messageType: 'register', channelID });
  const told = next(rig.handset, 'notification');
  device.send({ messageType: 'notification', updates: [{ channelID, version: '7' }] });
  t.same(await told, { channelID, pushEndpoint, version: 7 });
  const updates = [{ channelID, version: '7' }];
  t.same(await device.receive('ack'), { messageType: 'ack', updates });
});

t.test('a handset of Simple Push stays one, whatever the server says', async (t) => {
  const rig = await openRig(t);
  rig.central.answers.hello = () => {
    return { messageType: 'hello', uaid: 'u1', status: 200, use_webpush: true };
  };
  const device = await greet(rig);
  t.notOk('use_webpush' in (await device.receive('hello')));
  await rig.handset.register('c1');
  device.send({ messageType: 'notification', updates: [{ channelID: 'c1', version: '7' }] });
  t.match(await next(rig.handset, 'notification'), { version: 7 });
});

t.test('is woken by datagram, and then gets its message', async (t) => {
  const rig = await openWebPush(t, { network });
  const device = await greet(rig);
  const { channelID } = await rig.handset.register();
  const port = await announcedPort(device);
  const closed = next(rig.handset, 'closed');
  device.close(4774, 'wakeup');
  await closed;
  t.equal(rig.handset.state(), 'asleep');
  const hello = next(rig.handset, 'hello');
  await say(port, {});
  await hello;
  const again = await rig.central.nextDevice();
  again.send({ messageType: 'notification', channelID, version: 'm1' });
  t.same(await again.receive('ack'), ackOf(channelID, 'm1', 100));
});
