// What happened lately: for each thing counted a ring of buckets by time, so that a page can draw its rate over
// the last minutes. A ring never grows; who makes series takes their names from closed sets.
import type { Clock } from '../../shared/clock.js';

/** Ten minutes in steps of five seconds. */
export const bucketMs = 5_000;
export const bucketCount = 120;
/** How many buckets, with the one under way, the rate of now is taken from: a minute. */
const rateBuckets = 12;

export interface Series {
  add(count?: number): void;
  /** Everything since the start. */
  total(): number;
  /** What the buckets hold, with the one under way: the last ten minutes. */
  recent(): number;
  /** How many a second, over the last minute or since the start. */
  perSecond(): number;
  /** How many a second in each bucket that has ended, the oldest first; none from before the start. */
  rates(): number[];
}

export interface History {
  series(): Series;
}

export function createHistory(clock: Clock): History {
  const startMs = clock.now();
  const firstBucket = Math.floor(startMs / bucketMs);
  return { series: () => createSeries({ clock, startMs, firstBucket }) };
}

function createSeries({
  clock,
  startMs,
  firstBucket,
}: {
  clock: Clock;
  startMs: number;
  firstBucket: number;
}): Series {
  const counts = new Float64Array(bucketCount);
  let current = firstBucket;
  let total = 0;

  /** Empties the buckets that time has passed since the last look. */
  function turn(): void {
    const now = Math.floor(clock.now() / bucketMs);
    // A clock that was set back counts on in the newest bucket.
    const passed = Math.min(now - current, bucketCount);
    for (let i = 0; i < passed; i++) counts[(now - i) % bucketCount] = 0;
    current = Math.max(current, now);
  }

  /** The newest buckets, the oldest first and the one under way last; none from before the start. */
  function newest(wanted: number): number[] {
    turn();
    const length = Math.min(wanted, current - firstBucket + 1);
    const first = current - length + 1;
    return Array.from({ length }, (_, i) => counts[(first + i) % bucketCount] ?? 0);
  }

  return {
    add(count = 1) {
      turn();
      const at = current % bucketCount;
      counts[at] = (counts[at] ?? 0) + count;
      total += count;
    },
    total: () => total,
    recent: () => sum(newest(bucketCount)),
    perSecond() {
      const taken = newest(rateBuckets);
      const sinceMs = Math.max(startMs, (current - taken.length + 1) * bucketMs);
      // Not less than a bucket: two wakeups in the first millisecond are not two thousand a second.
      return (sum(taken) * 1000) / Math.max(clock.now() - sinceMs, bucketMs);
    },
    rates: () =>
      newest(bucketCount)
        .slice(0, -1)
        .map((count) => (count * 1000) / bucketMs),
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
