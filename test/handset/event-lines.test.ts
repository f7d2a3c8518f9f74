import t from 'tap';
import { printEvents } from '../../handset/event-lines.js';
import type { SubscriptionKeys } from '../../handset/push-keys.js';
import { encryptFor, notificationOf } from '../support/web-push-encryption.js';
import { greet, next, openRig } from './rig.js';

t.test('prints a replaced uaid and an unregistered channel, in words and as JSON', async (t) => {
  const rig = await openRig(t, { uaid: 'u1', channelIDs: ['c1'] });
  rig.central.answers.hello = () => ({ messageType: 'hello', uaid: 'u2', status: 200 });
  const words: string[] = [];
  const objects: unknown[] = [];
  printEvents(rig.handset, { isJson: false, write: (line) => words.push(line) });
  printEvents(rig.handset, { isJson: true, write: (line) => objects.push(JSON.parse(line)) });
  const registered = next(rig.handset, 'registered');
  await greet(rig);
  const { pushEndpoint } = await registered;
  await rig.handset.unregister('c1');
  t.same(words, [
    'replaced u2 u1\n',
    'uaid u2\n',
    'hello 200\n',
    `endpoint c1 ${pushEndpoint}\n`,
    'unregistered c1\n',
  ]);
  t.same(objects, [
    { event: 'replaced', uaid: 'u2', previous: 'u1' },
    { event: 'uaid', uaid: 'u2' },
    { event: 'hello', status: 200, uaid: 'u2' },
    { event: 'endpoint', channelID: 'c1', pushEndpoint },
    { event: 'unregistered', channelID: 'c1' },
  ]);
});

t.test('prints what app servers need and what they send, in words and as JSON', async (t) => {
  const rig = await openRig(t, { dialect: 'webpush', server: { isWebPush: true } });
  const words: string[] = [];
  const objects: unknown[] = [];
  printEvents(rig.handset, { isJson: false, write: (line) => words.push(line) });
  printEvents(rig.handset, { isJson: true, write: (line) => objects.push(JSON.parse(line)) });
  const device = await greet(rig);
  const { channelID, pushEndpoint, keys } = await rig.handset.register();
  const subscription = { endpoint: pushEndpoint, keys };
  device.send(notificationOf(channelID, 'm1', encryptFor(keys as SubscriptionKeys, 'two\nlines')));
  device.send({ messageType: 'notification', channelID, version: '7' });
  await device.receive('ack');
  await device.receive('ack');
  t.same(words.slice(2), [
    `endpoint ${channelID} ${pushEndpoint}\n`,
    `subscription ${JSON.stringify(subscription)}\n`,
    `notification ${channelID} two lines\n`,
    `notification ${channelID} 7\n`,
  ]);
  const notification = { event: 'notification', channelID, pushEndpoint };
  t.same(objects.slice(2), [
    { event: 'endpoint', channelID, pushEndpoint, ...keys },
    { ...notification, version: 'm1', data: 'two\nlines' },
    { ...notification, version: '7' },
  ]);
});

t.test('prints a text of Simple Push, in words and as JSON', async (t) => {
  const rig = await openRig(t);
  const words: string[] = [];
  const objects: unknown[] = [];
  printEvents(rig.handset, { isJson: false, write: (line) => words.push(line) });
  printEvents(rig.handset, { isJson: true, write: (line) => objects.push(JSON.parse(line)) });
  const device = await greet(rig);
  const { pushEndpoint } = await rig.handset.register('c1');
  const updates = [{ channelID: 'c1', _internal_id: 'i1', body: 'You have mail' }];
  device.send({ messageType: 'desktopNotification', updates });
  await device.receive('ack');
  t.equal(words.at(-1), 'text c1 You have mail\n');
  t.same(objects.at(-1), {
    ...{ event: 'text', channelID: 'c1', pushEndpoint },
    ...{ id: 'i1', body: 'You have mail' },
  });
});

t.test('prints every event as one line', async (t) => {
  const rig = await openRig(t);
  const before = new Map(
    rig.handset.eventNames().map((name) => [name, rig.handset.listenerCount(name)]),
  );
  t.equal(before.size, 13);
  printEvents(rig.handset, { isJson: true, write: () => {} });
  for (const [name, count] of before) {
    t.equal(rig.handset.listenerCount(name), count + 1, String(name));
  }
});
