// Authenticated wakeups: the device knows the key, and every wakeup has a greater counter.
import { join } from 'node:path';
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { isWakeupMac } from '../../../shared/wakeup/datagram.js';
import type { Wakeup } from '../../../shared/wakeup/request.js';
import { createManualClock } from '../../support/manual-clock.js';
import {
  createCentralFolder,
  during,
  isOnline,
  networkThrough,
  startCentral,
  startWakingCentral,
} from '../../support/running-central.js';
import { openScriptedGateway } from '../../support/scripted-gateway.js';
import {
  fallAsleep,
  passUntil,
  settled,
  untilNextWakeup,
  wakeableWith,
} from '../../support/sleeping-devices.js';
import { connectDevice, type Frame, put, wakeable } from '../../support/test-device.js';

const said = wakeableWith(9000, { auth: true });

/** What the answer to hello tells. */
function authOf(answer: Frame): { key: Buffer; counter: number } {
  const { key, counter } = answer.wakeup_auth as { key: string; counter: number };
  return { key: Buffer.from(key, 'base64url'), counter };
}

function isOwn(key: Buffer, { ip, port, auth }: Wakeup): boolean {
  return auth !== undefined && isWakeupMac(key, `NOTIFY ${ip}:${port} ${auth.counter}`, auth.mac);
}

t.test('a device that does not ask has plain wakeups, and no key', async (t) => {
  const { url } = await startWakingCentral(t);
  const answer = await (await connectDevice(t, url)).hello(wakeable(9000));
  t.notOk('wakeup_auth' in answer);
});

t.test('wakeups verify with the key of hello, and their counter grows', async (t) => {
  const running = await startWakingCentral(t);
  const { url, gateway, clock } = running;
  const first = await connectDevice(t, url);
  const answer = await first.hello(said);
  const { key, counter } = authOf(answer);
  t.equal(key.length, 32);
  const endpoint = await first.register('c');
  await fallAsleep(t, running, first);
  await put(endpoint, 1);
  for (let i = 0; i < 3; i++) await untilNextWakeup(running, { stepMs: 1_000 });
  await settled(running);
  t.ok(gateway.wakeups.every((wakeup) => isOwn(key, wakeup)));
  const again = await connectDevice(t, url);
  const later = authOf(await again.hello({ uaid: answer.uaid, ...said }));
  t.same(later.key, key, 'the key of a device stays');
  again.send({ messageType: 'ack', updates: [{ channelID: 'c', version: '1' }] });
  const third = authOf(await during(clock, helloAgain(again)));
  const counters = gateway.wakeups.map(({ auth }) => auth?.counter ?? 0);
  const inOrder = [counter, ...counters, later.counter, third.counter];
  t.same(
    inOrder,
    [...new Set(inOrder)].sort((a, b) => a - b),
  );
  t.equal(inOrder.length, 6);
});

/** A second hello on one socket; what else comes is passed over. */
async function helloAgain(device: Awaited<ReturnType<typeof connectDevice>>): Promise<Frame> {
  device.send({ messageType: 'hello', ...said });
  for (;;) {
    const frame = await device.receive();
    if (frame.messageType === 'hello') return frame;
  }
}

t.test('another device has another key', async (t) => {
  const { url } = await startWakingCentral(t);
  const keyOf = async () => authOf(await (await connectDevice(t, url)).hello(said)).key;
  t.notSame(await keyOf(), await keyOf());
});

t.test('key and counter outlast central, also when its clock is set back', async (t) => {
  const clock = createManualClock();
  const folder = createCentralFolder(t);
  const { gatewayKey: key, centralKeys: callers } = folder;
  const gateway = await openScriptedGateway(t, { key, callers, clock });
  const store = `sqlite:${join(folder.path, 'central.db')}`;
  const config = { networks: [networkThrough(gateway.url)], gatewayPollMs: 3_600_000, store };
  const before = await startCentral(t, { folder, clock, config });
  await isOnline(before);
  const device = await connectDevice(t, before.url);
  const answer = await device.hello(said);
  const told = authOf(answer);
  const endpoint = new URL(await device.register('c')).pathname;
  await fallAsleep(t, { clock }, device);
  await put(before.url + endpoint, 1);
  await during(clock, before.watch.logged(traces.wakeupAnswered));
  await before.central.close();
  // An hour earlier; gateways and central agree on it.
  const earlier = createManualClock(clock.now() - 3_600_000);
  const other = await openScriptedGateway(t, { key, callers, clock: earlier });
  const networks = [networkThrough(other.url)];
  const after = await startCentral(t, { folder, clock: earlier, config: { ...config, networks } });
  await isOnline(after);
  const again = await connectDevice(t, after.url);
  const later = authOf(await again.hello({ uaid: answer.uaid, ...said }));
  t.same(later.key, told.key);
  again.socket.terminate();
  await during(earlier, after.watch.logged(traces.deviceClosed));
  const running = { ...after, clock: earlier, gateway: other };
  await untilNextWakeup(running, { stepMs: 1_000 });
  const counters = [...gateway.wakeups, ...other.wakeups].map(({ auth }) => auth?.counter ?? 0);
  t.equal(counters.length, 2);
  t.ok(told.counter < Number(counters[0]));
  t.ok(Number(counters[0]) < later.counter);
  t.ok(later.counter < Number(counters[1]));
  t.ok(other.wakeups.every((wakeup) => isOwn(told.key, wakeup)));
});

t.test('a wakeup on probation is authenticated too, above what hello told', async (t) => {
  const running = await startWakingCentral(t, { wakeupAttemptsMax: 1 });
  const { url, gateway, watch } = running;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello(said);
  const endpoint = await device.register('c');
  await fallAsleep(t, running, device);
  await put(endpoint, 1);
  await passUntil(running, () => watch.count(traces.deviceDark) > 0, { stepMs: 2_000 });
  const again = await connectDevice(t, url);
  const answer = await again.hello({ uaid, ...said });
  t.equal(answer.status, 200);
  const { key, counter } = authOf(answer);
  again.ack('c', 1);
  gateway.wakeups.length = 0;
  await passUntil(running, () => gateway.wakeups.length > 0, { stepMs: 2_000 });
  const [wakeup] = gateway.wakeups;
  t.ok(wakeup && isOwn(key, wakeup));
  t.ok(Number(wakeup?.auth?.counter) > counter);
});

t.test('nonces carry no code: they wake nobody', async (t) => {
  const running = await startWakingCentral(t);
  const { url, gateway } = running;
  const both = wakeableWith(9000, { auth: true, proof: true });
  const answer = await (await connectDevice(t, url)).hello(both);
  t.ok(authOf(answer));
  await passUntil(running, () => gateway.wakeups.length > 0, { stepMs: 100 });
  t.match(gateway.wakeups, [{ nonce: /./, auth: undefined }]);
});
