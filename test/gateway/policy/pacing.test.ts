import t from 'tap';
import { createPacing, type Paced } from '../../../gateway/policy/pacing.js';
import { parseAddress } from '../../../shared/address.js';
import { parseNetworkKey } from '../../../shared/network.js';
import type { Urgency } from '../../../shared/wakeup/request.js';
import { createManualClock } from '../../support/manual-clock.js';

/** What one test changes of a wakeup that no budget stands against. */
interface Changes {
  central?: string;
  centralMax?: number;
  network?: string;
  networkMax?: number;
  prefixMax?: number;
  intervalMs?: number;
  ip?: string;
  port?: number;
  urgency?: Urgency;
}

function setUp(limits: Changes = {}, pacingEntriesMax = 1000) {
  const clock = createManualClock();
  const pacing = createPacing({ clock, pacingEntriesMax });
  /** `taken`, or why not and for how long. */
  const take = (changes: Changes = {}): string => {
    const pace = pacing.ask(paced({ ...limits, ...changes }));
    if (pace.deferred) return `${pace.deferred.reason} ${pace.deferred.retryAfterMs}`;
    pace.take();
    return 'taken';
  };
  return { clock, pacing, take };
}

function paced(changes: Changes): Paced {
  const { central = 'a', centralMax = 1000, network = '214-07', networkMax = 1000 } = changes;
  const { prefixMax = 1000, intervalMs = 0, ip = '10.1.2.3', port = 4000 } = changes;
  const key = parseNetworkKey(network);
  const address = parseAddress(ip);
  if (key === undefined || address === undefined) throw new Error('bad sample');
  return {
    central: { id: central, maxPerSecond: centralMax },
    network: {
      key,
      maxPerSecond: networkMax,
      prefixMaxPerSecond: prefixMax,
      handsetIntervalMs: intervalMs,
    },
    ...{ address, port, urgency: changes.urgency ?? 'normal' },
  };
}

function times(count: number, take: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => take(i));
}

t.test(
  "one second's worth of a central may come at once, and the rest is told when to come again",
  async (t) => {
    const { clock, take } = setUp({ centralMax: 10 });
    for (let i = 0; i < 10; i++) t.equal(take(), 'taken');
    t.equal(take(), 'paced 1000');
    clock.advance(100);
    t.equal(take(), 'taken');
    t.equal(take(), 'paced 1000');
    clock.advance(500);
    for (let i = 0; i < 5; i++) t.equal(take(), 'taken');
    t.equal(take(), 'paced 1000');
  },
);

t.test('a quiet hour saves no more than one second of wakeups', async (t) => {
  const { clock, take } = setUp({ centralMax: 3 });
  take();
  clock.advance(3_600_000);
  t.same(
    times(4, () => take()),
    ['taken', 'taken', 'taken', 'paced 1000'],
  );
});

t.test('each central has its own allowance', async (t) => {
  const { take } = setUp({ centralMax: 1 });
  t.equal(take(), 'taken');
  t.equal(take(), 'paced 1000');
  t.equal(take({ central: 'b' }), 'taken');
});

t.test(
  'the page budget of a network is shared by all centrals, and by no other network',
  async (t) => {
    const { take } = setUp({ networkMax: 2, urgency: 'high' });
    t.equal(take({ central: 'a' }), 'taken');
    t.equal(take({ central: 'b' }), 'taken');
    t.equal(take({ central: 'c' }), 'paced-network 1000');
    t.equal(take({ central: 'c', network: '214-07/net-b' }), 'taken');
  },
);

t.test('a /24 has its own pace within its network', async (t) => {
  const { take } = setUp({ prefixMax: 2, urgency: 'high' });
  t.equal(take({ ip: '10.1.2.0' }), 'taken');
  t.equal(take({ ip: '10.1.2.255' }), 'taken');
  t.equal(take({ ip: '10.1.2.7' }), 'paced-prefix 1000');
  t.equal(take({ ip: '10.1.3.0' }), 'taken');
  t.equal(take({ ip: '10.1.2.7', network: '214-08' }), 'taken');
});

t.test('a /56 of IPv6 has its own pace, for it holds as many handsets as a /24', async (t) => {
  const { take } = setUp({ prefixMax: 2, urgency: 'high' });
  t.equal(take({ ip: 'fd12:3456:7:ff00::1' }), 'taken');
  t.equal(take({ ip: 'fd12:3456:7:ffff::1' }), 'taken');
  t.equal(take({ ip: 'fd12:3456:7:ff01::1' }), 'paced-prefix 1000');
  t.equal(take({ ip: 'fd12:3456:7:fe01::1' }), 'taken');
});

t.test('a handset is woken once in its interval, whatever the port and the urgency', async (t) => {
  const { clock, take } = setUp({ intervalMs: 3000 });
  t.equal(take(), 'taken');
  t.equal(take({ port: 5000, urgency: 'high', central: 'b' }), 'paced-handset 3000');
  t.equal(take({ ip: '10.1.2.4' }), 'taken');
  t.equal(take({ network: '214-08' }), 'taken', 'the same address elsewhere is another handset');
  clock.advance(2999);
  t.equal(take(), 'paced-handset 1');
  clock.advance(1);
  t.equal(take(), 'taken');
});

t.test('a /64 of IPv6 is one handset', async (t) => {
  const { take } = setUp({ intervalMs: 3000 });
  t.equal(take({ ip: 'fd12:3456:7:1::1' }), 'taken');
  t.equal(take({ ip: 'fd12:3456:7:1:ffff::2' }), 'paced-handset 3000');
  t.equal(take({ ip: 'fd12:3456:7:2::1' }), 'taken');
});

