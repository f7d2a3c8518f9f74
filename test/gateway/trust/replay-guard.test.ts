import t from 'tap';
import { createReplayGuard } from '../../../gateway/trust/replay-guard.js';
import { createManualClock } from '../../support/manual-clock.js';

const startSecond = 1_700_000_000;

function nonce(value: string, created = startSecond) {
  return [{ value, created }];
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
    clock.advance(1);
    t.equal(guard.size(), 1);
    clock.advance(5000);
    t.equal(guard.size(), 0);
  },
);

t.test('the nonces of one request are burnt together or not at all', async (t) => {
  const clock = createManualClock(startSecond * 1000);
  const guard = createReplayGuard({ clock, replayGuardMax: 3 });
  t.equal(guard.burn([...nonce('a'), ...nonce('b')]), 'burnt');
  t.equal(guard.burn([...nonce('b'), ...nonce('c')]), 'seen');
  t.equal(guard.burn([...nonce('c'), ...nonce('d')]), 'full');
  t.equal(guard.burn(nonce('c')), 'burnt');
});

t.test('one nonce in two signatures is kept for as long as the later one is fresh', async (t) => {
  const clock = createManualClock(startSecond * 1000);
  const guard = createReplayGuard({ clock, replayGuardMax: 1 });
  t.equal(guard.burn([...nonce('a'), ...nonce('a', startSecond + 5)]), 'burnt');
  clock.advance(31_000);
  t.equal(guard.burn(nonce('a', startSecond + 5)), 'seen');
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

t.test('a clock that jumps ahead and back makes stale only what was forgotten', async (t) => {
  let nowMs = startSecond * 1000;
  const guard = createReplayGuard({
    clock: { now: () => nowMs, after: () => () => {} },
    replayGuardMax: 10,
  });
  guard.burn(nonce('a'));
  nowMs += 3_600_000;
  t.equal(guard.size(), 0);
  nowMs -= 3_600_000 - 6000;
  t.equal(guard.burn(nonce('a')), 'stale');
  t.equal(guard.burn(nonce('b', startSecond + 1)), 'burnt');
  nowMs += 32_000;
  t.equal(guard.size(), 0, 'what is remembered after the jump is forgotten in time');
});

t.test('a hundred thousand nonces are forgotten at once', async (t) => {
  const clock = createManualClock(startSecond * 1000);
  const guard = createReplayGuard({ clock, replayGuardMax: 100_000 });
  for (let i = 0; i < 100_000; i++) guard.burn(nonce(String(i), startSecond + (i % 5)));
  t.equal(guard.size(), 100_000);
  clock.advance(36_000);
  t.equal(guard.size(), 0);
});
