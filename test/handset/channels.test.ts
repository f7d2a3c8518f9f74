import t from 'tap';
import { scriptedEndpoint } from '../support/scripted-central.js';
import { greet, next, openRig, several } from './rig.js';

t.test('registers a channel and tells its endpoint', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const told = next(rig.handset, 'registered');
  const registration = await rig.handset.register('c1');
  const pushEndpoint = scriptedEndpoint(rig.handset.uaid(), 'c1');
  t.same(registration, { channelID: 'c1', pushEndpoint });
  t.same(await told, registration);
  t.same(await device.receive('register'), { messageType: 'register', channelID: 'c1' });
  t.same(rig.handset.channels(), [registration]);
});

t.test('makes a UUID for a channel without a name', async (t) => {
  const rig = await openRig(t);
  await greet(rig);
  const { channelID } = await rig.handset.register();
  t.match(channelID, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

t.test('registers what was asked before the start', async (t) => {
  const rig = await openRig(t);
  const both = Promise.all([rig.handset.register('c1'), rig.handset.register('c2')]);
  const device = await greet(rig);
  t.same(
    (await both).map(({ channelID }) => channelID),
    ['c1', 'c2'],
  );
  t.match(await device.receive('register'), { channelID: 'c1' });
  t.match(await device.receive('register'), { channelID: 'c2' });
});

t.test('asks once for a channel that is asked for twice', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const [one, two] = await Promise.all([rig.handset.register('c1'), rig.handset.register('c1')]);
  t.same(one, two);
  t.equal(device.texts.filter((text) => text.includes('register')).length, 1);
});

t.test('unregisters a channel', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  const told = next(rig.handset, 'unregistered');
  await rig.handset.unregister('c1');
  t.same(await told, { channelID: 'c1' });
  t.same(await device.receive('unregister'), { messageType: 'unregister', channelID: 'c1' });
  t.same(rig.handset.channels(), []);
  await t.rejects(rig.handset.unregister('c1'), { code: 'unknown-channel' });
});

t.test('understands the answer to unregister as the spec prints it', async (t) => {
  const rig = await openRig(t);
  await greet(rig);
  await rig.handset.register('c1');
  rig.central.answers.unregister = ({ channelID }) => ({
    messageType: 'register',
    channelID,
    status: 202,
  });
  await rig.handset.unregister('c1');
  t.same(rig.handset.channels(), []);
});

t.test('rejects a register with the code of its refusal, and forgets the channel', async (t) => {
  const rig = await openRig(t);
  await greet(rig);
  const refusals: [number, string][] = [
    [457, 'bad-channel'],
    [408, 'not-ready'],
    [460, 'cannot-register'],
    [499, 'refused'],
  ];
  for (const [status, code] of refusals) {
    rig.central.answers.register = () => ({ messageType: 'register', status, reason: 'so it is' });
    await t.rejects(rig.handset.register('c1'), { code, message: /so it is/ }, String(status));
    t.same(rig.handset.channels(), []);
  }
});

t.test('gives a refusal without a channel to the oldest question', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  rig.central.answers.register = undefined;
  const first = rig.handset.register('c1');
  const second = rig.handset.register('c2');
  await device.receive('register');
  await device.receive('register');
  device.send({ messageType: 'register', status: 408, reason: 'not yet' });
  await t.rejects(first, { code: 'not-ready' });
  device.send({
    messageType: 'register',
    status: 200,
    channelID: 'c2',
    pushEndpoint: 'http://x/2',
  });
  t.match(await second, { channelID: 'c2' });
});

t.test('keeps a channel whose unregister is refused', async (t) => {
  const rig = await openRig(t);
  await greet(rig);
  await rig.handset.register('c1');
  rig.central.answers.unregister = () => ({ messageType: 'unregister', status: 408 });
  await t.rejects(rig.handset.unregister('c1'), { code: 'not-ready' });
  t.equal(rig.handset.channels().length, 1);
});

t.test('rejects a register that is not answered within requestTimeoutMs', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  rig.central.answers.register = undefined;
  const registering = rig.handset.register('c1');
  await device.receive('register');
  rig.clock.advance(10_000);
  await t.rejects(registering, { code: 'timeout', message: /register c1 within 10000 ms/ });
  t.same(rig.handset.channels(), []);
});

t.test('asks again on the next connection what was not answered on this one', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const answer = rig.central.answers.register;
  rig.central.answers.register = undefined;
  const registering = rig.handset.register('c1');
  await device.receive('register');
  rig.central.answers.register = answer;
  const lost = next(rig.handset, 'reconnecting');
  device.drop();
  rig.clock.advance((await lost).delayMs);
  t.match(await registering, { channelID: 'c1' });
});

