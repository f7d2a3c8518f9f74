// One timer for all sockets.
import t from 'tap';
import { createDeadlines, type Sleeper } from '../../../central/device/deadlines.js';
import { createManualClock } from '../../support/manual-clock.js';

function setup() {
  const clock = createManualClock();
  let timers = 0;
  const counting = {
    now: clock.now,
    after(ms: number, fn: () => void) {
      timers += 1;
      const cancel = clock.after(ms, () => {
        timers -= 1;
        fn();
      });
      let isCancelled = false;
      return () => {
        if (!isCancelled) timers -= 1;
        isCancelled = true;
        cancel();
      };
    },
  };
  const deadlines = createDeadlines(counting);
  const wokenAt: [string, number][] = [];
  const startMs = clock.now();
  const sleeper = (name: string, onWake = () => {}): Sleeper => ({
    wakeAtMs: undefined,
    onWake() {
      wokenAt.push([name, clock.now() - startMs]);
      onWake();
    },
  });
  const wakeIn = (one: Sleeper, ms: number) => deadlines.wakeBy(one, clock.now() + ms);
  return { clock, deadlines, wokenAt, sleeper, wakeIn, timers: () => timers };
}

t.test('wakes each sleeper at its time or within 100 ms after', async (t) => {
  const { clock, wokenAt, sleeper, wakeIn } = setup();
  wakeIn(sleeper('b'), 2_050);
  wakeIn(sleeper('a'), 1_000);
  wakeIn(sleeper('c'), 60_000);
  clock.advance(100_000);
  t.same(wokenAt, [
    ['a', 1_000],
    ['b', 2_100],
    ['c', 60_000],
  ]);
});

t.test('has one timer, however many sleep', async (t) => {
  const { clock, sleeper, wakeIn, timers } = setup();
  for (let i = 1000; i > 0; i--) wakeIn(sleeper(`s${i}`), i * 130);
  t.equal(timers(), 1);
  clock.advance(65_000);
  t.equal(timers(), 1);
  clock.advance(65_100);
  t.equal(timers(), 0);
});

t.test(
  'an earlier wish counts, a later one does not, and nobody is woken twice for one',
  async (t) => {
    const { clock, wokenAt, sleeper, wakeIn } = setup();
    const one = sleeper('one');
    wakeIn(one, 5_000);
    wakeIn(one, 9_000);
    wakeIn(one, 2_000);
    wakeIn(one, 2_000);
    clock.advance(10_000);
    t.same(wokenAt, [['one', 2_000]]);
  },
);

t.test(
  'a sleeper may ask again while it is woken, for a slot it stood in before too',
  async (t) => {
    const { clock, wokenAt, sleeper, wakeIn } = setup();
    const one: Sleeper = sleeper('one', () => {
      if (wokenAt.length < 3) wakeIn(one, wokenAt.length === 1 ? 3_000 : 0);
    });
    wakeIn(one, 5_000);
    wakeIn(one, 2_000);
    clock.advance(10_000);
    t.same(wokenAt, [
      ['one', 2_000],
      ['one', 5_000],
      ['one', 5_000],
    ]);
  },
);

t.test('a time in the past is due at once', async (t) => {
  const { clock, wokenAt, sleeper, wakeIn } = setup();
  wakeIn(sleeper('late'), -5_000);
  clock.advance(0);
  t.same(wokenAt, [['late', 0]]);
});

t.test('who is over is not woken, also where it ends in the moment it would be', async (t) => {
  const { clock, deadlines, wokenAt, sleeper, wakeIn } = setup();
  const [one, other] = [sleeper('one'), sleeper('other')];
  const last = sleeper('last', () => deadlines.forget(other));
  for (const each of [one, last, other]) wakeIn(each, 1_000);
  deadlines.forget(one);
  deadlines.forget(one);
  clock.advance(10_000);
  t.same(wokenAt, [['last', 1_000]]);
  t.equal(clock.untilNextMs(), undefined);
});

t.test('who is over may ask again', async (t) => {
  const { clock, deadlines, wokenAt, sleeper, wakeIn } = setup();
  const one = sleeper('one');
  wakeIn(one, 1_000);
  deadlines.forget(one);
  wakeIn(one, 5_000);
  clock.advance(10_000);
  t.same(wokenAt, [['one', 5_000]]);
});

t.test('wakes nobody after its end', async (t) => {
  const { clock, deadlines, wokenAt, sleeper, wakeIn } = setup();
  wakeIn(sleeper('one'), 1_000);
  deadlines.close();
  clock.advance(10_000);
  t.same(wokenAt, []);
});
