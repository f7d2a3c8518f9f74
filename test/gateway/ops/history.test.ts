// The rings behind the charts: what they hold, when they forget, and that they never grow.
import t from 'tap';
import { bucketCount, bucketMs, createHistory } from '../../../gateway/ops/history.js';
import { createManualClock } from '../../support/manual-clock.js';

function setUp() {
  const clock = createManualClock(1_700_000_000_000);
  return { clock, series: createHistory(clock).series() };
}

t.test('a course has one step for each bucket that has ended, the oldest first', async (t) => {
  const { clock, series } = setUp();
  t.same(series.rates(), []);
  series.add(10);
  t.same(series.rates(), [], 'the bucket under way is in the numbers only');
  clock.advance(bucketMs);
  series.add(5);
  clock.advance(2 * bucketMs);
  t.same(series.rates(), [2, 1, 0]);
});

t.test('a ring holds ten minutes, whatever has passed', async (t) => {
  const { clock, series } = setUp();
  for (let i = 0; i < 3 * bucketCount; i++) {
    series.add();
    clock.advance(bucketMs);
  }
  t.equal(series.rates().length, bucketCount - 1);
  t.equal(series.recent(), bucketCount - 1);
  t.equal(series.total(), 3 * bucketCount);
  t.ok(series.rates().every((rate) => rate === 1000 / bucketMs));
});

t.test('a rate is that of the last minute, or of the time since the start', async (t) => {
  const { clock, series } = setUp();
  series.add(10);
  t.equal(series.perSecond(), 2, 'the first moment counts as one bucket');
  clock.advance(20_000);
  t.equal(series.perSecond(), 0.5);
  clock.advance(600_000);
  t.equal(series.perSecond(), 0);
  t.equal(series.recent(), 0);
  t.equal(series.total(), 10);
});

t.test('a long silence empties every bucket', async (t) => {
  const { clock, series } = setUp();
  series.add(7);
  clock.advance(86_400_000);
  series.add();
  t.equal(series.recent(), 1);
  t.same(new Set(series.rates()), new Set([0]));
});

t.test('a clock that is set back loses nothing and counts on', async (t) => {
  const { clock, series } = setUp();
  clock.advance(30_000);
  series.add(3);
  clock.advance(-3_600_000);
  series.add(2);
  t.equal(series.recent(), 5);
  t.ok(Number.isFinite(series.perSecond()) && series.perSecond() >= 0);
  clock.advance(3_600_000 + bucketMs);
  t.equal(series.rates().at(-1), 1);
});
