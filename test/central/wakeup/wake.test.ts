// Waking one device: once at a time, again when its window is over, at most five times, and over a restart.
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openDatabase } from '../../../central/store/sqlite-database.js';
import { traces } from '../../../shared/traces.js';
import type { WakeupResult } from '../../../shared/wakeup/request.js';
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
  never,
  settled,
  sleeper,
  untilNextWakeup,
  wakeups,
} from '../../support/sleeping-devices.js';
import { connectDevice, put, wakeable } from '../../support/test-device.js';

/** Of a window of the floor: its jitter, and the second until central looks. */
const slackMs = 2_000 + 1_000;

t.test('wakes a sleeping device with one wakeup, and it finds its version', async (t) => {
  const running = await startWakingCentral(t);
  const { clock, gateway, metric } = running;
  const { endpoint, comeBack } = await sleeper(t, running);
  t.equal((await put(endpoint, 5)).status, 200);
  t.match(await during(clock, gateway.nextBatch()), [
    { network: '214-07', ip: '127.0.0.1', port: 9000, protocol: 'udp' },
  ]);
  await during(clock, running.watch.logged(traces.wakeupAnswered));
  clock.advance(2_000);
  const device = await comeBack();
  t.match(await device.receive(), { status: 201 });
  t.match(await device.receive(), { updates: [{ channelID: 'c', version: '5' }] });
  device.ack('c', 5);
  t.equal(await metric(wakeups('triggered')), 1);
  t.equal(await metric(wakeups('success')), 1);
  const seconds = 'reveille_central_wakeup_reconnect_seconds';
  t.equal(await metric(`${seconds}_count{network="214-07"}`), 1);
  t.equal(await metric(`${seconds}_sum{network="214-07"}`), 2);
  t.equal(await metric('reveille_central_notifications_total{path="wakeup"}'), 1);
});

t.test('further PUTs cause no wakeup while one is in flight', async (t) => {
  const running = await startWakingCentral(t);
  const { clock, gateway, metric } = running;
  const { endpoint, comeBack } = await sleeper(t, running);
  for (let version = 1; version <= 5; version++) await put(endpoint, version);
  await during(clock, running.watch.logged(traces.wakeupAnswered));
  for (let version = 6; version <= 10; version++) await put(endpoint, version);
  await settled(running);
  t.equal(gateway.wakeups.length, 1);
  t.equal(await metric(wakeups('replaced')), 9);
  const device = await comeBack();
  t.match(await device.receive(), { status: 201 });
  t.match(await device.receive(), { updates: [{ version: '10' }] });
});

t.test('wakes again when a window is over, twice as long each, five times in all', async (t) => {
  const running = await startWakingCentral(t);
  const { clock, gateway, metric, watch } = running;
  const { endpoint, comeBack } = await sleeper(t, running);
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.wakeupAnswered));
  for (const [i, windowMs] of [8_000, 16_000, 32_000, 64_000].entries()) {
    const stepMs = windowMs / 8;
    const tookMs = await untilNextWakeup(running, { stepMs });
    const longestMs = windowMs * 1.25 + stepMs;
    t.ok(tookMs >= windowMs && tookMs <= longestMs, `${windowMs}: ${tookMs}`);
    await during(clock, watch.logged(traces.wakeupAnswered, i + 2));
  }
  t.equal(watch.count(traces.deviceDark), 0, 'the last one has its window too');
  t.equal(await untilNextWakeup(running, { limitMs: 170_000 }), never);
  t.equal(new Set(gateway.wakeups.map(({ id }) => id)).size, 5, 'each with an id of its own');
  t.equal(await metric(wakeups('triggered')), 5);
  t.equal(await metric(wakeups('unconfirmed')), 5);
  t.equal(watch.count(traces.deviceDark), 1);
  t.equal((await put(endpoint, 2)).status, 200);
  t.equal(
    await untilNextWakeup(running, { limitMs: 60_000 }),
    never,
    'not for a newer version either',
  );
  const device = await comeBack();
  t.match(await device.receive(), { status: 200 });
  t.match(await device.receive(), { updates: [{ version: '2' }] }, 'nothing is lost');
});

t.test('a device that comes back and acks is woken no more', async (t) => {
  const running = await startWakingCentral(t);
  const { clock, gateway, watch } = running;
  const { endpoint, comeBack } = await sleeper(t, running);
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.wakeupAnswered));
  const device = await comeBack();
  t.match(await device.receive(), { status: 201 });
  await device.receive();
  device.ack('c', 1);
  device.send('{}');
  await device.receive();
  device.socket.close();
  await device.closed;
  t.equal(await untilNextWakeup(running, { limitMs: 60_000 }), never);
  t.equal(gateway.wakeups.length, 1);
});

/** A device that was sent version 1 and has left without its ack. */
async function leftUnacked(t: Test) {
  const running = await startWakingCentral(t);
  const { url, clock, watch } = running;
  const device = await connectDevice(t, url);
  await device.hello(wakeable(9000));
  const endpoint = await device.register('c');
  await put(endpoint, 1);
  await device.receive();
  device.socket.terminate();
  await during(clock, watch.logged(traces.deviceClosed));
  return { ...running, endpoint };
}