t.test('refuses more than channelsMax channels', async (t) => {
  const rig = await openRig(t, { channelsMax: 2 });
  await greet(rig);
  await rig.handset.register('c1');
  await rig.handset.register('c2');
  await rig.handset.register('c2');
  await t.rejects(rig.handset.register('c3'), { code: 'too-many-channels' });
});

t.test('refuses a channelID that is none', async (t) => {
  const rig = await openRig(t);
  await t.rejects(rig.handset.register(''), { code: 'bad-option' });
  await t.rejects(rig.handset.register('x'.repeat(129)), { code: 'bad-option' });
});

t.test('learns the endpoints of the channels it was started with', async (t) => {
  const rig = await openRig(t, { uaid: 'u1', channelIDs: ['c1'] });
  const told = next(rig.handset, 'registered');
  await greet(rig);
  t.same(await told, { channelID: 'c1', pushEndpoint: scriptedEndpoint('u1', 'c1') });
});

t.test('registers all channels again when the server gives another uaid', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  await rig.handset.register('c2');
  const previous = rig.handset.uaid();
  device.send({ messageType: 'notification', updates: [{ channelID: 'c1', version: '9' }] });
  await next(rig.handset, 'notification');
  rig.central.answers.hello = () => ({ messageType: 'hello', uaid: 'u2', status: 200 });
  rig.central.answers.register = ({ channelID }) => ({
    messageType: 'register',
    status: 200,
    channelID,
    pushEndpoint: scriptedEndpoint('u2', channelID),
  });
  const lost = next(rig.handset, 'reconnecting');
  device.drop();
  const { delayMs } = await lost;
  rig.names.length = 0;
  const replaced = next(rig.handset, 'replaced');
  const registered = several(rig.handset, 'registered', 2);
  rig.clock.advance(delayMs);
  const again = await rig.central.nextDevice();
  t.match(await again.receive('hello'), { uaid: previous, channelIDs: ['c1', 'c2'] });
  t.same(await replaced, { uaid: 'u2', previous });
  await registered;
  t.same(rig.names, ['replaced', 'hello', 'registered', 'registered']);
  t.same(
    rig.handset.channels(),
    ['c1', 'c2'].map((channelID) => ({
      channelID,
      pushEndpoint: scriptedEndpoint('u2', channelID),
    })),
  );
  // Versions start anew: the app server of the new endpoint may count from 1.
  again.send({ messageType: 'notification', updates: [{ channelID: 'c1', version: '1' }] });
  t.match(await next(rig.handset, 'notification'), { channelID: 'c1', version: 1 });
});

t.test('asks no channel again while the uaid stays', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  await rig.handset.register('c1');
  const lost = next(rig.handset, 'reconnecting');
  device.drop();
  const greeted = lost.then(({ delayMs }) => {
    const hello = next(rig.handset, 'hello');
    rig.clock.advance(delayMs);
    return hello;
  });
  await greeted;
  const again = await rig.central.nextDevice();
  await rig.handset.register('c2');
  t.same(again.texts.slice(1), ['{"messageType":"register","channelID":"c2"}']);
});

t.test('tells an endpoint that the server changes unasked', async (t) => {
  const rig = await openRig(t);
  const device = await greet(rig);
  const { pushEndpoint } = await rig.handset.register('c1');
  const frame = { messageType: 'register', status: 200, channelID: 'c1' };
  device.send({ ...frame, pushEndpoint });
  device.send({ ...frame, pushEndpoint: 'http://127.0.0.1/other' });
  t.same(await next(rig.handset, 'registered'), {
    channelID: 'c1',
    pushEndpoint: 'http://127.0.0.1/other',
  });
});

t.test(
  'keeps a known channel that the server is not ready for, drops one it refuses',
  async (t) => {
    const rig = await openRig(t, { uaid: 'u1', channelIDs: ['later', 'never'] });
    rig.central.answers.register = ({ channelID }) => ({
      messageType: 'register',
      channelID,
      status: channelID === 'later' ? 408 : 457,
    });
    rig.handset.start();
    await several(rig.handset, 'error', 2);
    t.match(rig.errors, [
      { code: 'not-ready', message: /^register later: / },
      { code: 'bad-channel', message: /^register never: / },
    ]);
    t.same(rig.handset.channels(), [{ channelID: 'later' }]);
  },
);

t.test('rejects what is open when it stops', async (t) => {
  const rig = await openRig(t);
  const registering = rig.handset.register('c1');
  registering.catch(() => {});
  await rig.handset.stop();
  await t.rejects(registering, { code: 'stopped' });
});
