// Looking for what is due, network by network, on a real store of which some calls are held back.
import t, { type Test } from 'tap';
import { createLocalPresence } from '../../../central/presence/local.js';
import { openStore } from '../../../central/store/open.js';
import type { Store } from '../../../central/store/store.js';
import { createWake } from '../../../central/wakeup/wake.js';
import { keepLog } from '../../support/central-log.js';
import {
  channel,
  helloRecord,
  putRecord,
  sampleIds,
  sampleMs,
  wakeupAddress,
} from '../../support/central-samples.js';
import { createManualClock } from '../../support/manual-clock.js';

const c1 = channel('c1');
const near = wakeupAddress('10.0.0.1');
const far = wakeupAddress('10.0.0.2', { network: '214-08' });

/** Two networks with a device each, which is owed a wakeup. The store answers no `move` of the near one. */
async function openLooks(t: Test) {
  const real = await openStore({ path: ':memory:', nowMs: sampleMs, queueMax: 100 });
  t.teardown(() => real.close());
  const [nearby, away] = [sampleIds.newDevice(), sampleIds.newDevice()];
  for (const [device, address] of [
    [nearby, near],
    [away, far],
  ] as const) {
    await real.hello(helloRecord(device, { address, channels: [c1] }));
    await real.put(putRecord(device, c1, 1, { wakeupDueMs: sampleMs }));
  }
  const asked: string[] = [];
  const looks: string[] = [];
  const store: Store = {
    ...real,
    dueWakeups(query) {
      if (query.phase === 'owed') looks.push(query.network);
      return real.dueWakeups(query);
    },
    move(change) {
      asked.push(change.device);
      return change.device === nearby ? new Promise(() => {}) : real.move(change);
    },
  };
  const { log } = keepLog();
  const clock = createManualClock();
  const presence = createLocalPresence();
  const networks = {
    ...{ keys: () => [near.network, far.network], isOnline: () => true, paceOf: () => 1000 },
    gatewaysFor: () => [],
  };
  const wake = createWake({
    ...{ store, presence, clock, log, ids: sampleIds, isAsked: () => true },
    networks: () => networks,
    handOver: async () => ({ id: '', isMaybeSent: false }),
    times: { windowMs: () => 8_000, p95Ms: () => undefined },
    books: { moved: () => {}, failed: () => {} },
    limits: {
      ...{ wakeupQueueMax: 100, wakeupsUnderWayMax: 100, wakeupRetryFloorMs: 8_000 },
      ...{ wakeupLeaseMs: 1e9, wakeupAttemptsMax: 5, signPollMs: 2_000 },
      ...{ circuitWakeupsMin: 20, circuitSuccessMin: 0, circuitOpenMs: 60_000 },
    },
    countQueueFull: () => {},
    countUnheard: () => {},
  } as unknown as Parameters<typeof createWake>[0]);
  t.teardown(() => wake.close());

  /** Some seconds, each long enough for the store. */
  async function pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      for (let turn = 0; turn < 5; turn++) await real.counts();
      clock.advance(1_000);
    }
  }
  return { real, wake, presence, nearby, away, asked, looks, pass };
}

t.test('a network whose windows are slow to end delays no look at another', async (t) => {
  const { real, wake, nearby, looks, pass } = await openLooks(t);
  const { serial = 0 } = (await real.wakeupOf(nearby)) ?? {};
  const begun = { name: 'begun', nowMs: sampleMs, dueMs: sampleMs } as const;
  await real.move({ device: nearby, serial, event: begun });
  wake.run();
  // Its window is over after 8 s.
  await pass(30);
  const looksAt = (wanted: string) => looks.filter((network) => network === wanted).length;
  t.ok(looksAt(near.network) <= 10, 'it is slow');
  t.ok(looksAt(far.network) >= 20);
});

t.test(
  'what a device with a socket is owed is put off once, however long that takes',
  async (t) => {
    const { wake, presence, nearby, asked, pass } = await openLooks(t);
    presence.enter(nearby, { onSignal() {}, onDisplaced() {}, onAddressLost() {} });
    wake.run();
    await pass(20);
    t.equal(asked.filter((device) => device === nearby).length, 1);
  },
);