t.test('a device that leaves without its ack is woken', async (t) => {
  const running = await leftUnacked(t);
  const tookMs = await untilNextWakeup(running, { stepMs: 1_000 });
  t.ok(tookMs <= 8_000 + slackMs, String(tookMs));
});

t.test('one that left without its ack is woken at once for what comes then', async (t) => {
  const running = await leftUnacked(t);
  const { clock, watch, gateway, endpoint } = running;
  await put(endpoint, 2);
  await during(clock, watch.logged(traces.wakeupAnswered));
  t.equal(gateway.wakeups.length, 1, 'while time stands still');
  t.ok((await untilNextWakeup(running)) >= 8_000, 'and not once more');
});

t.test('does not wake a device whose socket is open, acked or not', async (t) => {
  const running = await startWakingCentral(t);
  const { url, gateway } = running;
  const device = await connectDevice(t, url);
  await device.hello(wakeable(9000));
  const endpoint = await device.register('c');
  await put(endpoint, 1);
  t.equal(await untilNextWakeup(running, { limitMs: 50_000 }), never);
  t.equal(gateway.wakeups.length, 0);
});

t.test('does not wake a device that was answered 200', async (t) => {
  const running = await startWakingCentral(t);
  const device = await connectDevice(t, running.url);
  await device.hello(wakeable(9000, { wakeup_hostport: { ip: '192.168.0.1', port: 9000 } }));
  const endpoint = await device.register('c');
  device.socket.close();
  await device.closed;
  await put(endpoint, 1);
  t.equal(await untilNextWakeup(running, { limitMs: 60_000 }), never);
  t.equal(await running.metric('reveille_central_notifications_total{path="stored"}'), 1);
});

const results: [string, Omit<WakeupResult, 'id'>, { fromMs: number; toMs: number }][] = [
  ['failed', { outcome: 'failed', reason: 'send-failed' }, { fromMs: 5_000, toMs: 6_000 }],
  ['refused', { outcome: 'refused', reason: 'dry-run' }, { fromMs: 8_000, toMs: 11_000 }],
  ['deferred', { outcome: 'deferred', retryAfterMs: 3_000 }, { fromMs: 3_000, toMs: 4_000 }],
  ['deferred without a time', { outcome: 'deferred' }, { fromMs: 200, toMs: 1_000 }],
  [
    'deferred for a day',
    { outcome: 'deferred', retryAfterMs: 86_400_000 },
    { fromMs: 3_600_000, toMs: 3_601_000 },
  ],
];

for (const [name, result, expected] of results) {
  t.test(`tries again after ${expected.fromMs} ms when a wakeup is ${name}`, async (t) => {
    const running = await startWakingCentral(t);
    const { clock, gateway, watch, metric } = running;
    gateway.resultOf = () => result;
    const { endpoint, comeBack } = await sleeper(t, running);
    await put(endpoint, 1);
    await during(clock, watch.logged(traces.wakeupAnswered));
    const { fromMs, toMs } = expected;
    // Of an hour all but the last minute passes in long steps.
    const quietMs = Math.max(0, fromMs - 60_000);
    if (quietMs > 0) {
      const early = await untilNextWakeup(running, { stepMs: 60_000, limitMs: quietMs });
      t.equal(early, never);
    }
    const restMs = await untilNextWakeup(running, { stepMs: 1_000, limitMs: 2 * toMs });
    const tookMs = quietMs + restMs;
    t.ok(tookMs >= fromMs && tookMs <= toMs, `${tookMs}`);
    const isDeferred = result.outcome === 'deferred';
    t.equal((await metric(wakeups('failure'))) > 0, !isDeferred);
    t.equal(await metric(wakeups('triggered')), 0);
    const device = await comeBack();
    t.match(await device.receive(), { status: 201 });
    t.match(await device.receive(), { updates: [{ version: '1' }] });
    t.equal(await metric(wakeups('success')), 0, 'it came by itself');
  });
}

t.test('a deferral is not an attempt', async (t) => {
  const running = await startWakingCentral(t, { wakeupAttemptsMax: 1 });
  const { clock, gateway, watch, metric } = running;
  gateway.resultOf = () => ({ outcome: 'deferred', retryAfterMs: 1_000 });
  const { endpoint } = await sleeper(t, running);
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.wakeupAnswered));
  for (let i = 2; i <= 6; i++) {
    t.not(await untilNextWakeup(running, { limitMs: 10_000, stepMs: 1_000 }), never);
    await during(clock, watch.logged(traces.wakeupAnswered, i));
  }
  t.equal(watch.count(traces.deviceDark), 0);
  t.equal(await metric(wakeups('unconfirmed')), 0);
});