t.test('on loopback every port is a handset, and there are no prefixes', async (t) => {
  for (const ip of ['127.0.0.1', '::1']) {
    const { take } = setUp({ intervalMs: 3000, prefixMax: 1, ip });
    t.equal(take({ port: 4000 }), 'taken');
    t.equal(take({ port: 4001 }), 'taken');
    t.equal(take({ port: 4000 }), 'paced-handset 3000');
  }
});

t.test('a budget that is short refuses before any other is charged', async (t) => {
  const { clock, take } = setUp({ centralMax: 2, networkMax: 2, prefixMax: 2, intervalMs: 3000 });
  t.equal(take({ urgency: 'high' }), 'taken');
  for (let i = 0; i < 9; i++) t.equal(take({ urgency: 'high' }), 'paced-handset 3000');
  t.equal(take({ ip: '10.1.2.4', urgency: 'high' }), 'taken', 'the other token is still there');
  clock.advance(3000);
  t.equal(take({ urgency: 'high' }), 'taken');
});

t.test('the outermost short budget is named, with the longest of the waits', async (t) => {
  const { take } = setUp({ centralMax: 1, networkMax: 1, prefixMax: 1, intervalMs: 3000 });
  t.equal(take(), 'taken');
  t.equal(take(), 'paced 3000');
  t.equal(take({ central: 'b' }), 'paced-network 3000');
  t.equal(take({ central: 'b', network: '214-08' }), 'taken');
});

t.test('the last half of a budget is not for low, the last fifth not for normal', async (t) => {
  const { take } = setUp({ networkMax: 10 });
  const count = (urgency: Urgency) => {
    let taken = 0;
    while (take({ urgency }) === 'taken') taken += 1;
    return taken;
  };
  t.same((['very-low', 'low', 'normal', 'high'] as const).map(count), [5, 0, 3, 2]);
  const prefixes = setUp({ prefixMax: 10 });
  t.equal(times(9, () => prefixes.take()).filter((made) => made === 'taken').length, 8);
  t.equal(prefixes.take({ urgency: 'high' }), 'taken');
});

t.test('of its own allowance a central keeps half from low alone', async (t) => {
  const { take } = setUp({ centralMax: 10 });
  const low = times(6, () => take({ urgency: 'low' }));
  t.same(low, ['taken', 'taken', 'taken', 'taken', 'taken', 'paced 500']);
  t.same(new Set(times(5, () => take())), new Set(['taken']));
});

t.test('a budget of one is there for every urgency', async (t) => {
  const { take } = setUp({ centralMax: 1, networkMax: 1, prefixMax: 1, urgency: 'very-low' });
  t.equal(take(), 'taken');
});

t.test('a clock that is set back gives nothing, takes nothing and forgets nobody', async (t) => {
  let nowMs = 1_000_000;
  const clock = { now: () => nowMs, after: () => () => {} };
  const pacing = createPacing({ clock, pacingEntriesMax: 100 });
  const ask = () => pacing.ask(paced({ centralMax: 1, intervalMs: 2000 }));
  ask().take?.();
  nowMs -= 500_000;
  t.match(ask().deferred, { reason: 'paced', retryAfterMs: 2000 });
  nowMs += 1000;
  t.match(ask().deferred, { reason: 'paced-handset', retryAfterMs: 1000 });
  nowMs += 1000;
  t.ok(ask().take);
});

t.test('a lower rate holds at once', async (t) => {
  const { take } = setUp();
  t.equal(take({ centralMax: 1000 }), 'taken');
  t.equal(take({ centralMax: 1 }), 'taken');
  t.equal(take({ centralMax: 1 }), 'paced 1000');
});

t.test('what is remembered goes when it no longer counts', async (t) => {
  const { clock, pacing, take } = setUp({ intervalMs: 3000 });
  for (let i = 0; i < 20; i++) take({ ip: `10.1.${i}.1` });
  t.equal(pacing.size(), 40);
  clock.advance(1000);
  t.equal(pacing.size(), 20, 'prefixes are full again after a second');
  clock.advance(2000);
  t.equal(pacing.size(), 0);
});

t.test('what is put off leaves nothing to remember', async (t) => {
  const { pacing, take } = setUp({ networkMax: 1, intervalMs: 3000 });
  take();
  for (let i = 0; i < 100; i++) take({ ip: `10.1.${i}.1` });
  t.equal(pacing.size(), 2);
});

t.test('when no more can be remembered wakeups are deferred and nobody is forgotten', async (t) => {
  const { clock, pacing, take } = setUp({ intervalMs: 3000 }, 20);
  const made = times(50, (i) => take({ ip: `10.1.${i}.1` }));
  t.equal(made.filter((result) => result === 'taken').length, 10);
  t.equal(made.at(-1), 'busy 1000');
  t.equal(pacing.size(), 20);
  t.equal(take({ ip: '10.1.0.1' }), 'paced-handset 3000');
  clock.advance(1000);
  t.equal(take({ ip: '10.1.40.1' }), 'taken', 'there is room where the prefixes were');
  clock.advance(2000);
  t.equal(take({ ip: '10.1.0.1' }), 'taken');
});

t.test('the budgets of centrals and networks that are gone are forgotten', async (t) => {
  const { pacing, take } = setUp({ centralMax: 1, networkMax: 1, intervalMs: 3000 });
  take();
  pacing.keepOnly({ centrals: new Set(['b']), networks: new Set(['214-08']) });
  t.equal(pacing.size(), 0);
  t.equal(take(), 'taken');
});
