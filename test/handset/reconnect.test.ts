import t from 'tap';
import { greet, network, next, openRig, sleepingRig } from './rig.js';

t.test('reconnects after a loss, at most twice as late each time', async (t) => {
  const rig = await openRig(t, { backoffCapMs: 5000 });
  await greet(rig);
  await rig.central.close();
  const delays: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { delayMs } = await next(rig.handset, 'reconnecting');
    delays.push(delayMs);
    rig.clock.advance(delayMs);
  }
  t.same(delays, [500, 1000, 2000, 2500, 2500]);
  t.equal(rig.names.filter((name) => name === 'closed').length, 1);
});

t.test('starts again from the base once hello is answered', async (t) => {
  const rig = await openRig(t);
  let device = await greet(rig);
  for (let i = 0; i < 4; i++) {
    const lost = next(rig.handset, 'reconnecting');
    device.close(1001);
    const { delayMs } = await lost;
    t.equal(delayMs, 500);
    const hello = next(rig.handset, 'hello');
    rig.clock.advance(delayMs);
    device = await rig.central.nextDevice();
    await hello;
  }
});

t.test('backs off further from a server that refuses hello each time', async (t) => {
  const rig = await openRig(t);
  rig.central.answers.hello = () => ({ messageType: 'hello', status: 460 });
  rig.handset.start();
  const delays: number[] = [];
  for (let i = 0; i < 4; i++) {
    const { delayMs } = await next(rig.handset, 'reconnecting');
    delays.push(delayMs);
    rig.clock.advance(delayMs);
  }
  t.same(delays, [500, 1000, 2000, 4000]);
});

t.test('reconnects after every close but 4774', async (t) => {
  for (const code of [1000, 1001, 1011, 1012, 1013, 4000, 4773, 4775]) {
    const rig = await openRig(t, { network, server: { status: 201 } });
    const device = await greet(rig);
    const closed = next(rig.handset, 'closed');
    const reconnecting = next(rig.handset, 'reconnecting');
    device.close(code);
    t.same(await closed, { code });
    await reconnecting;
    t.equal(rig.handset.state(), 'waiting');
  }
});

t.test('stays away after 4774', async (t) => {
  const rig = await sleepingRig(t);
  t.equal(rig.handset.state(), 'asleep');
  rig.clock.advance(6 * 3_600_000 - 1);
  t.equal(rig.handset.state(), 'asleep');
  t.equal(rig.central.accepted(), 1);
  t.same(rig.names, ['hello', 'closed']);
});

t.test('reconnects by itself after refreshMs of sleep', async (t) => {
  const rig = await sleepingRig(t);
  const hello = next(rig.handset, 'hello');
  rig.clock.advance(6 * 3_600_000);
  t.match(await hello, { status: 201 });
  t.equal(rig.central.accepted(), 2);
});

t.test('ends sleep to register and to unregister', async (t) => {
  const rig = await sleepingRig(t);
  await rig.handset.register('c1');
  await rig.central.nextDevice().then(async (device) => {
    const closed = next(rig.handset, 'closed');
    device.close(4774);
    await closed;
  });
  t.equal(rig.handset.state(), 'asleep');
  await rig.handset.unregister('c1');
  t.equal(rig.central.accepted(), 3);
});

t.test('comes back, not at once, from a 4774 that leaves a question open', async (t) => {
  const rig = await openRig(t, { network });
  const device = await greet(rig);
  rig.central.answers.register = undefined;
  const registering = rig.handset.register('c1');
  registering.catch(() => {});
  await device.receive('register');
  const reconnecting = next(rig.handset, 'reconnecting');
  device.close(4774);
  t.same(await reconnecting, { delayMs: 500 });
});

t.test('asks for a sign of life after pingIntervalMs of silence', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  rig.clock.advance(30 * 60_000 - 1);
  // Anything the server says starts the silence anew.
  device.send('{}');
  device.send({ messageType: 'register', status: 200, channelID: 'x', pushEndpoint: 'http://x' });
  await next(rig.handset, 'error');
  rig.clock.advance(30 * 60_000 - 1);
  await rig.handset.register('c1');
  t.notOk(device.texts.includes('{}'));
  rig.clock.advance(30 * 60_000);
  t.same(await device.receive(''), {});
});

t.test('goes on asking as long as it is answered, by {} or by PONG', async (t) => {
  const rig = await openRig(t, { pingIntervalMs: 1000 });
  const device = await greet(rig);
  for (const answer of ['{}', 'PONG', '{}']) {
    rig.central.answers[''] = () => answer;
    rig.clock.advance(1000);
    await device.receive('');
    // Once this is answered, the answer to the keep-alive was read before it.
    await rig.handset.register('c1');
    rig.clock.advance(999);
  }
  t.equal(rig.handset.state(), 'connected');
  t.same(rig.errors, []);
});

t.test('reconnects when a sign of life does not come within requestTimeoutMs', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  rig.central.answers[''] = undefined;
  rig.clock.advance(30 * 60_000);
  await device.receive('');
  rig.clock.advance(9999);
  t.equal(rig.handset.state(), 'connected');
  const reconnecting = next(rig.handset, 'reconnecting');
  rig.clock.advance(1);
  await reconnecting;
  t.same(rig.names, ['hello', 'error', 'closed', 'reconnecting']);
  t.match(rig.errors, [{ code: 'timeout', message: /keep-alive/ }]);
});

t.test('sends no keep-alive while asleep', async (t) => {
  const rig = await sleepingRig(t, { pingIntervalMs: 1000 });
  rig.clock.advance(60_000);
  t.equal(rig.handset.state(), 'asleep');
  t.same(rig.errors, []);
});

t.test('says goodbye when it stops, and can be started again', async (t) => {
  const rig = await openRig(t, { network });
  const device = await greet(rig);
  const stopped = rig.handset.stop();
  t.throws(() => rig.handset.start(), { code: 'stopping' });
  await stopped;
  t.equal(await device.closed, 1000);
  t.equal(rig.handset.state(), 'stopped');
  t.same(rig.names, ['hello', 'closed']);
  await greet(rig);
  t.equal(rig.handset.state(), 'connected');
});

t.test('stops in every state', async (t) => {
  const asleep = await sleepingRig(t);
  await asleep.handset.stop();
  asleep.clock.advance(24 * 3_600_000);
  t.equal(asleep.handset.state(), 'stopped');
  t.equal(asleep.central.accepted(), 1);

  const waiting = await openRig(t);
  await waiting.central.close();
  waiting.handset.start();
  await next(waiting.handset, 'reconnecting');
  await waiting.handset.stop();
  waiting.clock.advance(60_000);
  t.equal(waiting.handset.state(), 'stopped');

  const dialling = await openRig(t, { network });
  dialling.handset.start();
  await dialling.handset.stop();
  t.equal(dialling.handset.state(), 'stopped');
  t.same(dialling.errors, []);

  const fresh = await openRig(t);
  await Promise.all([fresh.handset.stop(), fresh.handset.stop()]);
  t.equal(fresh.handset.state(), 'stopped');
});

t.test('a listener may stop it at any event', async (t) => {
  for (const name of ['hello', 'closed', 'reconnecting'] as const) {
    const rig = await openRig(t);
    const stopped = new Promise<void>((resolve) => {
      rig.handset.once(name, () => rig.handset.stop().then(resolve));
    });
    rig.handset.start();
    const device = await rig.central.nextDevice();
    if (name !== 'hello') device.drop();
    await stopped;
    rig.clock.advance(60_000);
    t.equal(rig.handset.state(), 'stopped', name);
    t.equal(rig.central.accepted(), 1, name);
  }
});
