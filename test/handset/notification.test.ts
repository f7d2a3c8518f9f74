import t from 'tap';
import { scriptedEndpoint } from '../support/scripted-central.js';
import { greet, next, openRig, several } from './rig.js';

const notification = (...updates: [string, unknown][]) => ({
  messageType: 'notification',
  updates: updates.map(([channelID, version]) => ({ channelID, version })),
});

t.test('tells each version and acks all of a frame in one', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const { pushEndpoint } = await rig.handset.register('c1');
  await rig.handset.register('c2');
  const told = several(rig.handset, 'notification', 2);
  device.send(notification(['c1', '5'], ['c2', '9007199254740991']));
  t.match(await told, [
    { channelID: 'c1', version: 5, pushEndpoint },
    { channelID: 'c2', version: 9_007_199_254_740_991 },
  ]);
  t.same(await device.receive('ack'), {
    messageType: 'ack',
    updates: [
      { channelID: 'c1', version: '5' },
      { channelID: 'c2', version: '9007199254740991' },
    ],
  });
  t.match(rig.handset.channels()[0], { version: 5 });
});

t.test('tells only versions greater than the last, and acks the others too', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  const versions: number[] = [];
  rig.handset.on('notification', ({ version }) => versions.push(version));
  for (const version of ['0', '7', '7', '3', '8']) {
    device.send(notification(['c1', version]));
    t.match(await device.receive('ack'), { updates: [{ channelID: 'c1', version }] });
  }
  t.same(versions, [0, 7, 8]);
});

t.test('remembers the last version over a reconnect', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  device.send(notification(['c1', '7']));
  await next(rig.handset, 'notification');
  const lost = next(rig.handset, 'reconnecting');
  device.drop();
  rig.clock.advance((await lost).delayMs);
  const again = await rig.central.nextDevice();
  await again.receive('hello');
  rig.names.length = 0;
  again.send(notification(['c1', '7']));
  t.match(await again.receive('ack'), { updates: [{ channelID: 'c1', version: '7' }] });
  t.notOk(rig.names.includes('notification'));
});

t.test('acks unknown channels and does not tell of them', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  device.send(notification(['never-heard-of', '1']));
  t.match(await device.receive('ack'), { updates: [{ channelID: 'never-heard-of' }] });
  t.same(rig.names, ['hello']);
});

t.test('takes a version that is a number', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  device.send(notification(['c1', 12]));
  t.match(await next(rig.handset, 'notification'), { version: 12 });
  t.match(await device.receive('ack'), { updates: [{ channelID: 'c1', version: '12' }] });
});

t.test('takes what can be read of a frame, and leaves the rest unacked', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  const frame = notification(['c1', '-1'], ['c1', '2'], ['c1', '1e3'], ['', '4']);
  device.send({ ...frame, updates: [null, 5, [], ...frame.updates] });
  t.match(await next(rig.handset, 'notification'), { version: 2 });
  t.same((await device.receive('ack')).updates, [{ channelID: 'c1', version: '2' }]);
  t.match(rig.errors, [{ code: 'bad-frame', message: '6 updates ignored' }]);
});

t.test('acks a frame of many updates in frames that a server takes', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const many = Array.from({ length: 250 }, (_, i): [string, string] => [
    `${i}`.padEnd(128, 'x'),
    '9007199254740991',
  ]);
  device.send(notification(...many));
  const acks = [
    await device.receive('ack'),
    await device.receive('ack'),
    await device.receive('ack'),
  ];
  t.same(
    acks.map(({ updates }) => (updates as unknown[]).length),
    [100, 100, 50],
  );
  t.ok(device.texts.every((text) => text.length <= 20 * 1024));
});

t.test('acks after telling, so that what was not told is sent again', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  const before = device.texts.length;
  let sentBefore = -1;
  rig.handset.on('notification', () => {
    sentBefore = device.texts.length;
  });
  device.send(notification(['c1', '1']));
  await device.receive('ack');
  t.equal(sentBefore, before);
});

t.test('takes up channels that it did not know where its list is not complete', async (t) => {
  const rig = await openRig(t, { uaid: 'u1' });
  const device = await greet(rig);
  const told = next(rig.handset, 'notification');
  const registered = next(rig.handset, 'registered');
  device.send(notification(['from-before', '3']));
  t.same(await told, { channelID: 'from-before', version: 3 });
  const pushEndpoint = scriptedEndpoint('u1', 'from-before');
  t.same(await registered, { channelID: 'from-before', pushEndpoint });
});

const desktopNotification = (...texts: [string, unknown, unknown][]) => ({
  messageType: 'desktopNotification',
  updates: texts.map(([channelID, id, body]) => ({ channelID, _internal_id: id, body })),
});

t.test('tells each text once, and acks it by its internal id each time', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const { pushEndpoint } = await rig.handset.register('c1');
  const told = several(rig.handset, 'text', 2);
  device.send(desktopNotification(['c1', 'i1', 'You have mail'], ['c1', 'i2', '']));
  t.same(await told, [
    { channelID: 'c1', pushEndpoint, id: 'i1', body: 'You have mail' },
    { channelID: 'c1', pushEndpoint, id: 'i2', body: '' },
  ]);
  t.same(await device.receive('ack'), {
    messageType: 'ack',
    updates: [
      { channelID: 'c1', _internal_id: 'i1' },
      { channelID: 'c1', _internal_id: 'i2' },
    ],
  });
  rig.names.length = 0;
  device.send(desktopNotification(['c1', 'i1', 'You have mail'], ['unknown', 'i3', 'x']));
  t.match(await device.receive('ack'), {
    updates: [
      { channelID: 'c1', _internal_id: 'i1' },
      { channelID: 'unknown', _internal_id: 'i3' },
    ],
  });
  t.same(rig.names, []);
});

t.test('leaves texts unacked that it cannot read', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  const told = next(rig.handset, 'text');
  device.send(
    desktopNotification(['c1', '', 'a'], ['c1', 5, 'b'], ['c1', 'i1', 5], ['c1', 'i2', 'd']),
  );
  t.match(await told, { id: 'i2', body: 'd' });
  t.same((await device.receive('ack')).updates, [{ channelID: 'c1', _internal_id: 'i2' }]);
  t.match(rig.errors, [{ code: 'bad-frame', message: '3 updates ignored' }]);
});

t.test('acks many texts in frames that a server takes', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const many = Array.from({ length: 120 }, (_, i): [string, string, string] => [
    `${i}`.padEnd(128, 'x'),
    `${i}`.padEnd(128, 'y'),
    'a text',
  ]);
  device.send(desktopNotification(...many));
  for (const count of [50, 50, 20]) {
    t.equal(((await device.receive('ack')).updates as unknown[]).length, count);
  }
  t.ok(device.texts.every((text) => text.length <= 20 * 1024));
});
