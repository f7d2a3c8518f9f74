// One (network, ip, port) belongs to one device: the newest proof wins, and the loser's address is forgotten.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { during, startWakingCentral } from '../../support/running-central.js';
import {
  awakened,
  fallAsleep,
  never,
  nextNonce,
  prove,
  provenSleeper,
  settled,
  sleeper,
  untilNextWakeup,
  wakeableWith,
} from '../../support/sleeping-devices.js';
import { connectDevice, put, wakeable } from '../../support/test-device.js';

const proving = wakeableWith(9000, { proof: true });

t.test('a sleeper whose address another one proves is dark, and woken no more', async (t) => {
  const running = await startWakingCentral(t);
  const { watch, metric, gateway, clock } = running;
  const loser = await provenSleeper(t, running);
  const winner = await awakened(t, running, proving);
  t.equal(watch.count(traces.deviceDark), 0, 'a claim takes nothing');
  await prove(t, running, { device: winner.device, nonce: await nextNonce(running) });
  t.match(watch.lines.find(({ trace }) => trace === traces.deviceDark)?.fields, {
    reason: 'taken',
  });
  t.equal(
    await metric('reveille_central_devices_darkened_total{network="214-07",reason="taken"}'),
    1,
  );
  await put(loser.endpoint, 1);
  t.equal(await untilNextWakeup(running, { limitMs: 30_000 }), never);
  gateway.wakeups.length = 0;
  await during(clock, winner.device.closed);
  await put(winner.endpoint, 1);
  t.not(await untilNextWakeup(running, { stepMs: 1_000 }), never);
  const back = await loser.comeBack(wakeableWith(9001, { proof: true }));
  t.match(await back.receive(), { status: 200 }, 'the loser is on probation');
  t.match(await back.receive(), { updates: [{ version: '1' }] });
});

t.test('a connected loser keeps its socket and gets what comes', async (t) => {
  const running = await startWakingCentral(t);
  const { clock } = running;
  const loser = await awakened(t, running, proving);
  await prove(t, running, { device: loser.device, nonce: await nextNonce(running) });
  const winner = await awakened(t, running, proving);
  await prove(t, running, { device: winner.device, nonce: await nextNonce(running) });
  await fallAsleep(t, running, winner.device);
  clock.advance(30_000);
  await settled(running);
  t.equal(loser.device.socket.readyState, loser.device.socket.OPEN);
  await put(loser.endpoint, 1);
  t.match(await during(clock, loser.device.receive()), { updates: [{ version: '1' }] });
});

t.test('a wakeup under way to a lost address has expired', async (t) => {
  const running = await startWakingCentral(t);
  const { metric } = running;
  const loser = await provenSleeper(t, running);
  await put(loser.endpoint, 1);
  await untilNextWakeup(running, { stepMs: 1_000 });
  await settled(running);
  const winner = await awakened(t, running, proving);
  await prove(t, running, { device: winner.device, nonce: await nextNonce(running) });
  t.equal(await metric('reveille_central_wakeups_total{network="214-07",outcome="expired"}'), 1);
});

t.test('who can prove nothing takes nothing from who has', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway, url } = running;
  const owner = await provenSleeper(t, running);
  const liar = await connectDevice(t, url);
  t.match(await liar.hello(wakeable(9000)), { status: 200 });
  gateway.wakeups.length = 0;
  await put(owner.endpoint, 1);
  t.not(await untilNextWakeup(running, { stepMs: 1_000 }), never);
});

t.test('of those that can prove nothing the newest has it', async (t) => {
  const running = await startWakingCentral(t);
  const older = await sleeper(t, running);
  const newer = await sleeper(t, running);
  await put(older.endpoint, 1);
  t.equal(await untilNextWakeup(running, { limitMs: 30_000 }), never);
  await put(newer.endpoint, 1);
  t.not(await untilNextWakeup(running, { stepMs: 1_000 }), never);
});

t.test('another port, protocol or network is another address', async (t) => {
  const running = await startWakingCentral(t);
  const { watch } = running;
  await provenSleeper(t, running);
  await provenSleeper(t, running, wakeableWith(9001, { proof: true }));
  t.equal(watch.count(traces.deviceDark), 0);
});
