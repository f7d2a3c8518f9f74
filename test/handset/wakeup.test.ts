import type { Socket } from 'node:dgram';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { say } from './air.js';
import { announcedPort, greet, network, next, openRig, sleepingRig } from './rig.js';

/** The UDP sockets opened from now on: an operating system does not break one on demand. */
function openedUdpSockets(t: Test): Socket[] {
  const sockets: Socket[] = [];
  const take = (message: unknown) => void sockets.push((message as { socket: Socket }).socket);
  subscribe('udp.socket', take);
  t.teardown(() => unsubscribe('udp.socket', take));
  return sockets;
}

t.test('reconnects when a datagram wakes it', async (t) => {
  const rig = await sleepingRig(t);
  const woken = next(rig.handset, 'woken');
  const hello = next(rig.handset, 'hello');
  await say(rig.port, {});
  t.match(await woken, { protocol: 'udp', from: /^127\.0\.0\.1:\d+$/ });
  t.match(await hello, { status: 201 });
  t.same(rig.names, ['hello', 'closed', 'woken', 'hello']);
});

t.test('reconnects when a TCP connection wakes it', async (t) => {
  const rig = await sleepingRig(t, { protocol: 'tcp' });
  const woken = next(rig.handset, 'woken');
  const hello = next(rig.handset, 'hello');
  await say(rig.port, {}, 'tcp');
  t.match(await woken, { protocol: 'tcp', from: /^127\.0\.0\.1:\d+$/ });
  await hello;
  t.equal(rig.central.accepted(), 2);
});

t.test('sleeps on when something else comes, and says why', async (t) => {
  const rig = await sleepingRig(t);
  const cases: [string, string][] = [
    ['anything at all', 'not-a-wakeup'],
    [`NOTIFY 127.0.0.1:${rig.port === 9 ? 10 : 9}`, 'other-port'],
    ['x'.repeat(500), 'too-long'],
  ];
  for (const [text, because] of cases) {
    const ignored = next(rig.handset, 'ignored');
    await say(rig.port, text);
    t.match(await ignored, { protocol: 'udp', from: /^127\.0\.0\.1:/, because });
  }
  t.equal(rig.handset.state(), 'asleep');
  t.equal(rig.central.accepted(), 1);
});

t.test(
  'asks for a sign of life when woken while connected, and stays where it comes',
  async (t) => {
    const rig = await openRig(t, { network, server: { status: 201 } });
    const device = await greet(rig);
    const port = await announcedPort(device);
    const woken = next(rig.handset, 'woken');
    await say(port, {});
    await woken;
    t.same(await device.receive(''), {});
    // Once this is answered, the answer to the keep-alive was read before it.
    await rig.handset.register('c1');
    rig.clock.advance(10_000);
    t.equal(rig.handset.state(), 'connected');
    t.same(rig.errors, []);
    const closed = next(rig.handset, 'closed');
    device.close(4774);
    await closed;
    t.equal(rig.handset.state(), 'asleep');
    t.equal(rig.central.accepted(), 1);
  },
);

t.test('reconnects when woken on a socket that the server does not hold any more', async (t) => {
  const rig = await openRig(t, { network, server: { status: 201 } });
  const device = await greet(rig);
  const port = await announcedPort(device);
  rig.central.answers[''] = undefined;
  for (let i = 0; i < 3; i++) {
    const woken = next(rig.handset, 'woken');
    await say(port, {});
    await woken;
    if (i === 0) await device.receive('');
    rig.clock.advance(3333);
  }
  t.equal(rig.handset.state(), 'connected');
  const reconnecting = next(rig.handset, 'reconnecting');
  rig.clock.advance(1);
  const { delayMs } = await reconnecting;
  t.equal(device.texts.filter((text) => text === '{}').length, 1);
  t.match(rig.errors, [{ code: 'timeout', message: /keep-alive/ }]);
  const hello = next(rig.handset, 'hello');
  rig.clock.advance(delayMs);
  t.match(await hello, { status: 201 });
});

t.test('asks again at a wakeup after an answered one', async (t) => {
  const rig = await openRig(t, { network, server: { status: 201 } });
  const device = await greet(rig);
  const port = await announcedPort(device);
  for (const channelID of ['c1', 'c2']) {
    await say(port, {});
    t.same(await device.receive(''), {});
    await rig.handset.register(channelID);
  }
  t.equal(rig.handset.state(), 'connected');
});

