// Several gateways of one network, and several networks: who is asked, and what one of them costs the others.
import t, { type Test } from 'tap';
import { traces } from '../../../shared/traces.js';
import { createManualClock } from '../../support/manual-clock.js';
import {
  type ConfigTree,
  createCentralFolder,
  during,
  isOnline,
  networkThrough,
  startCentral,
  startWakingCentral,
} from '../../support/running-central.js';
import {
  type Misbehaviour,
  openScriptedGateway,
  type ScriptedGateway,
  served,
} from '../../support/scripted-gateway.js';
import {
  awakened,
  never,
  passUntil,
  settled,
  sleeper,
  wakeableWith,
  wakeups,
} from '../../support/sleeping-devices.js';
import { connectDevice, type Frame, put, wakeable } from '../../support/test-device.js';

const elsewhere = { mobilenetwork: { mcc: '310', mnc: '150' } };
const otherNetwork = served({ network: '310-150', netid: '310-150.default' });

/** Central with as many gateways as there are lists, each serving these networks. */
async function startWith(
  t: Test,
  gatewaysServe: ReturnType<typeof served>[][],
  networksOf: (urls: string[]) => ConfigTree[],
  config: ConfigTree = {},
) {
  const clock = createManualClock();
  const folder = createCentralFolder(t);
  const { gatewayKey: key, centralKeys: callers } = folder;
  const gateways: ScriptedGateway[] = [];
  for (const networks of gatewaysServe) {
    gateways.push(await openScriptedGateway(t, { key, callers, clock, networks }));
  }
  const all = { gatewayPollMs: 3_600_000, ...config };
  const networks = networksOf(gateways.map(({ url }) => url));
  const running = await startCentral(t, { folder, clock, config: { ...all, networks } });
  await isOnline(running);
  await during(clock, running.watch.logged(traces.gatewayOnline, gateways.length));
  const reload = (next: ConfigTree[]) => {
    folder.write({ ...all, networks: next });
    return during(clock, running.central.reload());
  };
  return { ...running, clock, gateways, reload };
}

const pair = (t: Test, config?: ConfigTree) =>
  startWith(t, [[served()], [served()]], (urls) => [networkThrough(urls)], config);

/** The gateway that got a wakeup for a port. */
const gatewayOf = (gateways: ScriptedGateway[], port: number) =>
  gateways.filter((gateway) => gateway.wakeups.some((wakeup) => wakeup.port === port));

t.test('the same gateway wakes one neighbourhood, and all gateways have some', async (t) => {
  const running = await pair(t);
  const { gateways } = running;
  // On loopback each port is a handset.
  const ports = Array.from({ length: 12 }, (_, i) => 9000 + i);
  for (const port of ports) {
    const { endpoint, device } = await awakened(t, running, wakeable(port));
    device.socket.close();
    await device.closed;
    await put(endpoint, 1);
  }
  await passUntil(running, () => gateways.flatMap((g) => g.wakeups).length === 12, {
    stepMs: 100,
  });
  const firsts = ports.map((port) => gatewayOf(gateways, port)[0]);
  t.equal(new Set(firsts).size, 2);
  await passUntil(running, () => gateways.flatMap((g) => g.wakeups).length === 24);
  for (const [i, port] of ports.entries()) t.same(gatewayOf(gateways, port), [firsts[i]]);
});

const failures: [string, Misbehaviour, string][] = [
  ['does not answer in time', 'silent', 'gateway-unreachable'],
  ['hangs up', 'hang-up', 'gateway-unreachable'],
  ['answers 503', { status: 503 }, 'gateway-down'],
  ['has a proxy that answers 502', { status: 502, isUnsigned: true }, 'gateway-down-unsigned'],
];

for (const [name, how, code] of failures) {
  t.test(`another gateway is asked with the same id when one ${name}`, async (t) => {
    const running = await pair(t, { gatewayTimeoutMs: 300, gatewayPollMs: 60_000 });
    const { gateways, metric, clock, watch } = running;
    const { endpoint, comeBack } = await sleeper(t, running);
    let failing: ScriptedGateway | undefined;
    for (const gateway of gateways) {
      gateway.misbehave = ({ wakeups: [wakeup] }) => {
        if (wakeup) failing ??= gateway;
        return failing === gateway ? how : undefined;
      };
    }
    await put(endpoint, 1);
    await during(clock, watch.logged(traces.wakeupAnswered));
    await settled(running);
    const ids = gateways.flatMap((gateway) => gateway.wakeups.map(({ id }) => id));
    t.equal(ids.length, 2);
    t.equal(new Set(ids).size, 1);
    t.equal(await metric(wakeups('triggered')), 1);
    t.equal(await metric(`reveille_central_gateway_failures_total{code="${code}"}`), 1);
    t.match(await (await comeBack()).receive(), { status: 201 }, 'the other one is well');
    t.equal(await metric(wakeups('success')), 1);
  });
}

