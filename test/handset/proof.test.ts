import t, { type Test } from 'tap';
import type { HandsetOptions } from '../../handset/options.js';
import { createProofs } from '../../handset/proofs.js';
import type { Protocol } from '../../shared/wakeup/request.js';
import { createManualClock } from '../support/manual-clock.js';
import { type Datagram, say } from './air.js';
import { announcedPort, greet, network, next, openRig, several, sleepingRig } from './rig.js';

const nonce = 'abcdefghijklmnopqrstuw';
const other = 'wutsrqponmlkjihgfedcbA';

async function awakeRig(t: Test, options: Partial<HandsetOptions> = {}) {
  const rig = await openRig(t, { network, server: { status: 201 }, ...options });
  const device = await greet(rig);
  const port = await announcedPort(device);
  const hear = (said: Datagram, protocol?: Protocol) => say(port, said, protocol);
  return { ...rig, device, hear };
}

t.test('offers to prove its address, and asks for signed wakeups', async (t) => {
  const { device } = await awakeRig(t);
  const { wakeup_hostport } = JSON.parse(device.texts[0] ?? '');
  t.match(wakeup_hostport, { ip: '127.0.0.1', port: Number, proof: true, auth: true });
});

t.test('offers neither where it is told not to', async (t) => {
  const { device } = await awakeRig(t, { proof: false, auth: false });
  const { wakeup_hostport } = JSON.parse(device.texts[0] ?? '');
  t.same(Object.keys(wakeup_hostport), ['ip', 'port']);
});

t.test('returns a nonce on its socket, over UDP and TCP', async (t) => {
  for (const protocol of ['udp', 'tcp'] as const) {
    const { device, handset, hear, names } = await awakeRig(t, { protocol });
    const proved = next(handset, 'proved');
    await hear({ nonce }, protocol);
    t.same(await device.receive('wakeupProof'), { messageType: 'wakeupProof', nonce });
    t.match(await proved, { protocol, from: /^127\.0\.0\.1:\d+$/ });
    t.same(names, ['hello', 'proved']);
  }
});

t.test('returns a nonce right after the answer to hello where it comes before', async (t) => {
  const rig = await openRig(t, { network, uaid: 'u1', channelIDs: ['c1'] });
  rig.central.answers.hello = undefined;
  rig.handset.start();
  const device = await rig.central.nextDevice();
  const port = await announcedPort(device);
  await say(port, { nonce });
  // What is ignored was read after the nonce.
  const ignored = next(rig.handset, 'ignored');
  await say(port, 'nonsense');
  await ignored;
  t.equal(device.texts.length, 1);
  const proved = next(rig.handset, 'proved');
  device.send({ messageType: 'hello', uaid: 'u1', status: 200 });
  await proved;
  await device.receive('register');
  t.match(device.texts[1], /wakeupProof/);
  t.same(rig.names.slice(0, 3), ['ignored', 'hello', 'proved']);
});

t.test('opens no socket for a nonce while asleep', async (t) => {
  const rig = await sleepingRig(t);
  const ignored = next(rig.handset, 'ignored');
  await say(rig.port, { nonce });
  t.match(await ignored, { protocol: 'udp', because: 'not-connected' });
  t.equal(rig.handset.state(), 'asleep');
  t.equal(rig.central.accepted(), 1);
});

t.test('opens no socket for a nonce while it waits', async (t) => {
  const { handset, device, hear, clock, central } = await awakeRig(t);
  const reconnecting = next(handset, 'reconnecting');
  device.drop();
  const { delayMs } = await reconnecting;
  const ignored = next(handset, 'ignored');
  await hear({ nonce });
  t.match(await ignored, { because: 'not-connected' });
  t.equal(handset.state(), 'waiting');
  // Nor does it carry the nonce into the next conversation.
  const hello = next(handset, 'hello');
  clock.advance(delayMs);
  const again = await central.nextDevice();
  await hello;
  await handset.register('c1');
  t.notMatch(again.texts.join(), /wakeupProof/);
});

t.test('does not take a nonce for a sign of doubt, nor for a wakeup before a 4774', async (t) => {
  const { handset, device, hear, names } = await awakeRig(t);
  const proved = next(handset, 'proved');
  await hear({ nonce });
  await proved;
  const closed = next(handset, 'closed');
  device.close(4774);
  await closed;
  t.equal(handset.state(), 'asleep');
  t.notOk(device.texts.includes('{}'));
  t.same(names, ['hello', 'proved', 'closed']);
});

t.test('ignores nonces where it offered no proof', async (t) => {
  const { handset, hear } = await awakeRig(t, { proof: false });
  const ignored = next(handset, 'ignored');
  await hear({ nonce });
  t.match(await ignored, { because: 'not-agreed' });
});

t.test('returns at most proofsPerMinuteMax nonces a minute', async (t) => {
  const { handset, device, hear, clock } = await awakeRig(t, { proofsPerMinuteMax: 2 });
  const proved = several(handset, 'proved', 2);
  await hear({ nonce });
  await hear({ nonce: other });
  await proved;
  const ignored = next(handset, 'ignored');
  await hear({ nonce });
  t.match(await ignored, { because: 'too-many' });
  clock.advance(60_000);
  const again = next(handset, 'proved');
  await hear({ nonce: other });
  await again;
  await handset.register('c1');
  t.equal(device.texts.filter((text) => text.includes('wakeupProof')).length, 3);
});

t.test('says that a nonce was not taken where the socket takes nothing any more', async (t) => {
  const proofs = createProofs({ clock: createManualClock(), perMinuteMax: 9, send: () => false });
  proofs.open();
  t.equal(proofs.take({ nonce, protocol: 'udp', from: '127.0.0.1:9' }), 'not-connected');
});
