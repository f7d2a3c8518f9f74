import t from 'tap';
import { createPacing } from '../../../gateway/policy/pacing.js';
import { createManualClock } from '../../support/manual-clock.js';

t.test(
  "one second's worth may come at once, and the rest is told when to come again",
  async (t) => {
    const clock = createManualClock();
    const pacing = createPacing(clock);
    for (let i = 0; i < 10; i++) t.equal(pacing.take('a', 10), 'taken');
    t.equal(pacing.take('a', 10), 1000);
    clock.advance(100);
    t.equal(pacing.take('a', 10), 'taken');
    t.equal(pacing.take('a', 10), 1000);
    clock.advance(500);
    for (let i = 0; i < 5; i++) t.equal(pacing.take('a', 10), 'taken');
    t.equal(pacing.take('a', 10), 1000);
  },
);

t.test('a quiet hour saves no more than one second of wakeups', async (t) => {
  const clock = createManualClock();
  const pacing = createPacing(clock);
  pacing.take('a', 3);
  clock.advance(3_600_000);
  const taken = [1, 2, 3, 4].map(() => pacing.take('a', 3));
  t.same(taken, ['taken', 'taken', 'taken', 1000]);
});

t.test('each central has its own bucket', async (t) => {
  const pacing = createPacing(createManualClock());
  t.equal(pacing.take('a', 1), 'taken');
  t.not(pacing.take('a', 1), 'taken');
  t.equal(pacing.take('b', 1), 'taken');
});

t.test('a clock that is set back gives nothing and takes nothing', async (t) => {
  let nowMs = 1_000_000;
  const pacing = createPacing({ now: () => nowMs, after: () => () => {} });
  t.equal(pacing.take('a', 1), 'taken');
  nowMs -= 500_000;
  t.not(pacing.take('a', 1), 'taken');
  nowMs += 1000;
  t.equal(pacing.take('a', 1), 'taken');
});

t.test('a lower rate holds at once', async (t) => {
  const pacing = createPacing(createManualClock());
  t.equal(pacing.take('a', 1000), 'taken');
  t.equal(pacing.take('a', 1), 'taken');
  t.not(pacing.take('a', 1), 'taken');
});

t.test('the bucket of a central that is gone is forgotten', async (t) => {
  const pacing = createPacing(createManualClock());
  pacing.take('a', 1);
  pacing.keepOnly(new Set(['b']));
  t.equal(pacing.take('a', 1), 'taken');
});
