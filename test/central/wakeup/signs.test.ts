// Listening for signs against wakeups that left: as long as their windows last, and not for more than the limit.
import t from 'tap';
import type { DeviceWakeup } from '../../../central/store/store.js';
import type { GatewayClient } from '../../../central/wakeup/gateway-client.js';
import { createSigns, signsAwaitedMax } from '../../../central/wakeup/signs.js';
import { noWakeup } from '../../../central/wakeup/states.js';
import type { WakeupSign } from '../../../shared/wakeup/request.js';
import { sampleIds, wakeupAddress } from '../../support/central-samples.js';
import { createManualClock } from '../../support/manual-clock.js';

const pollMs = 1_000;

function setUp() {
  const clock = createManualClock();
  const told: WakeupSign[] = [];
  const gateway = { signs: async () => told } as unknown as GatewayClient;
  const seen = { unheard: 0, signs: [] as DeviceWakeup[] };
  const signs = createSigns({
    ...{ clock, pollMs },
    onSign: (wakeup) => void seen.signs.push(wakeup),
    countUnheard: () => {
      seen.unheard += 1;
    },
  });
  const sent = (dueMs: number): DeviceWakeup => ({
    ...{ ...noWakeup, state: 'awaited', device: sampleIds.newDevice(), address: wakeupAddress() },
    ...{ saidAtMs: 0, isAuthenticated: false, counter: 1, lane: 'prompt', serial: 1, dueMs },
  });
  const poll = async () => {
    clock.advance(pollMs);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, gateway, told, seen, signs, sent, poll };
}

t.test('beyond the limit no sign is heard, and that is counted', async (t) => {
  const { clock, gateway, told, seen, signs, sent, poll } = setUp();
  const wakeup = sent(clock.now() + 2 * pollMs);
  for (let i = 0; i < signsAwaitedMax; i++) signs.await(`id ${i}`, wakeup, gateway);
  t.equal(seen.unheard, 0);
  signs.await('too many', sent(clock.now() + 2 * pollMs), gateway);
  t.equal(seen.unheard, 1);
  told.push({ id: 'too many', sign: 'unreachable' }, { id: 'id 7', sign: 'unreachable' });
  await poll();
  t.same(seen.signs, [wakeup]);
  // Their windows are over: there is room again.
  await poll();
  signs.await('one more', wakeup, gateway);
  t.equal(seen.unheard, 1);
});
