// Every wakeup ends in one outcome, counted once.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { during, startWakingCentral, type WakingCentral } from '../../support/running-central.js';
import {
  never,
  passUntil,
  settled,
  sleeper,
  untilNextWakeup,
  wakeups,
} from '../../support/sleeping-devices.js';
import { connectDevice, put } from '../../support/test-device.js';

const outcomes = ['triggered', 'success', 'unconfirmed', 'failure', 'expired', 'replaced'];

/** The outcomes counted so far; those that are 0 left out. */
async function counted({ metric }: WakingCentral): Promise<Record<string, number>> {
  const entries = await Promise.all(
    outcomes.map(async (outcome) => [outcome, await metric(wakeups(outcome))] as const),
  );
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}

/** A device whose version was sent as a wakeup. */
async function woken(t: Parameters<typeof sleeper>[0], config = {}) {
  const running = await startWakingCentral(t, config);
  const device = await sleeper(t, running);
  await put(device.endpoint, 1);
  await during(running.clock, running.watch.logged(traces.wakeupAnswered));
  await settled(running);
  return { ...running, ...device, counted: () => counted(running) };
}

t.test('a hello within the window is a success, with both of its times', async (t) => {
  const { clock, comeBack, counted, metric } = await woken(t);
  clock.advance(2_000);
  t.match(await (await comeBack()).receive(), { status: 201 });
  t.same(await counted(), { triggered: 1, success: 1 });
  for (const name of ['wakeup_reconnect_seconds', 'put_to_hello_seconds']) {
    t.equal(await metric(`reveille_central_${name}_count{network="214-07"}`), 1, name);
    t.equal(await metric(`reveille_central_${name}_sum{network="214-07"}`), 2, name);
  }
});

t.test('the time from a version to its hello counts all of its wakeups', async (t) => {
  const running = await woken(t);
  const tookMs = await untilNextWakeup(running, { stepMs: 1_000 });
  await settled(running);
  running.clock.advance(1_000);
  await (await running.comeBack()).receive();
  t.same(await running.counted(), { triggered: 2, unconfirmed: 1, success: 1 });
  const sum = (name: string) => running.metric(`reveille_central_${name}_sum{network="214-07"}`);
  t.equal(await sum('wakeup_reconnect_seconds'), 1);
  t.equal(await sum('put_to_hello_seconds'), tookMs / 1000 + 1);
});

t.test('a hello after the window is unconfirmed, whoever notices first', async (t) => {
  const running = await woken(t);
  const { clock, url, uaid, said } = running;
  const device = await connectDevice(t, url);
  clock.advance(10_001);
  t.match(await device.hello({ uaid, ...said }), { status: 201 });
  await settled(running);
  t.same(await running.counted(), { triggered: 1, unconfirmed: 1 });
  t.equal(await running.metric('reveille_central_put_to_hello_seconds_count{network="214-07"}'), 0);
});

t.test('a refusal is a failure, and not triggered', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway, watch, clock } = running;
  gateway.resultOf = () => ({ outcome: 'refused', reason: 'range' });
  const { endpoint } = await sleeper(t, running);
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.wakeupAnswered));
  await settled(running);
  t.same(await counted(running), { failure: 1 });
});

t.test('a negative sign is a failure, and the next wakeup comes no sooner for it', async (t) => {
  const running = await woken(t, { signPollMs: 1_000 });
  const { gateway, clock, counted } = running;
  const id = String(gateway.wakeups[0]?.id);
  gateway.signs = [
    { id: '01890000-0000-7000-8000-000000000000', sign: 'unreachable' },
    { id, sign: 'unreachable' },
  ];
  clock.advance(1_000);
  await during(clock, gateway.askedForSigns(1));
  await passUntil(running, async () => (await counted()).failure === 1, { limitMs: 3_000 });
  t.same(await counted(), { triggered: 1, failure: 1 });
  const elapsedMs = 4_000;
  t.equal(await untilNextWakeup(running, { limitMs: 8_000 - elapsedMs, stepMs: 1_000 }), never);
  t.not(await untilNextWakeup(running, { stepMs: 1_000 }), never);
  t.same(await counted(), { triggered: 2, failure: 1 }, 'told again it says nothing new');
});

t.test('a device whose last wakeup had a negative sign is dark as unreachable', async (t) => {
  const running = await woken(t, { wakeupAttemptsMax: 1, signPollMs: 1_000 });
  const { gateway, watch } = running;
  gateway.signs = [{ id: String(gateway.wakeups[0]?.id), sign: 'unreachable' }];
  await passUntil(running, () => watch.count(traces.deviceDark) > 0, { stepMs: 1_000 });
  t.match(watch.lines.find(({ trace }) => trace === traces.deviceDark)?.fields, {
    ...{ network: '214-07', reason: 'unreachable' },
  });
});

t.test('a wakeup whose address is given up meanwhile has expired', async (t) => {
  const running = await woken(t, { wakeupLeaseMs: 30_000, wakeupRetryFloorMs: 3_600_000 });
  const { watch } = running;
  t.not(await passUntil(running, () => watch.count(traces.deviceDark) > 0), never);
  t.same(await running.counted(), { triggered: 1, expired: 1 });
});

t.test('a version that the wakeup under way serves too is replaced, each once', async (t) => {
  const running = await woken(t);
  for (const version of [2, 3, 3]) await put(running.endpoint, version);
  t.same(await running.counted(), { triggered: 1, replaced: 2 }, 'what is stale is none');
  const device = await running.comeBack();
  await device.receive();
  t.match(await device.receive(), { updates: [{ version: '3' }] });
  t.same(await running.counted(), { triggered: 1, replaced: 2, success: 1 });
});

t.test(
  'a hello while its wakeup is at the gateway is a success, whatever the answer',
  async (t) => {
    for (const result of [{ outcome: 'triggered' }, { outcome: 'refused' }] as const) {
      const running = await startWakingCentral(t);
      const { gateway, clock } = running;
      gateway.resultOf = () => result;
      const { endpoint, comeBack } = await sleeper(t, running);
      let release = () => {};
      gateway.held = new Promise((resolve) => {
        release = resolve;
      });
      await put(endpoint, 1);
      await during(clock, gateway.nextBatch());
      const device = await comeBack();
      t.match(await device.receive(), { status: 201 });
      t.match(await device.receive(), { updates: [{ version: '1' }] });
      device.ack('c', 1);
      release();
      await settled(running);
      const triggered = result.outcome === 'triggered' ? { triggered: 1 } : {};
      t.same(await counted(running), { ...triggered, success: 1 });
      t.equal(await untilNextWakeup(running, { limitMs: 20_000 }), never);
    }
  },
);

t.test('the window begins when the wakeup leaves', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway, clock } = running;
  const { endpoint, comeBack } = await sleeper(t, running);
  let release = () => {};
  gateway.held = new Promise((resolve) => {
    release = resolve;
  });
  await put(endpoint, 1);
  await during(clock, gateway.nextBatch());
  clock.advance(5_000);
  release();
  await settled(running);
  clock.advance(7_500);
  t.match(await (await comeBack()).receive(), { status: 201 });
  t.same(await counted(running), { triggered: 1, success: 1 });
});