t.test('comes back at once where a wakeup overtook the close it was sent after', async (t) => {
  const rig = await openRig(t, { network, server: { status: 201 } });
  const device = await greet(rig);
  const hello = await device.receive('hello');
  const woken = next(rig.handset, 'woken');
  await say((hello.wakeup_hostport as { port: number }).port, {});
  await woken;
  rig.clock.advance(2000);
  const again = next(rig.handset, 'hello');
  device.close(4774);
  t.match(await again, { status: 201 });
  // It counts for one sleep only.
  const second = await rig.central.nextDevice();
  const closed = next(rig.handset, 'closed');
  second.close(4774);
  await closed;
  t.equal(rig.handset.state(), 'asleep');
});

t.test('takes a wakeup before hello is answered as answered by it', async (t) => {
  const rig = await openRig(t, { network, server: { status: 201 } });
  const answer = rig.central.answers.hello;
  rig.central.answers.hello = undefined;
  rig.handset.start();
  const device = await rig.central.nextDevice();
  const hello = await device.receive('hello');
  const woken = next(rig.handset, 'woken');
  await say((hello.wakeup_hostport as { port: number }).port, {});
  await woken;
  const greeted = next(rig.handset, 'hello');
  device.send(answer?.(hello, device) ?? '');
  await greeted;
  const closed = next(rig.handset, 'closed');
  device.close(4774);
  await closed;
  t.equal(rig.handset.state(), 'asleep');
  t.equal(device.texts.length, 1);
});

t.test('announces itself anew when its wake port breaks while connected', async (t) => {
  const sockets = openedUdpSockets(t);
  const rig = await openRig(t, { network, server: { status: 201 } });
  const device = await greet(rig);
  const broken = await announcedPort(device);
  const reconnecting = next(rig.handset, 'reconnecting');
  sockets[0]?.emit('error', new Error('recvmsg ENETDOWN'));
  const { delayMs } = await reconnecting;
  t.equal(await device.closed, 1000);
  t.match(rig.errors, [{ code: 'wake-listener', cause: { message: /ENETDOWN/ } }]);
  const woken = next(rig.handset, 'woken');
  rig.clock.advance(delayMs);
  const port = await announcedPort(await rig.central.nextDevice());
  t.not(port, broken);
  await say(port, {});
  await woken;
});

t.test('does not fall asleep on a 4774 that crosses the break of its wake port', async (t) => {
  const sockets = openedUdpSockets(t);
  const rig = await openRig(t, { network, server: { status: 201 } });
  const device = await greet(rig);
  const closed = next(rig.handset, 'closed');
  // Both are sent in one turn, so the handset has said goodbye before it reads the close.
  sockets[0]?.emit('error', new Error('recvmsg ENETDOWN'));
  await new Promise((resolve) => sockets[0]?.once('close', resolve));
  device.close(4774);
  await closed;
  t.equal(rig.handset.state(), 'waiting');
});

t.test('ends its sleep when its wake port breaks', async (t) => {
  const sockets = openedUdpSockets(t);
  const rig = await sleepingRig(t);
  const hello = next(rig.handset, 'hello');
  sockets[0]?.emit('error', new Error('recvmsg ENETDOWN'));
  await hello;
  await rig.central.nextDevice();
  t.equal(rig.central.accepted(), 2);
});

t.test('lets a wakeup not shorten a back-off', async (t) => {
  const rig = await openRig(t, { network });
  const device = await greet(rig);
  const hello = await device.receive('hello');
  const lost = next(rig.handset, 'reconnecting');
  device.drop();
  await lost;
  const woken = next(rig.handset, 'woken');
  await say((hello.wakeup_hostport as { port: number }).port, {});
  await woken;
  t.equal(rig.handset.state(), 'waiting');
});

t.test('sleeps through a 4774 without a wake port, until refreshMs', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const closed = next(rig.handset, 'closed');
  device.close(4774);
  await closed;
  t.equal(rig.handset.state(), 'asleep');
  const hello = next(rig.handset, 'hello');
  rig.clock.advance(6 * 3_600_000);
  await hello;
});

t.test('wakes as often as it sleeps', async (t) => {
  const rig = await sleepingRig(t);
  for (let i = 0; i < 5; i++) {
    const hello = next(rig.handset, 'hello');
    await say(rig.port, {});
    await hello;
    // The first device was taken when the rig fell asleep.
    const device = await rig.central.nextDevice();
    const closed = next(rig.handset, 'closed');
    device.close(4774);
    await closed;
  }
  t.equal(rig.central.accepted(), 6);
  t.equal(rig.handset.state(), 'asleep');
});

t.test('closes its wake port when it stops', async (t) => {
  const rig = await sleepingRig(t, { protocol: 'tcp' });
  await rig.handset.stop();
  const socket = connect(rig.port, '127.0.0.1');
  const [error] = await once(socket, 'error');
  t.match(error, { code: 'ECONNREFUSED' });
});
