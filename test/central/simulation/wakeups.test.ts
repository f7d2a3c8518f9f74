// What central knows of wakeups and does about them, shown with thousands of handsets on loopback: datagrams that
// are lost, addresses that change, and an app server that wakes everybody at once.
import t from 'tap';
import type { Handset } from '../../support/simulator/handset.js';
import type { SimulatedNetwork } from '../../support/simulator/simulated-network.js';
import { openSimulator } from '../../support/simulator/simulator.js';
import { confidenceInterval } from '../../support/simulator/statistics.js';

const losses = [0, 0.05, 0.25, 0.5];
const stormPerSecond = 200;
const delayMs = [500, 4_000] as const;
const slowMs = [20_500, 24_000] as const;

const simulator = await openSimulator(t, {
  seed: 4,
  networks: [
    ...losses.map((loss, i) => ({
      ...{ network: `214-0${i + 1}`, handsets: 450, loss, delayMs },
    })),
    {
      ...{ network: '214-05', handsets: 2_000, delayMs },
      central: { wakeupsPerSecond: stormPerSecond },
    },
    // Devices that can prove nothing, and devices that can.
    { network: '214-06', handsets: 200, gateways: 2, loss: 0.1, delayMs },
    { network: '214-07', handsets: 200, gateways: 2, loss: 0.1, delayMs, proves: true },
    // No device is back within the shortest window.
    { network: '214-08', handsets: 60, delayMs: slowMs },
  ],
});
const { clock, networks, handsets, advance } = simulator;
const [lossy, storm] = [networks.slice(0, 4), networks.slice(4, 5)];
const [moving, slow] = [networks.slice(5, 7), networks.slice(7)];

const handsetsOf = (some: readonly SimulatedNetwork[]) => some.flatMap((each) => each.handsets);
const isUpToDate = (version: number) => (handset: Handset) => handset.version === version;

/** Moves time on until all of them have this version, or for so long. Tells how many have it not. */
async function untilReached(options: {
  handsets: readonly Handset[];
  version: number;
  limitMs: number;
  stepMs?: number;
}): Promise<number> {
  const { handsets: some, version, limitMs, stepMs = 2_000 } = options;
  const endMs = clock.now() + limitMs;
  while (clock.now() < endMs && !some.every(isUpToDate(version))) await advance(stepMs, stepMs);
  return some.filter((handset) => !isUpToDate(version)(handset)).length;
}

/** What became of a network's wakeups so far. */
async function outcomesOf(network: string) {
  const count = (outcome: string) => simulator.wakeups(network, outcome);
  const success = await count('success');
  const ended = success + (await count('unconfirmed')) + (await count('failure'));
  return { success, ended };
}

t.test('the measured success ratio is 1 - loss, within its confidence interval', async (t) => {
  await simulator.allAsleep();
  await simulator.put(handsetsOf(lossy), 1);
  // Five wakeups in vain, each window twice as long as the one before.
  await advance(340_000, 2_000);
  for (const [i, { name }] of lossy.entries()) {
    const { success, ended } = await outcomesOf(name);
    const [low, high] = confidenceInterval(success, ended);
    const truth = 1 - (losses[i] ?? 0);
    const said = `${success} of ${ended} worked, ${(success / ended).toFixed(3)} for ${truth}`;
    t.ok(low <= truth && truth <= high, said);
    t.comment(said);
  }
});

