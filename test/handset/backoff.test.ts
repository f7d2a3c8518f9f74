import fc from 'fast-check';
import t from 'tap';
import { createBackoff } from '../../handset/backoff.js';

t.test('doubles the longest wait from the base up to the cap', async (t) => {
  const backoff = createBackoff({ baseMs: 1000, capMs: 60_000, random: () => 0.999_999_9 });
  const waits = Array.from({ length: 9 }, () => Math.ceil((backoff.next() + 1) / 1000) * 1000);
  t.same(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

t.test('starts again from the base after a reset', async (t) => {
  const backoff = createBackoff({ baseMs: 1000, capMs: 60_000, random: () => 0.5 });
  t.same([backoff.next(), backoff.next(), backoff.next()], [500, 1000, 2000]);
  backoff.reset();
  t.equal(backoff.next(), 500);
});

t.test('never waits longer than the cap, even where the base is above it', async (t) => {
  const backoff = createBackoff({ baseMs: 9000, capMs: 100, random: () => 0.9 });
  t.equal(backoff.next(), 90);
  t.equal(backoff.next(), 90);
});

t.test('spreads each wait over the whole range from nothing to its longest', async (t) => {
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(share, fc.integer({ min: 0, max: 40 }), (random, losses) => {
      const backoff = createBackoff({ baseMs: 1000, capMs: 60_000, random: () => random });
      for (let i = 0; i < losses; i++) backoff.next();
      const longestMs = Math.min(60_000, 1000 * 2 ** losses);
      return backoff.next() === Math.floor(random * longestMs);
    }),
  );
  t.pass('holds');
});
