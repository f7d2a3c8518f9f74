// Asking gateways what they serve, again and again: 201 while they answer, 200 while they do not.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { createManualClock, type ManualClock } from '../../support/manual-clock.js';
import {
  createCentralFolder,
  during,
  isOnline,
  networkThrough,
  startCentral,
  startWakingCentral,
} from '../../support/running-central.js';
import { openScriptedGateway, served } from '../../support/scripted-gateway.js';
import { connectDevice, wakeable } from '../../support/test-device.js';

t.test('hello says 200 while the gateway cannot be reached, and 201 when it is back', async (t) => {
  const { url, clock, gateway, watch, metric } = await startWakingCentral(t, {
    gatewayPollMs: 10_000,
  });
  const status = async () => (await (await connectDevice(t, url)).hello(wakeable(9000))).status;
  t.equal(await status(), 201);
  t.equal(await metric('reveille_central_networks_online'), 1);
  gateway.misbehave = () => 'hang-up';
  clock.advance(10_000);
  await during(clock, watch.logged(traces.gatewayOffline));
  t.equal(await status(), 200);
  t.equal(await metric('reveille_central_networks_online'), 0);
  gateway.misbehave = () => undefined;
  clock.advance(1_000);
  await during(clock, watch.logged(traces.gatewayOnline, 2));
  t.equal(await status(), 201);
});

t.test('learns what a gateway serves anew with every answer', async (t) => {
  const running = await startWakingCentral(t, { gatewayPollMs: 1_000 });
  const { url, clock, gateway } = running;
  gateway.networks = [served({ ranges: ['10.0.0.0/8'] })];
  // The second answer from here is asked for only when the first one was read.
  for (const times of [2, 3]) {
    await polledWhile(clock, gateway.polled(times));
  }
  t.equal((await (await connectDevice(t, url)).hello(wakeable(9000))).status, 200);
});

t.test('does not believe an answer that the gateway has not signed', async (t) => {
  const clock = createManualClock();
  const folder = createCentralFolder(t);
  const { gatewayKey: key, centralKeys: callers } = folder;
  const gateway = await openScriptedGateway(t, { key, callers, clock });
  gateway.misbehave = () => 'unsigned';
  const config = { networks: [networkThrough(gateway.url)] };
  const { url, watch } = await startCentral(t, { folder, clock, config });
  await during(clock, watch.logged(traces.gatewayOffline));
  t.equal((await (await connectDevice(t, url)).hello(wakeable(9000))).status, 200);
  t.match(watch.lines.find(({ trace }) => trace === traces.gatewayOffline)?.fields, {
    error: /check publicKeyFile/,
  });
});

t.test('says once that a gateway is gone, and once that it is back', async (t) => {
  const { clock, gateway, watch } = await startWakingCentral(t, { gatewayPollMs: 10_000 });
  gateway.misbehave = () => ({ status: 503 });
  clock.advance(10_000);
  await during(clock, watch.logged(traces.gatewayOffline));
  await polledWhile(clock, gateway.polled(8));
  t.equal(watch.count(traces.gatewayOffline), 1);
});

t.test('one gateway that is gone takes only its own networks with it', async (t) => {
  const clock = createManualClock();
  const folder = createCentralFolder(t);
  const { gatewayKey: key, centralKeys: callers } = folder;
  const netB = served({ netid: 'net-b' });
  const one = await openScriptedGateway(t, { key, callers, clock });
  const other = await openScriptedGateway(t, { key, callers, clock, networks: [netB] });
  const networks = [networkThrough(one.url), networkThrough(other.url, { netid: 'net-b' })];
  const running = await startCentral(t, { folder, clock, config: { networks } });
  await isOnline(running);
  other.misbehave = () => 'hang-up';
  clock.advance(10_000);
  await during(clock, running.watch.logged(traces.gatewayOffline));
  const { url } = running;
  t.equal((await (await connectDevice(t, url)).hello(wakeable(9000))).status, 201);
  const inB = { mobilenetwork: { mcc: '214', mnc: '07', netid: 'net-b' } };
  t.equal((await (await connectDevice(t, url)).hello(wakeable(9000, inB))).status, 200);
});

/** Moves the clock, second by second, until this has come. */
async function polledWhile(clock: ManualClock, polled: Promise<void>): Promise<void> {
  let isOver = false;
  polled.then(() => {
    isOver = true;
  });
  while (!isOver) {
    clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