t.test('a storm of one app server is spread over time, and delays no other', async (t) => {
  const [single, ...others] = handsetsOf(storm);
  if (!single) throw new Error('there is no handset');
  await simulator.allAsleep();
  const wokenSince = (handset: Handset, sinceMs: number) =>
    handset.history.find(({ what, atMs }) => what === 'wakeup' && atMs >= sinceMs)?.atMs;
  const startMs = clock.now();
  await simulator.put(others, 10, '127.0.0.2');
  await advance(3_000, 100);
  const putMs = clock.now();
  await simulator.put([single], 10, '127.0.0.3');
  await advance(200, 100);
  const singleMs = wokenSince(single, putMs);
  t.ok(singleMs !== undefined && singleMs - putMs <= 100, 'in the next step');
  const missing = await untilReached({
    ...{ handsets: handsetsOf(storm), version: 10, limitMs: 60_000, stepMs: 200 },
  });
  t.equal(missing, 0, 'it reaches all');

  const perSecond = new Map<number, number>();
  for (const handset of others) {
    const second = Math.floor(((wokenSince(handset, startMs) ?? 0) - startMs) / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  const seconds = [...perSecond.keys()].sort((a, b) => a - b);
  t.comment(`woken each second: ${seconds.map((second) => perSecond.get(second)).join(' ')}`);
  // A tenth of a second's worth may leave at once, after a rest.
  t.ok(Math.max(...perSecond.values()) <= stormPerSecond * 1.1 + 1, 'not faster');
  t.ok((seconds.at(-1) ?? 0) <= others.length / stormPerSecond + 1, 'and not slower');
});

t.test('no device stays dark once it has a working address', async (t) => {
  const travellers = handsetsOf(moving);
  await simulator.allAsleep();
  for (const { handsets, newIp } of moving) {
    for (const [i, handset] of handsets.entries()) {
      if (i % 3 > 0) await handset.move(newIp(), i % 3 === 1 ? 'closed' : 'silent');
    }
  }
  await simulator.put(travellers, 20);
  const missing = await untilReached({ handsets: travellers, version: 20, limitMs: 400_000 });
  t.comment(`${missing} of ${travellers.length} could not be woken at the old address`);
  t.ok(missing >= (travellers.length * 2) / 3 - 2, 'who moved is not found');
  t.equal(await darkIn(moving), missing, 'and is dark');

  for (const handset of travellers) if (!isUpToDate(20)(handset)) handset.comeBack();
  await advance(120_000, 2_000);
  t.same(
    travellers.filter((handset) => !isUpToDate(20)(handset)),
    [],
    'finds its version',
  );
  const proving = travellers.filter(({ plan }) => plan.proves);
  await simulator.allAsleep(proving);
  await simulator.put(travellers, 21);
  const unreached = await untilReached({ handsets: travellers, version: 21, limitMs: 400_000 });
  t.equal(unreached, 0, 'and is reached from now on');
  t.equal(await darkIn(moving), 0, 'nobody is dark');
});

t.test('a network is learnt whose devices need longer than the shortest window', async (t) => {
  for (const version of [30, 31, 32, 33]) {
    // Before anything was learnt the circuit opened: who came then keeps its socket.
    const sleepers = handsetsOf(slow).filter(({ status }) => status === 201);
    t.ok(sleepers.length > 50);
    await simulator.allAsleep(sleepers);
    await simulator.put(sleepers, version);
    const limits = { limitMs: 60_000, stepMs: 500 };
    t.equal(await untilReached({ handsets: sleepers, version, ...limits }), 0);
  }
  const { success, ended } = await outcomesOf('214-08');
  t.comment(`${success} of ${ended} worked`);
  const answer = await fetch(`${simulator.central.adminUrl}/networks`);
  const { networks } = (await answer.json()) as { networks: Record<string, unknown>[] };
  const { circuit, p95Ms } = networks.find(({ network }) => network === '214-08') ?? {};
  t.equal(circuit, 'closed');
  const [least, most] = slowMs;
  t.ok(Number(p95Ms) > least && Number(p95Ms) < most + 1_000, `p95 is ${p95Ms} ms`);
});

t.test('at most one wakeup of a device is in flight', async (t) => {
  const floorMs = 8_000;
  let waits = 0;
  for (const { history, plan } of handsets) {
    let unanswered = 0;
    let lastMs = 0;
    for (const { what, atMs } of history) {
      if (what !== 'wakeup') {
        unanswered = 0;
        continue;
      }
      const windowMs = floorMs * 2 ** (unanswered - 1);
      if (unanswered > 0) waits += 1;
      if (unanswered > 0 && atMs - lastMs < windowMs) {
        t.fail(`${plan.network}: ${atMs - lastMs} ms after one whose window is ${windowMs} ms`);
      }
      unanswered += 1;
      lastMs = atMs;
      if (unanswered > 5) t.fail(`${plan.network}: ${unanswered} wakeups without a hello`);
    }
  }
  t.comment(`${waits} wakeups after one without an answer`);
  t.ok(waits > 500, 'enough of them to tell');
});

t.test('central does nothing that a handset complains of', async (t) => {
  t.same(simulator.complaints, []);
});

async function darkIn(some: readonly SimulatedNetwork[]): Promise<number> {
  const answer = await fetch(`${simulator.central.adminUrl}/devices`);
  const { devices } = (await answer.json()) as { devices: { network: string }[] };
  return devices.filter(({ network }) => some.some(({ name }) => name === network)).length;
}
