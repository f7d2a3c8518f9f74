// Never a dark device: what is not believed any more is counted, listed, and believed again once a wakeup has worked.
import t, { type Test } from 'tap';
import type { DevicesAnswer } from '../../../central/ops/commands.js';
import { traces } from '../../../shared/traces.js';
import type { ManualClock } from '../../support/manual-clock.js';
import { during, startWakingCentral, type WakingCentral } from '../../support/running-central.js';
import {
  awakened,
  fallAsleep,
  never,
  passUntil,
  provenSleeper,
  settled,
  sleeper,
  untilNextWakeup,
  wakeableWith,
  wakeups,
} from '../../support/sleeping-devices.js';
import { type Frame, put, type TestDevice, wakeable } from '../../support/test-device.js';

const darkCount = 'reveille_central_devices_dark{network="214-07"}';
const darkened = (reason: string) =>
  `reveille_central_devices_darkened_total{network="214-07",reason="${reason}"}`;

async function listed({ central, clock }: WakingCentral): Promise<DevicesAnswer> {
  const answer = await during(clock, fetch(`${central.adminUrl}/devices`));
  return (await answer.json()) as DevicesAnswer;
}

/** A device that did not come back from its one wakeup for version 1. */
async function darkDevice(t: Test, { said = wakeable(9000), config = {} } = {}) {
  const running = await startWakingCentral(t, { wakeupAttemptsMax: 1, ...config });
  const { watch, gateway } = running;
  const device = (await (said.wakeup_hostport as { proof?: true }).proof)
    ? await provenSleeper(t, running, said)
    : await sleeper(t, running, said);
  await put(device.endpoint, 1);
  await passUntil(running, () => watch.count(traces.deviceDark) > 0, { stepMs: 2_000 });
  gateway.wakeups.length = 0;
  return { ...running, ...device };
}

/** Takes the answer to hello, and version 1. Resolves to the answer, once its ack is kept. */
async function takeFirst(t: Test, device: TestDevice, clock: ManualClock): Promise<Frame> {
  const answer = await device.receive();
  await takePending(t, device, clock);
  return answer;
}

async function takePending(t: Test, device: TestDevice, clock: ManualClock): Promise<void> {
  t.match(await device.receive(), { updates: [{ channelID: 'c', version: '1' }] });
  device.ack('c', 1);
  device.send('PING');
  t.same(await during(clock, device.receive()), { text: 'PONG' });
}

t.test('a device that five wakeups did not bring back is dark, counted and listed', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway, watch, metric } = running;
  const { uaid, endpoint } = await sleeper(t, running);
  await put(endpoint, 1);
  t.equal(await metric(darkCount), 0);
  await passUntil(running, () => watch.count(traces.deviceDark) > 0, { stepMs: 10_000 });
  t.equal(gateway.wakeups.length, 5);
  t.equal(await metric(wakeups('unconfirmed')), 5);
  t.equal(await metric(darkened('unconfirmed')), 1);
  t.equal(await metric(darkCount), 1);
  const sinceMs = running.clock.now();
  t.match(await listed(running), {
    devices: [{ uaid, network: '214-07', reason: 'unconfirmed', pending: 1 }],
    isCut: false,
  });
  t.ok(Number((await listed(running)).devices[0]?.sinceMs) > sinceMs - 10_001);
  t.match(watch.lines.find(({ trace }) => trace === traces.deviceDark)?.fields, {
    ...{ network: '214-07', reason: 'unconfirmed' },
  });
});

t.test('its next hello gets 200 and what is pending, and keeps its socket', async (t) => {
  const running = await darkDevice(t);
  const { comeBack, clock, metric } = running;
  const device = await comeBack();
  t.match(await takeFirst(t, device, clock), { status: 200 });
  for (let i = 0; i < 20; i++) {
    clock.advance(60_000);
    await settled(running);
  }
  device.send('PING');
  t.same(await during(clock, device.receive()), { text: 'PONG' });
  t.equal(await metric(darkCount), 0, 'nobody is dark whose socket is open');
  t.same((await listed(running)).devices, []);
});

