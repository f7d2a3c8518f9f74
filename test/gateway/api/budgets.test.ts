// Whatever centrals ask for, what leaves stays within every budget. The senders here only note what they are given.
import fc from 'fast-check';
import t from 'tap';
import { createResults } from '../../../gateway/api/results.js';
import { createWake } from '../../../gateway/api/wake.js';
import { createWakeups } from '../../../gateway/api/wakeups.js';
import { createMetrics } from '../../../gateway/metrics.js';
import { createPacing } from '../../../gateway/policy/pacing.js';
import { createPause } from '../../../gateway/policy/pause.js';
import { createRules } from '../../../gateway/rules.js';
import type { Sender } from '../../../gateway/senders/sender.js';
import { loadSettings } from '../../../gateway/settings.js';
import { uuidV7 } from '../../../shared/id.js';
import type { NetworkKey } from '../../../shared/network.js';
import { parseResults, type WakeupResult } from '../../../shared/wakeup/request.js';
import { createGatewayFolder, createLogMemory } from '../../support/gateway-setup.js';
import { createManualClock } from '../../support/manual-clock.js';

// Small enough for each to be the one that is short.
const budgets = { network: 6, prefix: 3, handsetMs: 3000, central: { a: 4, b: 7, c: 1000 } };
type CentralId = keyof typeof budgets.central;
const networks = ['214-07', '214-07/net-b'] as const;
const pace = {
  ranges: ['10.0.0.0/8', 'fd12::/16'],
  protocols: ['udp', 'tcp'],
  maxPerSecond: budgets.network,
  prefixMaxPerSecond: budgets.prefix,
  handsetIntervalMs: budgets.handsetMs,
};

const folder = createGatewayFolder(t, {
  networks: [
    { network: '214-07', ...pace },
    { network: '214-07', netid: 'net-b', ...pace },
  ],
});
const settings = loadSettings(folder.configFile, {}).settings;
if (!settings) throw new Error('bad configuration');
const rules = createRules(settings, 'http');
const { log } = createLogMemory();

interface Sent {
  atMs: number;
  address: string;
}

function setUp(pacingEntriesMax = 10_000) {
  const clock = createManualClock();
  const metrics = createMetrics();
  const sent: Sent[] = [];
  const busy = { is: false };
  const sender: Sender = {
    begin({ address }) {
      if (busy.is) return 'busy';
      sent.push({ atMs: clock.now(), address: address.text });
      const done = Promise.resolve({ result: 'sent' } as const);
      return { left: done, done, sign: Promise.resolve('unknown') };
    },
    underWay: () => 0,
    close: async () => {},
  };
  const pause = createPause({ stateFile: `${folder.path}/none.json`, clock, log });
  const pacing = createPacing({ clock, pacingEntriesMax });
  const senders = { udp: sender, tcp: sender };
  const wake = createWake({ senders, pause, pacing, hear: () => {}, metrics, clock, log });
  const results = createResults({ clock, resultsMax: 10_000, resultLifeMs: 60_000 });
  const handle = createWakeups({ wake, results, metrics, log });
  const scope: ReadonlySet<NetworkKey> | undefined = undefined;
  const ask = async (id: CentralId, wakeups: object[]) => {
    const central = { id, networks: scope, maxPerSecond: budgets.central[id] };
    const body = Buffer.from(JSON.stringify({ wakeups }));
    const handled = await handle({ central, rules, body });
    if ('problem' in handled) throw new Error(handled.problem);
    return parseResults(Buffer.from(handled.answer.body));
  };
  return { clock, sent, busy, ask, pacing };
}

/** Whether any stretch of time holds more than a bucket of this rate lets through. */
function isWithin(sent: readonly Sent[], perSecond: number): boolean {
  return sent.every((first, i) =>
    sent
      .slice(i)
      .every(
        (last, j) => j + 1 <= perSecond + ((last.atMs - first.atMs) * perSecond) / 1000 + 1e-3,
      ),
  );
}

function isApart(sent: readonly Sent[], intervalMs: number): boolean {
  return sent.every((one, i) => i === 0 || one.atMs - (sent[i - 1]?.atMs ?? 0) >= intervalMs);
}

function groups<T>(items: readonly T[], nameOf: (item: T) => string): T[][] {
  const grouped = new Map<string, T[]>();
  for (const item of items) grouped.set(nameOf(item), [...(grouped.get(nameOf(item)) ?? []), item]);
  return [...grouped.values()];
}

/** Addresses, each with its handset and its prefix. */
const places: Record<string, { handset: string; prefix: string }> = {
  '10.1.1.1': { handset: 'a', prefix: 'A' },
  '10.1.1.2': { handset: 'b', prefix: 'A' },
  '10.1.1.3': { handset: 'c', prefix: 'A' },
  '10.1.1.4': { handset: 'd', prefix: 'A' },
  '10.1.1.5': { handset: 'e', prefix: 'A' },
  '10.1.1.254': { handset: 'f', prefix: 'A' },
  '10.1.2.1': { handset: 'g', prefix: 'B' },
  '10.9.0.1': { handset: 'h', prefix: 'C' },
  'fd12::1': { handset: 'i', prefix: 'D' },
  'fd12::2': { handset: 'i', prefix: 'D' },
  'fd12:0:0:1::1': { handset: 'j', prefix: 'D' },
  'fd12:0:0:2::1': { handset: 'm', prefix: 'D' },
  'fd12:0:0:ff::1': { handset: 'k', prefix: 'D' },
  'fd12:0:0:100::1': { handset: 'l', prefix: 'E' },
};
/** A good value, now and then a bad one. */
const mostly = <T>(good: fc.Arbitrary<T>, bad: T) =>
  fc.oneof({ weight: 19, arbitrary: good }, { weight: 1, arbitrary: fc.constant(bad) });
