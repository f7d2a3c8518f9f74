import t from 'tap';
import { printEvents } from '../../handset/event-lines.js';
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

t.test('prints every event as one line', async (t) => {
  const rig = await openRig(t);
  const before = new Map(
    rig.handset.eventNames().map((name) => [name, rig.handset.listenerCount(name)]),
  );
  t.equal(before.size, 11);
  printEvents(rig.handset, { isJson: true, write: () => {} });
  for (const [name, count] of before) {
    t.equal(rig.handset.listenerCount(name), count + 1, String(name));
  }
});
