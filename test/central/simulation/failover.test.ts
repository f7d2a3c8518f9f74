// Gateways that die, shown with handsets on loopback: what it costs their own network, and that it costs the others
// nothing.
import t from 'tap';
import type { Handset } from '../../support/simulator/handset.js';
import { openSimulator, type Simulator } from '../../support/simulator/simulator.js';

const perSecond = 50;
const stepMs = 200;

/** How long after it was put each version's wakeup reached its handset's address; the shortest first. */
async function wakeupTimes(simulator: Simulator, handsets: readonly Handset[], version: number) {
  const { clock, advance, put } = simulator;
  const startMs = clock.now();
  const half = handsets.length / 2;
  await put(handsets.slice(0, half), version);
  await advance(2_000, stepMs);
  await put(handsets.slice(half), version);
  await advance(10_000, stepMs);
  return handsets
    .map((handset, i) => {
      const putMs = i < half ? startMs : startMs + 2_000;
      return wokenAt(handset, putMs) - putMs;
    })
    .sort((a, b) => a - b);
}

/** When the first wakeup since then reached a handset's address; `Infinity` when none did. */
function wokenAt({ history }: Handset, sinceMs: number): number {
  const woken = history.find(({ what, atMs }) => what === 'wakeup' && atMs >= sinceMs);
  return woken?.atMs ?? Number.POSITIVE_INFINITY;
}

t.test('a dead gateway costs other networks nothing', async (t) => {
  const simulator = await openSimulator(t, {
    seed: 5,
    networks: [
      { network: '214-01', handsets: 200, central: { wakeupsPerSecond: perSecond } },
      { network: '214-02', handsets: 400, gateways: 2 },
    ],
  });
  const { clock, networks, advance } = simulator;
  const [well, ill] = networks;
  if (!well || !ill) throw new Error('there are no networks');
  await simulator.allAsleep();
  await advance(60_000 - (clock.now() % 60_000), 1_000);
  const before = await wakeupTimes(simulator, well.handsets, 1);
  t.comment(`each of ${before.length} after 0 to ${before.at(-1)} ms`);
  t.ok((before.at(-1) ?? 0) >= 1_600, 'half of them take two seconds at their pace');
  await simulator.allAsleep();
  // Central looks around once a second: both times at the same distance from it.
  await advance(60_000 - (clock.now() % 60_000), 1_000);

  const [closed, mute] = ill.gateways;
  await closed?.die('closed');
  await mute?.die('mute');
  simulator.stuck.add(ill.name);
  await simulator.put(ill.handsets, 2);
  const after = await wakeupTimes(simulator, well.handsets, 2);
  t.same(after, before, 'each wakeup leaves in the step it would have left in anyway');
  t.ok(
    ill.handsets.every(({ version }) => version === undefined),
    'nobody is woken there',
  );

  await closed?.revive();
  await mute?.revive();
  simulator.stuck.clear();
  await advance(60_000, 1_000);
  t.ok(
    ill.handsets.every(({ version }) => version === 2),
    'until the gateways are back',
  );
  t.same(simulator.complaints, []);
});

t.test('where one gateway of two dies, the other wakes everybody', async (t) => {
  const simulator = await openSimulator(t, {
    seed: 6,
    networks: [{ network: '214-01', handsets: 300, gateways: 2, delayMs: [500, 2_000] }],
  });
  const { handsets, networks, advance, clock } = simulator;
  const [first, second] = networks[0]?.gateways ?? [];
  await simulator.allAsleep();
  for (const [i, gateway] of [first, second, first].entries()) {
    const version = i + 1;
    await gateway?.die('closed');
    const putMs = clock.now();
    await simulator.put(handsets, version);
    await advance(4_000, 500);
    const late = handsets.filter((handset) => handset.version !== version);
    t.equal(late.length, 0, `all within ${clock.now() - putMs} ms`);
    await gateway?.revive();
    await advance(30_000, 1_000);
    await simulator.allAsleep();
  }
  t.same(simulator.complaints, []);
});

t.test('while no gateway is there devices keep their sockets', async (t) => {
  const simulator = await openSimulator(t, {
    seed: 7,
    networks: [{ network: '214-01', handsets: 100 }],
  });
  const { handsets, networks, advance } = simulator;
  await simulator.allAsleep();
  await networks[0]?.gateways[0]?.die('closed');
  await advance(20_000, 1_000);
  for (const handset of handsets) handset.comeBack();
  await advance(60_000, 1_000);
  const held = handsets.filter((handset) => handset.isConnected() && handset.status === 200);
  t.equal(held.length, handsets.length);
  t.same(simulator.complaints, []);
});

t.test('who sleeps without a gateway is woken when it is back, the oldest first', async (t) => {
  const [groups, pace] = [5, 20];
  const simulator = await openSimulator(t, {
    seed: 8,
    networks: [{ network: '214-01', handsets: 100, central: { wakeupsPerSecond: pace } }],
  });
  const { handsets, networks, advance, clock } = simulator;
  const [gateway] = networks[0]?.gateways ?? [];
  const membersOf = (group: number) => handsets.filter((_, i) => i % groups === group);
  await simulator.allAsleep();
  await gateway?.die('closed');
  await advance(20_000, 1_000);
  for (let group = 0; group < groups; group++) {
    await simulator.put(membersOf(group), 1);
    await advance(5_000, 1_000);
  }
  await gateway?.revive();
  const backMs = clock.now();
  await advance(30_000, 200);
  const timesOf = (some: readonly Handset[]) => some.map((handset) => wokenAt(handset, backMs));
  for (let group = 1; group < groups; group++) {
    const latestMs = Math.max(...timesOf(membersOf(group - 1)));
    const firstMs = Math.min(...timesOf(membersOf(group)));
    t.ok(latestMs <= firstMs, `group ${group} after group ${group - 1}`);
  }
  const tookMs = Math.max(...timesOf(handsets)) - Math.min(...timesOf(handsets));
  t.comment(`${handsets.length} in ${tookMs} ms`);
  t.ok(tookMs >= ((handsets.length - pace) / pace) * 1_000, 'and paced');
  t.ok(tookMs < 60_000, 'all of them');
  t.same(simulator.complaints, []);
});
