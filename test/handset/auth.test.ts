import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import type { IgnoredBecause } from '../../handset/events.js';
import type { HandsetOptions } from '../../handset/options.js';
import { say, signedWords } from './air.js';
import { announcedPort, greet, network, next, openRig, type Rig } from './rig.js';

const key = randomBytes(32);
const wakeupAuth = { key: key.toString('base64url'), counter: 3 };

/** A handset asleep, to which the answer to hello said this of signed wakeups. */
async function asleep(t: Test, wakeup_auth: unknown, options: Partial<HandsetOptions> = {}) {
  const rig = await openRig(t, { network, ...options });
  rig.central.answers.hello = () => ({
    messageType: 'hello',
    uaid: 'u1',
    status: 201,
    wakeup_auth,
  });
  const device = await greet(rig);
  const port = await announcedPort(device);
  await fallAsleep(rig, device);
  return { ...rig, port };
}

async function fallAsleep({ handset }: Rig, device: { close(code: number): void }): Promise<void> {
  const closed = next(handset, 'closed');
  device.close(4774);
  await closed;
}

async function ignores(
  t: Test,
  { handset, port }: Rig & { port: number },
  because: IgnoredBecause,
  said: Parameters<typeof say>[1],
): Promise<void> {
  const ignored = next(handset, 'ignored');
  await say(port, said);
  t.match(await ignored, { protocol: 'udp', because });
  t.equal(handset.state(), 'asleep');
}

t.test('is woken by a signed wakeup', async (t) => {
  const rig = await asleep(t, wakeupAuth);
  const woken = next(rig.handset, 'woken');
  const hello = next(rig.handset, 'hello');
  await say(rig.port, signedWords(key, rig.port, 4));
  await woken;
  t.match(await hello, { status: 201 });
});

t.test('is woken by a signed wakeup over TCP', async (t) => {
  const rig = await asleep(t, wakeupAuth, { protocol: 'tcp' });
  const hello = next(rig.handset, 'hello');
  await say(rig.port, signedWords(key, rig.port, 4), 'tcp');
  await hello;
  t.same(rig.names, ['hello', 'closed', 'woken', 'hello']);
});

t.test('sleeps on at plain, forged and repeated wakeups, and says which', async (t) => {
  const rig = await asleep(t, wakeupAuth);
  await ignores(t, rig, 'unsigned', {});
  await ignores(t, rig, 'forged', signedWords(randomBytes(32), rig.port, 99));
  await ignores(t, rig, 'repeated', signedWords(key, rig.port, 3));
  const hello = next(rig.handset, 'hello');
  await say(rig.port, signedWords(key, rig.port, 4));
  await hello;
  // The first device was taken when the rig fell asleep.
  await fallAsleep(rig, await rig.central.nextDevice());
  await ignores(t, rig, 'repeated', signedWords(key, rig.port, 4));
  t.equal(rig.central.accepted(), 2);
});

t.test('takes a plain wakeup on an open socket for nothing, a signed one for doubt', async (t) => {
  const rig = await openRig(t, { network });
  rig.central.answers.hello = () => ({
    messageType: 'hello',
    uaid: 'u1',
    status: 201,
    wakeup_auth: wakeupAuth,
  });
  const device = await greet(rig);
  const port = await announcedPort(device);
  const ignored = next(rig.handset, 'ignored');
  await say(port, {});
  t.match(await ignored, { because: 'unsigned' });
  await rig.handset.register('c1');
  t.notOk(device.texts.includes('{}'));
  await say(port, signedWords(key, port, 4));
  t.same(await device.receive(''), {});
});

t.test('is woken by plain wakeups where the server does not sign', async (t) => {
  for (const wakeup_auth of [undefined, null]) {
    const rig = await asleep(t, wakeup_auth);
    await ignores(t, rig, 'not-agreed', signedWords(key, rig.port, 4));
    const hello = next(rig.handset, 'hello');
    await say(rig.port, {});
    await hello;
    t.same(rig.errors, []);
  }
});

t.test('is woken by plain wakeups where it did not ask for signed ones', async (t) => {
  const rig = await asleep(t, wakeupAuth, { auth: false });
  await ignores(t, rig, 'not-agreed', signedWords(key, rig.port, 4));
  const hello = next(rig.handset, 'hello');
  await say(rig.port, {});
  await hello;
});

t.test('goes by the last answer to hello', async (t) => {
  const rig = await asleep(t, wakeupAuth);
  const other = randomBytes(32);
  rig.central.answers.hello = () => ({
    messageType: 'hello',
    uaid: 'u1',
    status: 201,
    wakeup_auth: { key: other.toString('base64url'), counter: 0 },
  });
  const hello = next(rig.handset, 'hello');
  await say(rig.port, signedWords(key, rig.port, 4));
  await hello;
  await fallAsleep(rig, await rig.central.nextDevice());
  await ignores(t, rig, 'forged', signedWords(key, rig.port, 5));
  const again = next(rig.handset, 'hello');
  await say(rig.port, signedWords(other, rig.port, 1));
  await again;
});

t.test('takes a bad wakeup_auth for none, and says so', async (t) => {
  const { key, counter } = wakeupAuth;
  const bad: unknown[] = [
    ...[true, 'x', 5, [], {}, { key }, { counter }],
    ...[null, -1, 1.5, 2 ** 53, '3'].map((counter) => ({ key, counter })),
    ...['', 'x', `${key}=`, `${key}AAAA`, key.slice(1), 5, null].map((key) => ({ key, counter })),
    // 32 bytes have one text only.
    { key: `${key.slice(0, -1)}B`, counter },
    { key: '+'.repeat(43), counter },
  ];
  for (const wakeup_auth of bad) {
    const rig = await asleep(t, wakeup_auth);
    const message = 'wakeup_auth ignored: it needs a key of 32 bytes and a counter';
    t.match(rig.errors, [{ code: 'bad-frame', message }], JSON.stringify(wakeup_auth));
    t.same(rig.names, ['error', 'hello', 'closed']);
    const woken = next(rig.handset, 'woken');
    await say(rig.port, {});
    await woken;
  }
});