for (const how of [{ status: 503 }, { status: 502, isUnsigned: true }] as const) {
  t.test(
    `after a ${how.status} a gateway is passed by until it is well, and then has its own back`,
    async (t) => {
      const running = await pair(t, { gatewayPollMs: 30_000 });
      const { gateways, watch, clock } = running;
      const { endpoint, comeBack } = await sleeper(t, running);
      const wake = async (version: number) => {
        const before = watch.count(traces.wakeupAnswered);
        await put(endpoint, version);
        await during(clock, watch.logged(traces.wakeupAnswered, before + 1));
        await settled(running);
        const device = await comeBack();
        await device.receive();
        await device.receive();
        device.ack('c', version);
        device.send('PING');
        await device.receive();
        clock.advance(10_100);
        await during(clock, device.closed);
      };
      await wake(1);
      const [own] = gatewayOf(gateways, 9000);
      const other = gateways.find((gateway) => gateway !== own);
      if (!own || !other) throw new Error('two gateways');
      own.misbehave = () => how;
      await wake(2);
      t.same([own.wakeups.length, other.wakeups.length], [2, 1], 'it is tried once');
      await wake(3);
      t.same([own.wakeups.length, other.wakeups.length], [2, 2], 'and then passed by');
      own.misbehave = () => undefined;
      await passUntil(running, () => watch.count(traces.gatewayOnline) >= 3);
      await wake(4);
      t.same([own.wakeups.length, other.wakeups.length], [3, 2]);
    },
  );
}

t.test('a wakeup that a proxy answered for may have been sent, and is an attempt', async (t) => {
  const running = await startWakingCentral(t);
  const { gateway, clock, watch } = running;
  const { endpoint } = await sleeper(t, running);
  gateway.misbehave = () => ({ status: 502, isUnsigned: true });
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.wakeupAnswered));
  t.match(watch.lines.find(({ trace }) => trace === traces.wakeupAnswered)?.fields, {
    outcome: 'answer-lost',
  });
});

/** The gateway that is asked first hangs up, the others put it off. */
function loseFirstAnswer(gateways: readonly ScriptedGateway[]): void {
  let lost: ScriptedGateway | undefined;
  for (const gateway of gateways) {
    gateway.resultOf = () => ({ outcome: 'deferred', retryAfterMs: 200 });
    gateway.misbehave = ({ wakeups: [wakeup] }) => {
      if (wakeup) lost ??= gateway;
      return lost === gateway ? 'hang-up' : undefined;
    };
  }
}

t.test('an answer that was lost is not asked for again before its window is over', async (t) => {
  const running = await pair(t, { gatewayPollMs: 60_000 });
  const { gateways, watch, clock } = running;
  const { endpoint } = await sleeper(t, running);
  loseFirstAnswer(gateways);
  await put(endpoint, 1);
  await during(clock, watch.logged(traces.wakeupAnswered));
  const count = () => gateways.flatMap((gateway) => gateway.wakeups).length;
  t.equal(count(), 2);
  const tookMs = await passUntil(running, () => count() > 2, { stepMs: 1_000 });
  t.ok(tookMs >= 8_000, `${tookMs}: the first may have sent it`);
  t.equal(await running.metric(wakeups('unconfirmed')), 1);
});

t.test('a nonce whose answer was lost counts, whatever the other gateway says', async (t) => {
  const running = await pair(t, { gatewayPollMs: 60_000 });
  const { gateways, watch, clock } = running;
  loseFirstAnswer(gateways);
  const { device } = await awakened(t, running, wakeableWith(9000, { proof: true }));
  const asked = () => gateways.flatMap((gateway) => gateway.wakeups);
  await passUntil(running, () => asked().length === 2, { stepMs: 100 });
  t.equal(await running.metric('reveille_central_proofs_unanswered'), 1);
  device.send({ messageType: 'wakeupProof', nonce: asked()[0]?.nonce });
  await during(clock, watch.logged(traces.addressProven));
  t.equal(await running.metric('reveille_central_proofs_unanswered'), 0);
});

/** Two networks, each with a gateway of its own. */
const twoNetworks = (t: Test, config?: ConfigTree) =>
  startWith(
    t,
    [[served()], [otherNetwork]],
    ([a = '', b = '']) => [networkThrough(a), networkThrough(b, { network: '310-150' })],
    config,
  );

t.test('a gateway that never answers delays no other network', async (t) => {
  const limits = { wakeupsUnderWayMax: 3, wakeupQueueMax: 3, gatewayTimeoutMs: 60_000 };
  const running = await twoNetworks(t, limits);
  const { gateways, clock, metric } = running;
  const [dead, well] = gateways as [ScriptedGateway, ScriptedGateway];
  const victims = [];
  for (let i = 0; i < 10; i++) victims.push(await quiet(t, running, wakeable(9000 + i)));
  const other = await quiet(t, running, wakeable(9100, elsewhere));
  clock.advance(1_000);
  dead.misbehave = () => 'silent';
  for (const endpoint of victims) await put(endpoint, 1);
  const startMs = clock.now();
  await put(other, 1);
  t.match(await during(clock, well.nextBatch()), [{ network: '310-150', port: 9100 }]);
  t.equal(clock.now(), startMs, 'not by a moment');
  const line = (name: string) => metric(`reveille_central_${name}{network="214-07"}`);
  t.equal(await line('wakeups_under_way'), 3);
  t.equal(await line('wakeup_queue'), 3);
  t.equal(await line('wakeup_queue_full_total'), 4);
  // Central would wait for its answer at the end.
  await dead.close();
});

