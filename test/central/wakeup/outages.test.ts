// A gateway that goes and comes back: what waited goes on, whatever else happens or does not.
import t, { type Test } from 'tap';
import { schemaFor } from '../../../central/config.js';
import { createMetrics } from '../../../central/metrics.js';
import { createLocalPresence } from '../../../central/presence/local.js';
import { createNetworks } from '../../../central/wakeup/networks.js';
import { startProbe } from '../../../central/wakeup/probe.js';
import { openWaking } from '../../../central/waking.js';
import { keepLog } from '../../support/central-log.js';
import { channel, sampleIds } from '../../support/central-samples.js';
import { createManualClock } from '../../support/manual-clock.js';
import { served } from '../../support/scripted-gateway.js';
import { createPaperGateway } from '../../support/simulator/paper-gateway.js';
import { openPaperStore } from '../../support/simulator/paper-store.js';
import { createTurns } from '../../support/simulator/turns.js';
import { anyAddress, phrases } from '../store/phrases.js';

// No device comes back here, which is nothing to a network with such a circuit.
const config = {
  ...{ secretKeyFile: 's', signingKeyFile: 'k', listen: '127.0.0.1:0', circuitSuccessMin: 0 },
};

/** The waking of one network through one gateway, on a clock that the test moves. */
function setUp(t: Test, { wakeupsPerSecond }: { wakeupsPerSecond: number }) {
  const clock = createManualClock();
  const turns = createTurns();
  const { log } = keepLog();
  let sent = 0;
  const networks = [served()];
  const emit = () => void sent++;
  const gateway = createPaperGateway({ name: 'a', networks, turns, emit });
  const known = createNetworks([
    {
      ...{ key: anyAddress().network, ranges: undefined, legacyTrust: 'range', egress: [] },
      ...{ wakeupsPerSecond, gateways: [gateway.client] },
    },
  ]);
  const { store } = openPaperStore({
    ...{ file: ':memory:', nowMs: clock.now(), turns, onCommit: () => {} },
  });
  const probe = startProbe({ networks: known, intervalMs: 1_000, clock, log });
  const { wake } = openWaking({
    ...{ store, clock, log, presence: createLocalPresence(), ids: sampleIds },
    ...{ metrics: createMetrics(), limits: schemaFor('/').parse(config), random: () => 0 },
    ...{ networks: () => known, isAsked: probe.isAsked },
  });
  t.teardown(async () => {
    wake.close();
    probe.close();
    await store.close();
  });
  return {
    ...{ gateway, wake },
    /** So many devices with a version each, asleep. */
    async owe(devices: number): Promise<void> {
      const { hello, put } = phrases(store);
      for (let i = 0; i < devices; i++) {
        const device = sampleIds.newDevice();
        const nowMs = clock.now();
        const said = { address: anyAddress(), channels: [channel('c1')], isNew: true, nowMs };
        await hello(device, said);
        const { owed } = await put(device, channel('c1'), 1, { nowMs, wakeupDueMs: nowMs });
        if (owed) wake.start(owed);
      }
    },
    async pass(ms: number): Promise<void> {
      for (let passedMs = 0; passedMs < ms; passedMs += 250) {
        clock.advance(250);
        await turns.settled();
      }
    },
    sent: () => sent,
  };
}

t.test('a queue that is full of its share goes on when the gateway is back', async (t) => {
  const { gateway, wake, owe, pass, sent } = setUp(t, { wakeupsPerSecond: 20 });
  // More than are read for this pace at a time.
  wake.run();
  await pass(1_000);
  await owe(900);
  await pass(5_000);
  const before = sent();
  t.ok(before >= 80 && before <= 120, String(before));
  t.ok((wake.report()[0]?.waiting ?? 0) >= 500, 'as many wait as are read at a time');
  gateway.mood = 'down';
  await pass(5_000);
  t.match(wake.report(), [{ circuit: 'gateways' }]);
  const meanwhile = sent();
  gateway.mood = 'well';
  await pass(5_000);
  t.ok(sent() - meanwhile >= 60, `${sent() - meanwhile} of 100`);
});
