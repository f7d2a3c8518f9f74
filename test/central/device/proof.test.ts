// Proof before 4774: a device that says it can returns the nonce of a datagram before it is put to sleep.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { during, startWakingCentral, type WakingCentral } from '../../support/running-central.js';
import {
  awakened,
  fallAsleep,
  never,
  nextNonce,
  passUntil,
  prove,
  provenSleeper,
  settled,
  sleeper,
  untilNextWakeup,
  wakeableWith,
} from '../../support/sleeping-devices.js';
import { connectDevice, put, wakeable } from '../../support/test-device.js';

const proving = wakeableWith(9000, { proof: true });
const proofs = (result: string) =>
  `reveille_central_proofs_total{network="214-07",result="${result}"}`;

t.test('hello is answered 201 at once, and 4774 comes after the nonce alone', async (t) => {
  const running = await startWakingCentral(t);
  const { clock, gateway, metric } = running;
  const { device } = await awakened(t, running, proving);
  const nonce = await nextNonce(running);
  t.match(gateway.wakeups, [{ ip: '127.0.0.1', port: 9000, nonce: /^[\w-]{21}[AQgw]$/ }]);
  clock.advance(60_000);
  await settled(running);
  t.equal(device.socket.readyState, device.socket.OPEN);
  t.equal(await metric('reveille_central_proofs_unanswered'), 1);
  await prove(t, running, { device, nonce });
  t.equal(await metric('reveille_central_proofs_unanswered'), 0);
  t.equal(await metric(proofs('answered')), 1);
  await fallAsleep(t, running, device);
});

t.test('a wrong nonce proves nothing, and is not answered', async (t) => {
  const running = await startWakingCentral(t);
  const { clock } = running;
  const { device } = await awakened(t, running, proving);
  const nonce = String(await nextNonce(running));
  const bad = ['', nonce.slice(1), `${nonce}A`, nonce.toLowerCase(), 'AAAAAAAAAAAAAAAAAAAAAA'];
  for (const wrong of bad) await prove(t, running, { device, nonce: wrong });
  device.send({ messageType: 'wakeupProof' });
  device.send({ messageType: 'wakeupProof', nonce: [nonce] });
  clock.advance(60_000);
  await settled(running);
  t.equal(device.socket.readyState, device.socket.OPEN);
});

t.test('a nonce proves one address of one socket: not that of a later hello', async (t) => {
  const running = await startWakingCentral(t);
  const { clock } = running;
  const { device } = await awakened(t, running, proving);
  const first = await nextNonce(running);
  const moved = wakeableWith(9001, { proof: true });
  t.match(await during(clock, device.hello(moved)), { status: 201 });
  const second = await nextNonce(running);
  t.not(second, first);
  await prove(t, running, { device, nonce: first });
  clock.advance(30_000);
  await settled(running);
  t.equal(device.socket.readyState, device.socket.OPEN);
  const other = await awakened(t, running, wakeableWith(9002, { proof: true }));
  await prove(t, running, { device: other.device, nonce: second });
  clock.advance(30_000);
  await settled(running);
  t.equal(other.device.socket.readyState, device.socket.OPEN, 'nor that of another device');
});

t.test('a nonce that comes back twice proves once', async (t) => {
  const running = await startWakingCentral(t);
  const { watch, metric, clock } = running;
  const { device } = await awakened(t, running, proving);
  const nonce = await nextNonce(running);
  for (let i = 0; i < 3; i++) device.send({ messageType: 'wakeupProof', nonce });
  await prove(t, running, { device, nonce });
  t.equal(watch.count(traces.addressProven), 1);
  t.equal(await metric(proofs('answered')), 1);
  await fallAsleep(t, { clock }, device);
});

/** Time stands still until central has the gateway's answers to as many questions as it says were sent. */
async function answered({ clock, gateway, metric }: WakingCentral): Promise<void> {
  const areNoted = async () => (await metric(proofs('sent'))) === gateway.wakeups.length;
  while (!(await during(clock, areNoted())));
}