t.test('one that can is asked for a nonce, then put to sleep and woken again', async (t) => {
  const running = await darkDevice(t, { said: wakeableWith(9000, { proof: true }) });
  const { comeBack, clock, gateway, endpoint } = running;
  const device = await comeBack();
  const { status } = await takeFirst(t, device, clock);
  t.equal(status, 200, 'proven as it was before');
  await passUntil(running, () => gateway.wakeups.length > 0, { stepMs: 100 });
  t.match(gateway.wakeups, [{ port: 9000, nonce: /^[\w-]{22}$/ }]);
  clock.advance(60_000);
  device.send({ messageType: 'wakeupProof', nonce: gateway.wakeups[0]?.nonce });
  device.send('PING');
  t.same(await during(clock, device.receive()), { text: 'PONG' }, 'not before');
  await fallAsleep(t, running, device);
  gateway.wakeups.length = 0;
  await put(endpoint, 2);
  await during(
    clock,
    passUntil(running, () => gateway.wakeups.length > 0, { stepMs: 0 }),
  );
  t.match(gateway.wakeups, [{ port: 9000, nonce: undefined }]);
});

t.test(
  'a legacy device is sent one plain wakeup once it is quiet; a frame proves it',
  async (t) => {
    const running = await darkDevice(t);
    const { comeBack, clock, gateway, endpoint } = running;
    const device = await comeBack();
    await device.receive();
    await device.receive();
    device.ack('c', 1);
    clock.advance(9_000);
    device.send('PING');
    await device.receive();
    clock.advance(9_000);
    await settled(running);
    t.equal(gateway.wakeups.length, 0, 'not while it talks');
    clock.advance(1_100);
    await settled(running);
    t.match(gateway.wakeups, [{ port: 9000, nonce: undefined, auth: undefined }]);
    clock.advance(1_000);
    // Of a type that is answered without the store.
    device.send({ messageType: 'stir' });
    t.match(await during(clock, device.receive()), { status: 405 });
    await settled(running);
    await fallAsleep(t, running, device);
    await put(endpoint, 2);
    await passUntil(running, () => gateway.wakeups.length === 2, { stepMs: 1_000 });
    t.equal(gateway.wakeups.length, 2);
  },
);

t.test('a legacy device that is not stirred is asked once, and keeps its socket', async (t) => {
  const running = await darkDevice(t);
  const { comeBack, clock, gateway } = running;
  const device = await comeBack();
  await takeFirst(t, device, clock);
  t.not(await untilNextWakeup(running, { stepMs: 2_000 }), never);
  t.equal(await untilNextWakeup(running, { limitMs: 60_000 }), never);
  // After the window: as any keep-alive would.
  device.send('PING');
  t.same(await during(clock, device.receive()), { text: 'PONG' });
  clock.advance(60_000);
  await settled(running);
  t.equal(device.socket.readyState, device.socket.OPEN);
  t.equal(gateway.wakeups.length, 1);
});

t.test('a version in between is delivered on the socket, and its ack proves nothing', async (t) => {
  const running = await darkDevice(t);
  const { comeBack, clock, gateway, endpoint } = running;
  const device = await comeBack();
  await takeFirst(t, device, clock);
  t.not(await untilNextWakeup(running, { stepMs: 2_000 }), never);
  await put(endpoint, 2);
  t.match(await during(clock, device.receive()), { updates: [{ version: '2' }] });
  device.ack('c', 2);
  await settled(running);
  clock.advance(60_000);
  await settled(running);
  t.equal(device.socket.readyState, device.socket.OPEN);
  t.equal(gateway.wakeups.length, 1);
});

