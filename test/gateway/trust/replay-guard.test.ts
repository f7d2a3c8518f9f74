import t from 'tap';
import { createReplayGuard } from '../../../gateway/trust/replay-guard.js';
import { createManualClock } from '../../support/manual-clock.js';

const startSecond = 1_700_000_000;

function nonce(value: string, created = startSecond, centralId = 'ns-1') {
  return { value, created, centralId };
}

t.test(
  'a nonce is kept while a signature of its second can be accepted, and forgotten after',
  async (t) => {
    const clock = createManualClock(startSecond * 1000);
    const guard = createReplayGuard({ clock, replayGuardMax: 10 });
    t.equal(guard.burn(nonce('a')), 'burnt');
    t.equal(guard.burn(nonce('ahead', startSecond + 5)), 'burnt');
    t.equal(guard.burn(nonce('a')), 'seen');
    clock.advance(30_999);
    t.equal(guard.size(), 2, 'created + 30 s is still fresh');
    t.ok(guard.has(nonce('a')));
    clock.advance(1);
    t.equal(guard.size(), 1);
    clock.advance(5000);
    t.equal(guard.size(), 0);
  },
);

t.test('nonces are kept per central', async (t) => {
  const guard = createReplayGuard({ clock: createManualClock(), replayGuardMax: 10 });
  t.equal(guard.burn(nonce('a')), 'burnt');
  t.notOk(guard.has(nonce('a', startSecond, 'ns-2')));
  t.equal(guard.burn(nonce('a', startSecond, 'ns-2')), 'burnt');
});

t.test('looking burns nothing', async (t) => {
  const guard = createReplayGuard({ clock: createManualClock(), replayGuardMax: 10 });
  t.notOk(guard.has(nonce('a')));
  t.equal(guard.burn(nonce('a')), 'burnt');
});

t.test('full, it refuses new nonces and still knows the old ones', async (t) => {
  const clock = createManualClock(startSecond * 1000);
  const guard = createReplayGuard({ clock, replayGuardMax: 2 });
  guard.burn(nonce('a'));
  guard.burn(nonce('b'));
  t.ok(guard.isFull());
  t.equal(guard.burn(nonce('c')), 'full');
  t.equal(guard.burn(nonce('a')), 'seen');
  clock.advance(31_000);
  t.notOk(guard.isFull());
});

t.test('a clock that is set back brings no forgotten nonce back to life', async (t) => {
  let nowMs = startSecond * 1000;
  const guard = createReplayGuard({
    clock: { now: () => nowMs, after: () => () => {} },
    replayGuardMax: 10,
  });
  guard.burn(nonce('a'));
  nowMs += 60_000;
  t.equal(guard.size(), 0);
  nowMs -= 60_000;
  t.equal(guard.burn(nonce('a')), 'stale');
});

t.test('a hundred thousand nonces are forgotten at once', async (t) => {
  const clock = createManualClock(startSecond * 1000);
  const guard = createReplayGuard({ clock, replayGuardMax: 100_000 });
  for (let i = 0; i < 100_000; i++) guard.burn(nonce(String(i), startSecond + (i % 5)));
  t.equal(guard.size(), 100_000);
  clock.advance(36_000);
  t.equal(guard.size(), 0);
});
