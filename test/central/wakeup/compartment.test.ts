// One network's wakeups on their way out: bounded, paced, bulk behind prompt.
import t from 'tap';
import type { DeviceWakeup, WakeupLane } from '../../../central/store/store.js';
import { createCompartment } from '../../../central/wakeup/compartment.js';
import { noWakeup } from '../../../central/wakeup/states.js';
import { sampleIds, wakeupAddress } from '../../support/central-samples.js';
import { createManualClock } from '../../support/manual-clock.js';

function owed(lane: WakeupLane = 'prompt'): DeviceWakeup {
  return {
    ...{ ...noWakeup, state: 'owed', device: sampleIds.newDevice(), address: wakeupAddress() },
    ...{ saidAtMs: 0, isAuthenticated: false, counter: 1, lane, serial: 1 },
  };
}

/** A compartment, what it sent, and the answers that its gateway owes. */
function setUp({ perSecond = 10, wakeupQueueMax = 100, wakeupsUnderWayMax = 100 } = {}) {
  const clock = createManualClock();
  const sent: DeviceWakeup[] = [];
  const answers: (() => void)[] = [];
  const pace = { perSecond };
  const compartment = createCompartment({
    ...{ clock, limits: { wakeupQueueMax, wakeupsUnderWayMax } },
    pace: () => pace.perSecond,
    send(wakeup) {
      sent.push(wakeup);
      return new Promise((resolve) => answers.push(resolve));
    },
  });
  const answer = async () => {
    for (const resolve of answers.splice(0)) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, sent, answer, pace, compartment };
}

t.test('a storm is spread over time', async (t) => {
  const { clock, sent, compartment } = setUp({ perSecond: 10 });
  for (let i = 0; i < 50; i++) compartment.offer(owed());
  t.ok(sent.length <= 2);
  for (let second = 1; second <= 4; second++) {
    clock.advance(1_000);
    t.ok(Math.abs(sent.length - second * 10) <= 2, `${sent.length} after ${second} s`);
  }
});

t.test('what is prompt overtakes what was sent in bulk', async (t) => {
  const { clock, sent, compartment } = setUp({ perSecond: 10 });
  for (let i = 0; i < 20; i++) compartment.offer(owed('bulk'));
  const prompt = owed('prompt');
  compartment.offer(prompt);
  clock.advance(200);
  t.ok(sent.includes(prompt));
  t.ok(sent.length <= 4);
});

t.test('what waits in bulk becomes prompt with its device, and stays one wakeup', async (t) => {
  const { clock, sent, compartment } = setUp({ perSecond: 10 });
  const storm = Array.from({ length: 20 }, () => owed('bulk'));
  for (const wakeup of storm) compartment.offer(wakeup);
  const last = storm.at(-1) ?? owed();
  const prompt: DeviceWakeup = { ...last, lane: 'prompt' };
  const waiting = compartment.waiting();
  t.equal(compartment.offer(prompt), 'taken');
  t.equal(compartment.offer(prompt), 'known');
  t.equal(compartment.offer(last), 'known');
  t.equal(compartment.waiting(), waiting);
  clock.advance(200);
  t.ok(sent.includes(prompt));
  clock.advance(10_000);
  t.equal(sent.length, 20);
});

t.test('of one device one wakeup is here at a time', async (t) => {
  const { clock, compartment, answer } = setUp();
  const wakeup = owed();
  t.equal(compartment.offer(wakeup), 'taken');
  clock.advance(1_000);
  t.equal(compartment.underWay(), 1);
  t.equal(compartment.offer({ ...wakeup, serial: 2 }), 'known');
  await answer();
  t.notOk(compartment.has(wakeup.device));
  t.equal(compartment.offer({ ...wakeup, serial: 2 }), 'taken');
});

t.test('beyond wakeupQueueMax it takes nothing, and again when there is room', async (t) => {
  const { clock, compartment, pace } = setUp({ wakeupQueueMax: 2 });
  pace.perSecond = 0;
  t.same([owed(), owed(), owed()].map(compartment.offer), ['taken', 'taken', 'full']);
  t.equal(compartment.offer(owed('bulk')), 'taken', 'the lanes fill apart');
  pace.perSecond = 10;
  compartment.pump();
  clock.advance(1_000);
  t.equal(compartment.offer(owed()), 'taken');
});

t.test('beyond wakeupsUnderWayMax the next waits for an answer', async (t) => {
  const { clock, sent, compartment, answer } = setUp({ wakeupsUnderWayMax: 2, perSecond: 1_000 });
  for (let i = 0; i < 5; i++) compartment.offer(owed());
  clock.advance(1_000);
  t.equal(sent.length, 2);
  await answer();
  clock.advance(1_000);
  t.equal(sent.length, 4);
});

t.test('closed it forgets what waits, for the store has it', async (t) => {
  const { clock, sent, compartment, pace } = setUp();
  pace.perSecond = 0;
  const wakeup = owed();
  compartment.offer(wakeup);
  compartment.close();
  pace.perSecond = 10;
  clock.advance(1_000);
  t.equal(sent.length, 0);
  t.notOk(compartment.has(wakeup.device));
});