t.test('what stirs the device before its gateway has answered proves it too', async (t) => {
  for (const isDelivered of [false, true]) {
    const running = await darkDevice(t);
    const { comeBack, clock, gateway, endpoint } = running;
    const device = await comeBack();
    await takeFirst(t, device, clock);
    let release = () => {};
    gateway.held = new Promise((resolve) => {
      release = resolve;
    });
    clock.advance(10_100);
    await during(
      clock,
      waitFor(() => gateway.wakeups.length === 1),
    );
    if (isDelivered) {
      await put(endpoint, 2);
      t.match(await during(clock, device.receive()), { updates: [{ version: '2' }] });
      device.ack('c', 2);
    }
    device.send('PING');
    t.same(await during(clock, device.receive()), { text: 'PONG' });
    release();
    await settled(running);
    clock.advance(10_100);
    await settled(running);
    if (isDelivered) t.equal(device.socket.readyState, device.socket.OPEN, 'but no answer to us');
    else t.equal((await during(clock, device.closed)).code, 4774);
  }
});

async function waitFor(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

t.test(
  'a legacy device that was on probation for long is forgiven at its next hello',
  async (t) => {
    const running = await darkDevice(t, { config: { legacyProbationMs: 600_000 } });
    const { comeBack, clock } = running;
    const hello = async () => {
      const device = await comeBack();
      const { status } = await device.receive();
      return { device, status };
    };
    t.equal((await hello()).status, 200, 'its probation begins when it comes back');
    clock.advance(599_000);
    t.equal((await hello()).status, 200);
    clock.advance(1_000);
    const { device, status } = await hello();
    t.equal(status, 201);
    t.match(await device.receive(), { messageType: 'notification' });
    device.ack('c', 1);
    device.send('PING');
    t.same(await during(clock, device.receive()), { text: 'PONG' });
    await fallAsleep(t, running, device);
  },
);

t.test('a device that can prove its address is not forgiven: it is to prove it', async (t) => {
  const said = wakeableWith(9000, { proof: true });
  const running = await darkDevice(t, { said, config: { legacyProbationMs: 1_000 } });
  t.match(await (await running.comeBack()).receive(), { status: 200 });
  running.clock.advance(60_000);
  t.match(await (await running.comeBack()).receive(), { status: 200 });
});

t.test('nobody is woken at an address whose lease is over', async (t) => {
  const running = await startWakingCentral(t, { wakeupLeaseMs: 60_000 });
  const { clock, gateway, metric, watch } = running;
  const { endpoint, comeBack } = await sleeper(t, running);
  clock.advance(60_001);
  // The lease is over and nobody has looked yet.
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.deviceDark));
  await put(endpoint, 2);
  t.equal(await untilNextWakeup(running, { limitMs: 30_000 }), never);
  t.equal(gateway.wakeups.length, 0);
  t.equal(await metric(darkened('lease')), 1);
  t.equal(await metric(darkCount), 1);
  const device = await comeBack();
  t.match(await device.receive(), { status: 200 });
  t.match(await device.receive(), { updates: [{ version: '2' }] });
});

t.test('a lease that is over makes a device dark without any version', async (t) => {
  const running = await startWakingCentral(t, { wakeupLeaseMs: 60_000 });
  const { watch, metric } = running;
  await sleeper(t, running);
  const tookMs = await passUntil(running, () => watch.count(traces.deviceDark) > 0);
  t.ok(tookMs >= 49_000 && tookMs <= 60_000, String(tookMs));
  t.equal(await metric(darkened('lease')), 1);
  t.equal(await metric(wakeups('expired')), 0, 'no wakeup ended');
});

t.test('the lease of a connected device is renewed', async (t) => {
  const running = await startWakingCentral(t, { wakeupLeaseMs: 60_000 });
  const { clock, watch, gateway } = running;
  const { device, endpoint } = await awakened(t, running);
  for (let i = 0; i < 40; i++) {
    clock.advance(5_000);
    await settled(running);
    device.send('PING');
    t.same(await during(clock, device.receive()), { text: 'PONG' });
  }
  t.equal(watch.count(traces.deviceDark), 0);
  device.socket.close();
  await during(clock, device.closed);
  await put(endpoint, 1);
  t.not(await untilNextWakeup(running, { stepMs: 1_000 }), never);
  t.equal(gateway.wakeups.length, 1, 'and it can be woken');
});