/** The endpoint of a device that can be woken and is not connected. */
async function quiet(t: Test, running: Parameters<typeof awakened>[1], said: Frame) {
  const { device, endpoint } = await awakened(t, running, said);
  device.socket.close();
  await device.closed;
  return endpoint;
}

t.test('a gateway that is down makes 200 of its own network alone', async (t) => {
  const running = await twoNetworks(t, { gatewayPollMs: 10_000 });
  const { gateways, watch, url, metric } = running;
  const [down] = gateways as [ScriptedGateway];
  down.misbehave = () => 'hang-up';
  await passUntil(running, () => watch.count(traces.gatewayOffline) > 0);
  t.match(await (await connectDevice(t, url)).hello(wakeable(9000)), { status: 200 });
  t.match(await (await connectDevice(t, url)).hello(wakeable(9000, elsewhere)), { status: 201 });
  t.equal(await metric('reveille_central_circuit_open{network="214-07"}'), 1);
  t.equal(await metric('reveille_central_circuit_open{network="310-150"}'), 0);
});

t.test('what finds the queue full waits in the store and is woken in its turn', async (t) => {
  const config = { wakeupQueueMax: 2 };
  const running = await startWakingCentral(t, config, { wakeupsPerSecond: 1 });
  const { gateway, metric } = running;
  const endpoints = [];
  for (let i = 0; i < 8; i++) endpoints.push(await quiet(t, running, wakeable(9000 + i)));
  for (const endpoint of endpoints) await put(endpoint, 1);
  t.ok((await metric('reveille_central_wakeup_queue_full_total{network="214-07"}')) >= 4);
  const woken = () => new Set(gateway.wakeups.map(({ port }) => port)).size;
  t.not(await passUntil(running, () => woken() === 8, { limitMs: 60_000 }), never);
});

t.test('a storm of one app server delays no version of another', async (t) => {
  const config = { bulkAbovePerSecond: 2, trustedProxies: ['127.0.0.1/32'] };
  const running = await startWakingCentral(t, config, { wakeupsPerSecond: 1 });
  const { gateway } = running;
  const crowd = [];
  for (let i = 0; i < 8; i++) crowd.push(await quiet(t, running, wakeable(9000 + i)));
  const other = await quiet(t, running, wakeable(9100));
  const putFrom = (peer: string, endpoint: string, version = 1) =>
    fetch(endpoint, {
      method: 'PUT',
      body: `version=${version}`,
      headers: { 'x-forwarded-for': peer },
    });
  for (const endpoint of crowd) await putFrom('192.0.2.1', endpoint);
  await putFrom('192.0.2.2', other);
  // To one for whom the storm waits, too.
  await putFrom('192.0.2.2', String(crowd.at(-1)), 2);
  await passUntil(running, () => gateway.wakeups.length >= 8, { stepMs: 500 });
  const lastPlaces = { 9100: 3, 9007: 4 };
  for (const [wanted, last] of Object.entries(lastPlaces)) {
    const place = gateway.wakeups.findIndex(({ port }) => port === Number(wanted));
    t.ok(place >= 0 && place <= last, `${wanted} is number ${place + 1}`);
  }
});

t.test(
  'a reload takes a network and a gateway away and brings them back with what is owed',
  async (t) => {
    const running = await twoNetworks(t);
    const { gateways, clock, reload, url, central } = running;
    const [first, second] = gateways as [ScriptedGateway, ScriptedGateway];
    const one = await quiet(t, running, wakeable(9000));
    const other = await quiet(t, running, wakeable(9100, elsewhere));
    t.ok(await reload([networkThrough(first.url)]));
    await put(other, 1);
    await passUntil(running, () => false, { limitMs: 20_000 });
    t.equal(second.wakeups.length, 0);
    t.match(await (await connectDevice(t, url)).hello(wakeable(9101, elsewhere)), { status: 200 });
    second.networks = [otherNetwork, served()];
    const both = networkThrough([first.url, second.url]);
    t.ok(await reload([both, networkThrough(second.url, { network: '310-150' })]));
    await passUntil(running, () => second.wakeups.length > 0, { stepMs: 1_000 });
    t.match(second.wakeups, [{ network: '310-150', port: 9100 }], 'nothing that is owed was lost');
    t.ok(await reload([networkThrough(second.url)]));
    await put(one, 1);
    await passUntil(running, () => second.wakeups.length > 1, { stepMs: 1_000 });
    t.match(second.wakeups.at(-1), { network: '214-07', port: 9000 });
    t.equal(first.wakeups.length, 0, 'a gateway that is gone is asked no more');
    const told = await during(clock, fetch(`${central.adminUrl}/networks`));
    t.match(await told.json(), {
      networks: [{ network: '214-07', gateways: [{ url: second.url }] }],
    });
  },
);
