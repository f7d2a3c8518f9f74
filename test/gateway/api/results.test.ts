import t from 'tap';
import { createResults, type Decision } from '../../../gateway/api/results.js';
import { createManualClock } from '../../support/manual-clock.js';

const triggered: Decision = { outcome: 'triggered' };

function setUp(resultsMax = 10) {
  const clock = createManualClock();
  const results = createResults({ clock, resultsMax, resultLifeMs: 1000 });
  let decided = 0;
  const once = async (id: string, decision: Decision | Error = triggered, centralId = 'ns-1') => {
    const made = results.once({ centralId, id }, async () => {
      decided += 1;
      if (decision instanceof Error) throw decision;
      return decision;
    });
    return made === 'full' ? made : made.decision;
  };
  return { clock, results, once, decided: () => decided };
}

t.test('an id that is still under way is not decided twice', async (t) => {
  const { results } = setUp();
  let finish = (_: Decision) => {};
  const slow = () =>
    new Promise<Decision>((resolve) => {
      finish = resolve;
    });
  const key = { centralId: 'ns-1', id: 'a' };
  const first = results.once(key, slow);
  const second = results.once(key, () => t.fail('decided twice') as never);
  finish(triggered);
  if (first === 'full' || second === 'full') throw new Error('full');
  t.notOk(first.isRepeat);
  t.ok(second.isRepeat);
  t.equal(await second.decision, await first.decision);
});

t.test('a result is forgotten after its life time', async (t) => {
  const { clock, once, decided, results } = setUp();
  await once('a');
  clock.advance(999);
  await once('a');
  t.equal(decided(), 1);
  clock.advance(1);
  t.equal(results.size(), 0);
  await once('a');
  t.equal(decided(), 2);
});

t.test('a result is forgotten in time though a newer one is not', async (t) => {
  const { clock, once, decided } = setUp();
  await once('a');
  clock.advance(10);
  await once('b');
  clock.advance(990);
  await once('a');
  await once('b');
  t.equal(decided(), 3);
});

t.test('a deferred wakeup and one that failed by a bug are not remembered', async (t) => {
  const { once, decided } = setUp();
  await once('a', { outcome: 'deferred' });
  await t.rejects(once('a', new Error('bug')));
  t.same(await once('a'), triggered);
  t.equal(decided(), 3);
});

t.test('refused and failed ones are remembered', async (t) => {
  const { once, decided } = setUp();
  await once('a', { outcome: 'refused', reason: 'port-malformed' });
  t.same(await once('a'), { outcome: 'refused', reason: 'port-malformed' });
  await once('b', { outcome: 'failed' });
  t.same(await once('b'), { outcome: 'failed' });
  t.equal(decided(), 2);
});

t.test(
  'results are bounded for each central, and a full one still knows its old ids',
  async (t) => {
    const { once, clock, results } = setUp(2);
    await once('a');
    await once('b');
    t.equal(await once('c'), 'full');
    t.same(await once('a'), triggered);
    t.same(await once('c', triggered, 'ns-2'), triggered);
    t.equal(results.size(), 3);
    clock.advance(1000);
    t.same(await once('c'), triggered);
  },
);

t.test('results of a central that is gone are forgotten', async (t) => {
  const { once, results } = setUp();
  await once('a');
  await once('a', triggered, 'ns-2');
  results.keepOnly(new Set(['ns-2']));
  t.equal(results.size(), 1);
});

t.test('a clock that is set back neither keeps nor forgets a result', async (t) => {
  const { clock, once, decided, results } = setUp();
  await once('a');
  clock.advance(-3_600_000);
  await once('a');
  t.equal(decided(), 1);
  clock.advance(1000);
  t.equal(results.size(), 0);
});