t.test('an address without an answer is asked less and less often', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway, metric } = running;
  const { device } = await awakened(t, running, proving);
  const nonce = await nextNonce(running);
  for (const waitMs of [8_000, 16_000, 32_000, 64_000]) {
    await answered(running);
    const tookMs = await untilNextWakeup(running, { stepMs: 1_000 });
    t.ok(tookMs >= waitMs - 1_000 && tookMs <= waitMs + 1_000, `${waitMs}: ${tookMs}`);
  }
  await answered(running);
  t.same(new Set(gateway.wakeups.map((wakeup) => wakeup.nonce)), new Set([nonce]));
  t.equal(new Set(gateway.wakeups.map(({ id }) => id)).size, 5);
  t.equal(await metric(proofs('sent')), 5);
  await prove(t, running, { device, nonce });
  t.equal(await untilNextWakeup(running, { limitMs: 9_000 }), never, 'and no more once proved');
});

t.test('whoever claims it: several devices are one address', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway } = running;
  for (let i = 0; i < 5; i++) await awakened(t, running, proving);
  await passUntil(running, () => gateway.wakeups.length > 0, { stepMs: 100 });
  t.equal(await untilNextWakeup(running, { limitMs: 7_000, stepMs: 1_000 }), never);
  for (let i = 0; i < 3; i++) await (await awakened(t, running, proving)).device.socket.close();
  t.equal(gateway.wakeups.length, 1, 'nor does a new socket change that');
  for (const waitMs of [8_000, 16_000]) {
    await answered(running);
    t.ok((await untilNextWakeup(running, { stepMs: 1_000 })) <= waitMs + 1_000);
  }
  t.equal(await untilNextWakeup(running, { limitMs: 30_000 }), never);
  t.equal(gateway.wakeups.length, 3);
});

t.test('whoever is there proves it with what was sent for the claim of another', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway } = running;
  const claimed = await awakened(t, running, proving);
  const nonce = await nextNonce(running);
  const there = await awakened(t, running, proving);
  await prove(t, running, { device: there.device, nonce });
  t.equal(gateway.wakeups.length, 1, 'without a datagram of its own');
  await fallAsleep(t, running, there.device);
  t.equal(claimed.device.socket.readyState, claimed.device.socket.OPEN);
});

t.test('of more addresses than proofTargetsMax the others are not asked', async (t) => {
  const running = await startWakingCentral(t, { proofTargetsMax: 1 });
  const { gateway, metric } = running;
  await awakened(t, running, proving);
  await nextNonce(running);
  await awakened(t, running, wakeableWith(9001, { proof: true }));
  t.equal(await nextNonce(running), undefined);
  t.equal(gateway.wakeups.length, 1);
  t.equal(await metric(proofs('full')), 1);
});

t.test('an address that nobody claims any more is forgotten after an hour', async (t) => {
  const running = await startWakingCentral(t);
  const { clock, metric, watch } = running;
  const { device } = await awakened(t, running, proving);
  await nextNonce(running);
  device.socket.terminate();
  await during(clock, watch.logged(traces.deviceClosed));
  t.equal(await metric('reveille_central_proofs_unanswered'), 1);
  clock.advance(3_600_000 + 8_000);
  t.equal(await metric('reveille_central_proofs_unanswered'), 0);
});

t.test('what a gateway does not send was no question', async (t) => {
  const running = await startWakingCentral(t);
  const { clock, gateway, metric } = running;
  gateway.resultOf = () => ({ outcome: 'deferred', retryAfterMs: 20_000 });
  await awakened(t, running, proving);
  t.ok(await nextNonce(running));
  // Central has the answer: there is no question any more.
  const unanswered = 'reveille_central_proofs_unanswered';
  while ((await during(clock, metric(unanswered))) > 0);
  const tookMs = await untilNextWakeup(running, { stepMs: 1_000 });
  t.ok(tookMs >= 19_000 && tookMs <= 21_000, String(tookMs));
  t.equal(await metric(proofs('sent')), 0);
});