const wakeupOf = fc.record({
  network: mostly(fc.constantFrom(...networks), '214-09'),
  ip: mostly(fc.constantFrom(...Object.keys(places)), '11.1.1.1'),
  port: mostly(fc.constantFrom(4000, 5000), 80),
  protocol: fc.constantFrom('udp', 'tcp'),
  urgency: mostly(fc.constantFrom('very-low', 'low', 'normal', 'high', 'high', undefined), 'now'),
});
const step = fc.record({
  waitMs: fc.oneof(fc.constantFrom(0, 1, 500, 1000, 3000), fc.nat(4000)),
  central: fc.constantFrom<CentralId>('a', 'b', 'c'),
  isBusy: mostly(fc.constant(false), true),
  wakeups: fc.array(wakeupOf, { maxLength: 30 }),
});

t.test('whatever centrals ask for, no budget is ever exceeded', async () => {
  const sequence = fc.array(step, { minLength: 1, maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(sequence, fc.constantFrom(10, 10_000), async (steps, entriesMax) => {
      const { clock, sent, busy, ask, pacing } = setUp(entriesMax);
      const made: (Sent & { network: string; central: CentralId })[] = [];
      for (const { waitMs, central, isBusy, wakeups } of steps) {
        clock.advance(waitMs);
        busy.is = isBusy;
        const asked = wakeups.map((wakeup) => ({ ...wakeup, id: uuidV7(clock.now()) }));
        const results = await ask(central, asked);
        results.forEach(({ outcome }, i) => {
          const { ip: address = '', network = '' } = asked[i] ?? {};
          if (outcome === 'triggered') made.push({ atMs: clock.now(), address, network, central });
        });
        if (pacing.size() > entriesMax) return false;
      }
      return (
        made.length === sent.length &&
        groups(made, ({ central }) => central).every((of) =>
          isWithin(of, budgets.central[of[0]?.central ?? 'a']),
        ) &&
        groups(made, ({ network }) => network).every((of) => isWithin(of, budgets.network)) &&
        groups(made, ({ network, address }) => `${network} ${places[address]?.prefix}`).every(
          (of) => isWithin(of, budgets.prefix),
        ) &&
        groups(made, ({ network, address }) => `${network} ${places[address]?.handset}`).every(
          (of) => isApart(of, budgets.handsetMs),
        )
      );
    }),
    { numRuns: 300 },
  );
});

t.test('after retryAfterMs a deferred wakeup is let through, if nobody else came', async () => {
  const sequence = fc.array(step, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sequence, fc.constantFrom('low', 'normal', 'high'), async (steps, urgency) => {
      const { clock, ask } = setUp();
      for (const { waitMs, central, wakeups } of steps) {
        clock.advance(waitMs);
        const asked = wakeups.map((wakeup) => ({ ...wakeup, id: uuidV7(clock.now()) }));
        await ask(central, asked);
      }
      const one = { network: '214-07', ip: '10.1.1.1', port: 4000, urgency };
      const again = async () => (await ask('a', [{ ...one, id: uuidV7(clock.now()) }]))[0];
      const first = await again();
      if (first?.outcome !== 'deferred') return true;
      clock.advance(first.retryAfterMs ?? 0);
      return (await again())?.outcome === 'triggered';
    }),
    { numRuns: 300 },
  );
});

t.test('of one request the urgent go first, and the answer keeps its order', async (t) => {
  const { ask } = setUp();
  const urgencies = ['low', 'normal', 'very-low', 'high', undefined, 'high', 'low', 'high', 'high'];
  const results = await ask(
    'b',
    urgencies.map((urgency, i) => ({
      ...{ id: uuidV7(0), network: '214-07', ip: `10.${i}.1.1`, port: 4000 },
      urgency,
    })),
  );
  const outcomes = results.map(({ outcome }: WakeupResult, i) => `${urgencies[i]} ${outcome}`);
  t.same(outcomes, [
    'low deferred',
    'normal triggered',
    'very-low deferred',
    'high triggered',
    'undefined deferred',
    'high triggered',
    'low deferred',
    'high triggered',
    'high triggered',
  ]);
});

t.test('a wakeup that a sender cannot take costs no budget', async (t) => {
  const { ask, busy } = setUp();
  const wakeup = () => [{ id: uuidV7(0), network: '214-07', ip: '10.1.1.1', port: 4000 }];
  busy.is = true;
  t.match(await ask('a', wakeup()), [{ outcome: 'deferred', reason: 'busy' }]);
  busy.is = false;
  t.match(await ask('a', wakeup()), [{ outcome: 'triggered' }]);
});
