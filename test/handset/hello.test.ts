import { networkInterfaces } from 'node:os';
import { generate } from 'selfsigned';
import t from 'tap';
import { greet, network, next, openRig } from './rig.js';

const hasIPv6Loopback = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1');

t.test('asks for the subprotocol push-notification and no compression', async (t) => {
  const device = await greet(await openRig(t));
  t.equal(device.subprotocol, 'push-notification');
  t.equal(device.extensions, '');
});

t.test('says hello without uaid and with an empty list the first time', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  t.same(await device.receive('hello'), { messageType: 'hello', channelIDs: [] });
  t.equal(typeof rig.handset.uaid(), 'string');
  t.equal(rig.handset.state(), 'connected');
});

t.test('says hello with its uaid and its channels', async (t) => {
  const rig = await openRig(t, { uaid: 'u1', channelIDs: ['c1', 'c2'] });
  const device = await greet(rig);
  const hello = { messageType: 'hello', uaid: 'u1', channelIDs: ['c1', 'c2'] };
  t.same(await device.receive('hello'), hello);
  t.equal(rig.handset.uaid(), 'u1');
});

t.test('says an empty list where its uaid is known to have no channels', async (t) => {
  const device = await greet(await openRig(t, { uaid: 'u1', channelIDs: [] }));
  t.same(await device.receive('hello'), { messageType: 'hello', uaid: 'u1', channelIDs: [] });
});

t.test('leaves the list out where it does not know the channels of its uaid', async (t) => {
  const rig = await openRig(t, { uaid: 'u1' });
  const device = await greet(rig);
  t.same(await device.receive('hello'), { messageType: 'hello', uaid: 'u1' });
  await rig.handset.register('c1');
  device.drop();
  const { delayMs } = await next(rig.handset, 'reconnecting');
  rig.clock.advance(delayMs);
  const again = await rig.central.nextDevice();
  t.same(await again.receive('hello'), { messageType: 'hello', uaid: 'u1' });
});

t.test('announces network, address and protocol of an open wake listener', async (t) => {
  for (const protocol of ['udp', 'tcp'] as const) {
    const rig = await openRig(t, { network, protocol });
    const hello = await (await greet(rig)).receive('hello');
    t.match(hello, { wakeup_hostport: { ip: '127.0.0.1', port: Number }, protocol });
    t.same(hello.mobilenetwork, network);
  }
});

t.test('announces the netid of its network', async (t) => {
  const rig = await openRig(t, { network: { ...network, netid: 'net-b' } });
  const hello = await (await greet(rig)).receive('hello');
  t.same(hello.mobilenetwork, { ...network, netid: 'net-b' });
});

t.test('listens where it is told to', async (t) => {
  const rig = await openRig(t, { network, ip: '127.0.0.2' });
  const hello = await (await greet(rig)).receive('hello');
  t.match(hello.wakeup_hostport, { ip: '127.0.0.2' });
});

t.test('says nothing of wakeups without a network', async (t) => {
  const hello = await (await greet(await openRig(t, { ip: '127.0.0.1', port: 0 }))).receive(
    'hello',
  );
  t.same(Object.keys(hello).sort(), ['channelIDs', 'messageType']);
});

t.test('says nothing of wakeups when the listener cannot be opened', async (t) => {
  const taken = await openRig(t, { network });
  const first = await (await greet(taken)).receive('hello');
  const { port } = first.wakeup_hostport as { port: number };
  const rig = await openRig(t, { network, port });
  const hello = await (await greet(rig)).receive('hello');
  t.same(Object.keys(hello).sort(), ['channelIDs', 'messageType']);
  t.match(rig.errors, [{ code: 'wake-listener' }]);
});

t.test(
  'announces an IPv6 address where it came over IPv6',
  { skip: !hasIPv6Loopback },
  async (t) => {
    const rig = await openRig(t, { network, server: { host: '::1' } });
    const hello = await (await greet(rig)).receive('hello');
    t.match(hello.wakeup_hostport, { ip: '::1' });
  },
);

t.test('keeps its wake port from one connection to the next', async (t) => {
  const rig = await openRig(t, { network });
  const device = await greet(rig);
  const first = await device.receive('hello');
  device.drop();
  const { delayMs } = await next(rig.handset, 'reconnecting');
  rig.clock.advance(delayMs);
  const second = await (await rig.central.nextDevice()).receive('hello');
  t.same(second.wakeup_hostport, first.wakeup_hostport);
});

t.test('tells the status of hello', async (t) => {
  const rig = await openRig(t, { network, server: { status: 201 } });
  const hello = next(rig.handset, 'hello');
  rig.handset.start();
  t.match(await hello, { status: 201, uaid: String });
});

t.test('reconnects when hello is refused', async (t) => {
  const rig = await openRig(t);
  rig.central.answers.hello = () => ({ messageType: 'hello', status: 460, reason: 'no room' });
  rig.handset.start();
  await next(rig.handset, 'reconnecting');
  t.match(rig.errors, [{ code: 'cannot-register', message: /460: no room/ }]);
  t.same(rig.names, ['error', 'closed', 'reconnecting']);
});

t.test('reconnects when hello is not answered within connectTimeoutMs', async (t) => {
  const rig = await openRig(t, { connectTimeoutMs: 500 });
  rig.central.answers.hello = undefined;
  rig.handset.start();
  const device = await rig.central.nextDevice();
  await device.receive('hello');
  rig.clock.advance(499);
  t.equal(rig.handset.state(), 'connecting');
  rig.clock.advance(1);
  t.same(await next(rig.handset, 'closed'), { code: 1006 });
  t.equal(rig.handset.state(), 'waiting');
  t.match(rig.errors, [{ code: 'timeout' }]);
});

t.test('sends nothing before hello is answered', async (t) => {
  const rig = await openRig(t);
  rig.central.answers.hello = undefined;
  rig.handset.start();
  const registered = rig.handset.register('c1');
  const device = await rig.central.nextDevice();
  await device.receive('hello');
  t.equal(device.texts.length, 1);
  device.send({ messageType: 'hello', uaid: 'u1', status: 200 });
  await registered;
  t.match(await device.receive('register'), { channelID: 'c1' });
});

t.test('trusts the certificates it is given, and no others', async (t) => {
  const pems = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  const tls = { key: pems.private, cert: pems.cert };
  const trusting = await openRig(t, { server: { tls }, ca: pems.cert });
  t.match(trusting.central.url, /^wss:/);
  await greet(trusting);
  t.same(trusting.names, ['hello']);

  const wary = await openRig(t, { server: { tls } });
  wary.handset.start();
  await next(wary.handset, 'reconnecting');
  t.same(wary.names, ['error', 'reconnecting']);
  t.equal(wary.central.accepted(), 0);
});