t.test('a gateway that takes nothing costs no attempt; the wakeup goes when it does', async (t) => {
  const running = await startWakingCentral(t, { wakeupAttemptsMax: 1, gatewayPollMs: 60_000 });
  const { clock, gateway, watch } = running;
  const { endpoint } = await sleeper(t, running);
  gateway.misbehave = () => ({ status: 503 });
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.wakeupAnswered));
  clock.advance(30_000);
  await settled(running);
  gateway.misbehave = () => undefined;
  const before = gateway.wakeups.length;
  while (watch.count(traces.wakeupAnswered) < 2) {
    clock.advance(1_000);
    await settled(running);
  }
  t.equal(gateway.wakeups.length, before + 1);
  t.equal(await running.metric(wakeups('triggered')), 1);
});

t.test('a lost answer is an attempt, for the datagram may have gone', async (t) => {
  const running = await startWakingCentral(t, { wakeupAttemptsMax: 1, gatewayPollMs: 60_000 });
  const { clock, gateway, watch, metric } = running;
  const { endpoint } = await sleeper(t, running);
  gateway.misbehave = ({ method }) => (method === 'POST' ? 'hang-up' : undefined);
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.wakeupAnswered));
  gateway.misbehave = () => undefined;
  t.equal(await untilNextWakeup(running, { limitMs: 20_000 }), never);
  t.equal(await metric(wakeups('unconfirmed')), 1);
  t.equal(watch.count(traces.deviceDark), 1);
});

t.test('wakes many devices with few requests', async (t) => {
  const running = await startWakingCentral(t, { gatherMs: 50 });
  const { url, clock, gateway } = running;
  const endpoints: string[] = [];
  for (let i = 0; i < 30; i++) {
    const device = await connectDevice(t, url);
    await device.hello(wakeable(9000 + i));
    endpoints.push(await device.register('c'));
    device.socket.close();
    await device.closed;
  }
  await running.watch.logged(traces.deviceClosed, 30);
  // Of what leaves without a pause, a tenth of a second's worth has gathered.
  clock.advance(100);
  await Promise.all(endpoints.map((endpoint) => put(endpoint, 1)));
  await during(clock, running.watch.logged(traces.notifying, 30));
  clock.advance(50);
  t.equal((await gateway.nextBatch()).length, 30);
});

t.test('due wakeups survive the end of central, and are sent after its next start', async (t) => {
  const clock = createManualClock();
  const folder = createCentralFolder(t);
  const { gatewayKey: key, centralKeys: callers } = folder;
  const gateway = await openScriptedGateway(t, { key, callers, clock });
  const store = `sqlite:${join(folder.path, 'central.db')}`;
  const config = { networks: [networkThrough(gateway.url)], gatewayPollMs: 3_600_000, store };
  const before = await startCentral(t, { folder, clock, config });
  await isOnline(before);
  const { uaid, endpoint } = await sleeper(t, { ...before, clock });
  await put(endpoint, 1);
  await during(clock, before.watch.logged(traces.wakeupAnswered));
  await before.central.close();
  clock.advance(5_000);
  const after = await startCentral(t, { folder, clock });
  await isOnline(after);
  t.equal(gateway.wakeups.length, 1, 'not before it is due');
  const tookMs = await untilNextWakeup({ ...after, clock, gateway }, { stepMs: 1_000 });
  // Its window was over sooner, but nobody could say hello while central was away.
  t.ok(tookMs >= 8_000 && tookMs <= 8_000 + slackMs, String(tookMs));
  await during(clock, after.watch.logged(traces.wakeupAnswered));
  t.equal(await after.metric(wakeups('unconfirmed')), 1);
  const device = await connectDevice(t, after.url);
  await device.hello({ uaid });
  t.match(await device.receive(), { updates: [{ version: '1' }] });
  t.equal(await after.metric(wakeups('success')), 1);
});

t.test('what a gateway answers while central stops is in the store', async (t) => {
  const running = await startWakingCentral(t, { store: 'sqlite:central.db' });
  const { clock, gateway, central, folder, watch } = running;
  const { endpoint } = await sleeper(t, running);
  let release = () => {};
  gateway.held = new Promise((resolve) => {
    release = resolve;
  });
  await put(endpoint, 1);
  await during(clock, gateway.nextBatch());
  const closed = central.close();
  // The admin listener closes before the gateways do.
  const isServing = () => fetch(central.adminUrl).catch(() => undefined);
  while (await isServing()) clock.advance(0);
  release();
  await during(clock, closed);
  t.equal(watch.count(traces.storeFailed), 0);
  const db = openDatabase(join(folder.path, 'central.db'));
  t.teardown(() => db.close());
  t.same(db.prepare('SELECT state FROM device').pluck().all(), ['awaited']);
});

t.test('the operator’s wake command sends one wakeup outside of any other', async (t) => {
  const running = await startWakingCentral(t);
  const { clock, gateway, central } = running;
  const { uaid, comeBack } = await sleeper(t, running);
  const wake = async () => {
    const answer = await during(
      clock,
      fetch(`${central.adminUrl}/wake`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ uaid }),
      }),
    );
    return (await answer.json()) as { outcome: string };
  };
  t.match(await wake(), { outcome: 'triggered' });
  t.equal(gateway.wakeups.length, 1);
  await (await comeBack()).receive();
  t.match(await wake(), { outcome: 'connected' });
  t.equal(gateway.wakeups.length, 1);
});