t.test('an address that is not proved is never woken for a version', async (t) => {
  const running = await startWakingCentral(t);
  const { metric, gateway } = running;
  const { device, endpoint, comeBack } = await awakened(t, running, proving);
  await nextNonce(running);
  device.socket.terminate();
  await device.closed;
  t.equal((await put(endpoint, 1)).status, 200);
  t.equal(await untilNextWakeup(running, { limitMs: 60_000 }), never);
  t.equal(gateway.wakeups.length, 1);
  t.equal(await metric('reveille_central_notifications_total{path="stored"}'), 1);
  const again = await comeBack();
  t.match(await again.receive(), { status: 201 });
  t.match(await again.receive(), { updates: [{ version: '1' }] }, 'nothing is lost');
});

t.test('what came before the proof is woken for after it', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway } = running;
  const { device, endpoint } = await awakened(t, running, proving);
  const nonce = await nextNonce(running);
  await put(endpoint, 1);
  t.match(await device.receive(), { updates: [{ version: '1' }] });
  await prove(t, running, { device, nonce });
  device.socket.terminate();
  await device.closed;
  t.ok((await untilNextWakeup(running, { stepMs: 1_000 })) <= 11_000);
  t.match(gateway.wakeups.at(-1), { port: 9000, nonce: undefined });
});

t.test('the same proven address needs no new proof at the next hello', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway } = running;
  const { comeBack } = await provenSleeper(t, running, proving);
  const again = await comeBack();
  t.match(await again.receive(), { status: 201 });
  await fallAsleep(t, running, again);
  t.equal(gateway.wakeups.length, 1);
  const moved = await comeBack(wakeableWith(9001, { proof: true }));
  t.match(await moved.receive(), { status: 201 });
  t.ok(await nextNonce(running), 'another one does');
});

t.test('a device that proves and leaves at once is believed', async (t) => {
  const running = await startWakingCentral(t);
  const { watch, clock, gateway } = running;
  const { device, endpoint } = await awakened(t, running, proving);
  const nonce = await nextNonce(running);
  device.send({ messageType: 'wakeupProof', nonce });
  device.socket.close();
  await during(clock, watch.logged(traces.addressProven));
  await during(clock, watch.logged(traces.deviceClosed));
  await put(endpoint, 1);
  await passUntil(running, () => gateway.wakeups.length === 2, { stepMs: 1_000 });
  t.match(gateway.wakeups[1], { nonce: undefined });
});

t.test('a device that cannot is trusted where its address is in range', async (t) => {
  const running = await startWakingCentral(t);
  await sleeper(t, running);
  t.equal(running.gateway.wakeups.length, 0, 'and is asked for nothing');
});

t.test('legacyTrust egress: where its socket comes out of the network', async (t) => {
  const network = { legacyTrust: 'egress', egress: ['127.0.0.2/32'] };
  const { url } = await startWakingCentral(t, {}, network);
  const hello = async (localAddress: string, said = wakeable(9000)) =>
    (await (await connectDevice(t, url, { localAddress })).hello(said)).status;
  t.equal(await hello('127.0.0.2'), 201);
  t.equal(await hello('127.0.0.3'), 200);
  t.equal(await hello('127.0.0.3', proving), 201, 'one that can prove it comes from anywhere');
});

t.test('legacyTrust never: nobody who cannot prove it, in no network or in one', async (t) => {
  for (const [all, one] of [
    [{ legacyTrust: 'never' }, {}],
    [{ legacyTrust: 'range' }, { legacyTrust: 'never' }],
  ] as const) {
    const { url } = await startWakingCentral(t, all, one);
    t.match(await (await connectDevice(t, url)).hello(wakeable(9000)), { status: 200 });
    t.match(await (await connectDevice(t, url)).hello(proving), { status: 201 });
  }
});
