// What the end of a wakeup says about its network.
import t from 'tap';
import { createBooks } from '../../../central/wakeup/books.js';
import type { WakingResult } from '../../../central/wakeup/circuit.js';
import { createReconnectTimes } from '../../../central/wakeup/reconnect-times.js';
import type { WakeupOutcome } from '../../../central/wakeup/states.js';
import { parseNetworkKey } from '../../../shared/network.js';
import { keepLog } from '../../support/central-log.js';
import { createManualClock } from '../../support/manual-clock.js';

const network = parseNetworkKey('214-07');

function open() {
  const clock = createManualClock();
  const results: WakingResult[] = [];
  const ignore = () => {};
  const books = createBooks({
    counts: { outcome: ignore, darkened: ignore, reconnected: ignore, reached: ignore },
    times: createReconnectTimes({ floorMs: 8_000, random: () => 0 }),
    onResult: (_network, result) => void results.push(result),
    ...{ clock, log: keepLog().log },
  });
  function end(outcome: WakeupOutcome, attempts: number): void {
    const sentMs = clock.now() - 9_000;
    if (network) books.ended({ network, outcome, attempts, sentMs, sinceMs: undefined });
  }
  return { clock, results, end };
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
