import { once } from 'node:events';
import t from 'tap';
import { createPushManager } from '../../handset/push-manager.js';
import { scriptedEndpoint } from '../support/scripted-central.js';
import { greet, next, openRig } from './rig.js';

t.test('register gives the URL for the app server', async (t) => {
  const rig = await openRig(t);
  const push = createPushManager(rig.handset);
  const registering = push.register();
  const device = await greet(rig);
  const { channelID } = await device.receive('register');
  t.equal(await registering, scriptedEndpoint(rig.handset.uaid(), channelID));
});

t.test('stands on a handset of Simple Push only', async (t) => {
  const { handset } = await openRig(t, { dialect: 'webpush' });
  t.throws(() => createPushManager(handset), { code: 'bad-option', message: /^dialect: / });
});

t.test('a push event carries the endpoint and the version', async (t) => {
  const rig = await openRig(t);
  const push = createPushManager(rig.handset);
  const device = await greet(rig);
  const pushEndpoint = await push.register();
  const { channelID } = await device.receive('register');
  const pushed = once(push, 'push');
  device.send({ messageType: 'notification', updates: [{ channelID, version: '4' }] });
  t.same(await pushed, [{ pushEndpoint, version: 4 }]);
});

t.test('registrations lists endpoints with their last version', async (t) => {
  const rig = await openRig(t);
  const push = createPushManager(rig.handset);
  t.same(push.registrations(), []);
  const device = await greet(rig);
  const email = await push.register();
  const chat = await push.register();
  t.same(push.registrations(), [{ pushEndpoint: email }, { pushEndpoint: chat }]);
  const { channelID } = await device.receive('register');
  const pushed = once(push, 'push');
  device.send({ messageType: 'notification', updates: [{ channelID, version: '4' }] });
  await pushed;
  t.same(push.registrations(), [{ pushEndpoint: email, version: 4 }, { pushEndpoint: chat }]);
});

t.test('unregister takes an endpoint, once', async (t) => {
  const rig = await openRig(t);
  const push = createPushManager(rig.handset);
  const device = await greet(rig);
  const pushEndpoint = await push.register();
  const { channelID } = await device.receive('register');
  await push.unregister(pushEndpoint);
  t.match(await device.receive('unregister'), { channelID });
  t.same(push.registrations(), []);
  await t.rejects(push.unregister(pushEndpoint), { code: 'unknown-endpoint' });
});

t.test('register rejects when the server refuses', async (t) => {
  const rig = await openRig(t);
  const push = createPushManager(rig.handset);
  await greet(rig);
  rig.central.answers.register = () => ({ messageType: 'register', status: 408 });
  await t.rejects(push.register(), { code: 'not-ready' });
  t.same(push.registrations(), []);
});

t.test('holds a push back until its endpoint is known', async (t) => {
  const rig = await openRig(t, { uaid: 'u1', channelIDs: ['c1'] });
  const push = createPushManager(rig.handset);
  rig.central.answers.register = undefined;
  const device = await greet(rig);
  await device.receive('register');
  device.send({ messageType: 'notification', updates: [{ channelID: 'c1', version: '4' }] });
  await next(rig.handset, 'notification');
  const pushed = once(push, 'push');
  const pushEndpoint = 'http://127.0.0.1/c1';
  device.send({ messageType: 'register', status: 200, channelID: 'c1', pushEndpoint });
  t.same(await pushed, [{ pushEndpoint, version: 4 }]);
});

t.test('tells an app that its endpoint was replaced', async (t) => {
  const rig = await openRig(t);
  const push = createPushManager(rig.handset);
  const device = await greet(rig);
  const previous = await push.register();
  const { channelID } = await device.receive('register');
  const replaced = once(push, 'replaced');
  const pushEndpoint = 'http://127.0.0.1/other';
  device.send({ messageType: 'register', status: 200, channelID, pushEndpoint });
  t.same(await replaced, [{ pushEndpoint, previous }]);
  t.same(push.registrations(), [{ pushEndpoint }]);
});
