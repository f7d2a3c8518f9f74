import fc from 'fast-check';
import t from 'tap';
import { createRecent } from '../../../gateway/policy/recent.js';

t.test('nothing is dropped before its time, and everything soon after it', async () => {
  const lifeMs = 800;
  const step = fc.record({ waitMs: fc.nat(300), name: fc.constantFrom('a', 'b', 'c', 'd') });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const recent = createRecent<number>();
      const puts = new Map<string, number>();
      let nowMs = 0;
      for (const { waitMs, name } of steps) {
        nowMs += waitMs;
        recent.age(nowMs, lifeMs);
        for (const [known, atMs] of puts) {
          const held = recent.get(known);
          const isDue = atMs + lifeMs <= nowMs;
          if (!isDue && held !== atMs) return false;
          if (atMs + lifeMs + lifeMs / 8 <= nowMs && held !== undefined) return false;
        }
        recent.put(name, nowMs, nowMs);
        puts.set(name, nowMs);
        if (recent.size() > puts.size) return false;
      }
      return true;
    }),
    { numRuns: 1000 },
  );
});

t.test('an entry that is put again is one entry, and one that is deleted is none', async (t) => {
  const recent = createRecent<number>();
  for (const nowMs of [0, 200, 400]) {
    recent.age(nowMs, 800);
    recent.put('a', nowMs, nowMs);
  }
  t.equal(recent.size(), 1);
  t.equal(recent.get('a'), 400);
  recent.delete('a');
  t.equal(recent.get('a'), undefined);
  t.equal(recent.size(), 0);
});

t.test('a hundred thousand come and go without being walked through', async (t) => {
  const recent = createRecent<number>();
  const beganMs = performance.now();
  for (let i = 0; i < 300_000; i++) {
    recent.age(i, 100_000);
    recent.put(`name ${i}`, i, i);
  }
  t.ok(recent.size() <= 112_501, `${recent.size()} are left`);
  // Walking through what was deleted takes minutes; this is a second on a slow machine.
  t.ok(performance.now() - beganMs < 20_000);
});
