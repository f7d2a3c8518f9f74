// What the end of a wakeup says about its network.
import t from 'tap';
import { createBooks } from '../../../central/wakeup/books.js';
import type { WakingResult } from '../../../central/wakeup/circuit.js';
import { createReconnectTimes } from '../../../central/wakeup/reconnect-times.js';
import type { WakeupOutcome } from '../../../central/wakeup/states.js';
import { type NetworkKey, parseNetworkKey } from '../../../shared/network.js';
import { keepLog } from '../../support/central-log.js';
import { createManualClock } from '../../support/manual-clock.js';

const network = parseNetworkKey('214-07') as NetworkKey;

function open() {
  const clock = createManualClock();
  const results: WakingResult[] = [];
  const times = createReconnectTimes({ floorMs: 8_000, random: () => 0 });
  const ignore = () => {};
  const books = createBooks({
    counts: { outcome: ignore, darkened: ignore, reconnected: ignore, reached: ignore },
    onResult: (_network, result) => void results.push(result),
    ...{ times, clock, log: keepLog().log },
  });
  // Long after its start.
  const openedMs = clock.now();
  clock.advance(3_600_000);
  function end(outcome: WakeupOutcome, attempts: number): void {
    const sentMs = clock.now() - 9_000;
    const dueMs = sentMs + 8_000 * attempts;
    books.ended({ network, outcome, attempts, sentMs, dueMs, sinceMs: undefined });
  }
  function late(attempts: number, agoMs: number): void {
    const sentMs = clock.now() - agoMs;
    books.moved({ late: { network, attempts, sentMs } });
  }
  return { openedMs, clock, results, times, books, end, late };
}

t.test('a wakeup that worked speaks for its network, whichever attempt it was', async (t) => {
  const { clock, results, end } = open();
  end('success', 1);
  end('success', 4);
  const worked = { hasWorked: true, sentMs: clock.now() - 9_000 };
  t.same(results, [
    { ...worked, isRepeated: false },
    { ...worked, isRepeated: true },
  ]);
});

t.test('a device that is gone is told from one that was missed once', async (t) => {
  const { clock, results, end } = open();
  for (const attempt of [1, 2, 3, 4, 5]) end('unconfirmed', attempt);
  const missed = { hasWorked: false, sentMs: clock.now() - 9_000 };
  t.same(results[0], { ...missed, isRepeated: false });
  t.same(results.slice(1), new Array(4).fill({ ...missed, isRepeated: true }));
});

t.test(
  'a refusal, a sign and what is not needed any more say nothing of the network',
  async (t) => {
    const { results, end } = open();
    for (const outcome of ['failure', 'expired', 'replaced'] as const) end(outcome, 1);
    t.same(results, []);
  },
);

t.test('a hello after the window of the first wakeup says how slow the network is', async (t) => {
  const { clock, results, times, late } = open();
  for (let i = 0; i < 20; i++) late(1, 12_000);
  t.equal(times.p95Ms(network), 12_000);
  t.equal(times.windowMs(network, 1), 18_000);
  const worked = {
    ...{ hasWorked: true, sentMs: clock.now() - 12_000, isRepeated: false, isLate: true },
  };
  t.same(results, new Array(20).fill(worked), 'and that it works');
});

t.test('a hello after the window of a later one says that it works', async (t) => {
  const { results, times, late } = open();
  for (let i = 0; i < 20; i++) late(2, 20_000);
  t.equal(times.p95Ms(network), undefined);
  t.equal(times.windowMs(network, 1), 20_000, 'and that windows were too short');
  t.match(results, new Array(20).fill({ hasWorked: true, isRepeated: true }));
});

t.test('a device that comes long after its wakeup comes by itself', async (t) => {
  const { results, times, late } = open();
  for (let i = 0; i < 20; i++) late(1, 16 * 8_000 + 1);
  t.equal(times.p95Ms(network), undefined);
  t.same(results, []);
  for (let i = 0; i < 20; i++) late(1, 100_000);
  t.equal(times.p95Ms(network), 100_000);
  for (let i = 0; i < 20; i++) late(1, 16 * 8_000 + 1);
  t.equal(times.p95Ms(network), 100_000, 'whatever was learnt');
});

t.test('hellos for wakeups from before the start teach nothing of the network', async (t) => {
  const { openedMs, results, times, books } = open();
  const sentMs = openedMs - 1;
  const said = { network, sentMs, dueMs: openedMs + 8_000, sinceMs: sentMs };
  for (let i = 0; i < 20; i++) {
    books.ended({ ...said, outcome: 'success', attempts: 1 });
    books.ended({ ...said, outcome: 'success', attempts: 2 });
    books.moved({ late: { network, attempts: 1, sentMs } });
  }
  t.equal(times.p95Ms(network), undefined);
  t.equal(times.windowMs(network, 1), 8_000);
  t.equal(results.length, 40, 'but that it works');
});
