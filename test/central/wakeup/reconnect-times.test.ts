// How long a network's devices need to come back, and what that makes of windows.
import t from 'tap';
import type { EndedWakeup } from '../../../central/store/store.js';
import { createBooks } from '../../../central/wakeup/books.js';
import { createReconnectTimes } from '../../../central/wakeup/reconnect-times.js';
import type { WakeupOutcome } from '../../../central/wakeup/states.js';
import { type NetworkKey, parseNetworkKey } from '../../../shared/network.js';
import { keepLog } from '../../support/central-log.js';
import { createManualClock } from '../../support/manual-clock.js';

function key(text: string): NetworkKey {
  const parsed = parseNetworkKey(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

const here = key('214-07');
const floorMs = 8_000;
const timesWith = (random: number) => createReconnectTimes({ floorMs, random: () => random });

t.test('before enough devices came back a window is as long as the floor', async (t) => {
  const times = timesWith(0);
  t.equal(times.windowMs(here, 1), floorMs);
  for (let i = 0; i < 19; i++) times.note(here, 60_000);
  t.equal(times.p95Ms(here), undefined);
  t.equal(times.windowMs(here, 1), floorMs);
  times.note(here, 60_000);
  t.equal(times.windowMs(here, 1), 90_000);
});

t.test('a window is one and a half times as long as 95 of 100 devices need', async (t) => {
  const times = timesWith(0);
  for (let i = 1; i <= 100; i++) times.note(here, i * 1_000);
  t.equal(times.p95Ms(here), 95_000);
  t.equal(times.windowMs(here, 1), 142_500);
});

t.test('it is never shorter than the floor, and doubles with each attempt', async (t) => {
  const times = timesWith(0);
  for (let i = 0; i < 100; i++) times.note(here, 1_000);
  const windows = [1, 2, 3, 4, 5].map((attempt) => times.windowMs(here, attempt));
  t.same(windows, [8_000, 16_000, 32_000, 64_000, 128_000]);
  t.equal(times.windowMs(here, 100), 3_600_000, 'up to an hour');
});

t.test('jitter makes it longer by a quarter at most', async (t) => {
  t.equal(timesWith(0).windowMs(here, 1), 8_000);
  t.equal(timesWith(0.5).windowMs(here, 1), 9_000);
  t.equal(timesWith(0.999_999).windowMs(here, 1), 10_000);
});

t.test('the newest times count, and each network has its own', async (t) => {
  const times = timesWith(0);
  for (let i = 0; i < 200; i++) times.note(here, 60_000);
  for (let i = 0; i < 200; i++) times.note(here, 10_000);
  t.equal(times.p95Ms(here), 10_000);
  t.equal(times.p95Ms(key('214-007')), undefined);
});

t.test('after an answer to a repeated wakeup first windows stay as long as its own', async (t) => {
  const times = timesWith(0);
  const repeated = (windowMs: number) => times.noteRepeated(here, { ms: 5_000, windowMs });
  repeated(16_000);
  t.equal(times.windowMs(here, 1), 16_000);
  t.equal(times.windowMs(here, 2), 32_000);
  t.equal(times.windowMs(key('214-007'), 1), floorMs, 'of this network');
  repeated(16_000);
  t.equal(times.windowMs(here, 1), 16_000, 'however many come');
  repeated(128_000);
  t.equal(times.windowMs(here, 1), 32_000, 'one doubling at a time');
  for (let i = 0; i < 20; i++) repeated(7_200_000);
  t.equal(times.windowMs(here, 1), 3_600_000, 'up to an hour');
});

t.test('until a first wakeup is answered in the window that was learnt', async (t) => {
  const times = timesWith(0);
  times.noteRepeated(here, { ms: 5_000, windowMs: 16_000 });
  for (let i = 0; i < 19; i++) times.note(here, 12_000);
  t.equal(times.windowMs(here, 1), 16_000, 'a window of 8 s would miss them again');
  times.note(here, 12_000);
  t.equal(times.windowMs(here, 1), 18_000, 'learnt');
  times.noteRepeated(here, { ms: 18_001, windowMs: 36_000 });
  t.equal(times.windowMs(here, 1), 36_000);
  times.note(here, 2_000);
  t.equal(times.windowMs(here, 1), 18_000);
});

t.test('an answer in the time that devices need says that a wakeup was lost', async (t) => {
  const times = timesWith(0);
  for (let i = 0; i < 20; i++) times.note(here, 4_000);
  for (let i = 0; i < 20; i++) times.noteRepeated(here, { ms: 6_000, windowMs: 16_000 });
  t.equal(times.windowMs(here, 1), floorMs);
  times.noteRepeated(here, { ms: 6_001, windowMs: 16_000 });
  t.equal(times.windowMs(here, 1), 16_000);
});

/** Books over real times, and what ended. */
function keepBooks() {
  const clock = createManualClock();
  const times = timesWith(0);
  const seen: { reconnected: number[]; reached: number[]; results: boolean[] } = {
    ...{ reconnected: [], reached: [], results: [] },
  };
  const books = createBooks({
    counts: {
      outcome: () => {},
      darkened: () => {},
      reconnected: (_, ms) => void seen.reconnected.push(ms),
      reached: (_, ms) => void seen.reached.push(ms),
    },
    ...{ times, clock, log: keepLog().log },
    onResult: (_, { hasWorked }) => void seen.results.push(hasWorked),
  });
  // Long after its start.
  clock.advance(3_600_000);
  const end = (
    outcome: WakeupOutcome,
    { attempts, agoMs }: { attempts: number; agoMs: number },
  ) => {
    const sentMs = clock.now() - agoMs;
    const ended: EndedWakeup = {
      ...{ network: here, outcome, attempts, sentMs, sinceMs: sentMs - 500 },
      dueMs: sentMs + floorMs * 2 ** (attempts - 1),
    };
    books.ended(ended);
  };
  return { times, seen, end, books };
}

t.test('only an answer to the first wakeup says how long devices need (Karn)', async (t) => {
  const { times, seen, end } = keepBooks();
  for (let i = 0; i < 20; i++) end('success', { attempts: 2, agoMs: 1_000 });
  t.equal(times.p95Ms(here), undefined, 'nobody knows which wakeup it answers');
  t.equal(times.windowMs(here, 1), 2 * floorMs, 'its window stays');
  for (let i = 0; i < 20; i++) end('success', { attempts: 1, agoMs: 9_000 });
  t.equal(times.p95Ms(here), 9_000);
  t.equal(seen.reconnected.length, 40, 'the histogram has them all');
  t.equal(seen.reached[0], 1_500);
});

t.test('no wakeup without a hello, and no refusal, says how long devices need', async (t) => {
  const { times, seen, end, books } = keepBooks();
  for (const outcome of ['unconfirmed', 'failure', 'expired', 'replaced'] as const) {
    for (let i = 0; i < 20; i++) end(outcome, { attempts: 1, agoMs: 1_000 });
  }
  books.ended(undefined);
  t.equal(times.p95Ms(here), undefined);
  t.same(seen.reconnected, []);
  t.same(seen.results, new Array(20).fill(false), 'what never left says nothing of the network');
});
