import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import t from 'tap';
import { createClosing, detach, repeat } from '../../shared/lifecycle.js';
import type { Log, LogFields } from '../../shared/log.js';
import { type Trace, traces } from '../../shared/traces.js';
import { createManualClock } from '../support/manual-clock.js';

interface Line {
  trace: Trace;
  fields: LogFields | undefined;
}

/** A log that keeps its lines. */
function memoryLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const write = (trace: Trace, fields?: LogFields) => void lines.push({ trace, fields });
  return { log: Object.assign(write, { setLevel() {} }), lines };
}

function setUp() {
  const clock = createManualClock();
  const { log, lines } = memoryLog();
  return { clock, lines, closing: createClosing({ log, clock, deadlineMs: 1000 }) };
}

/** Lets promises that are settled run their course. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

t.test('what was opened last is closed first, one after the other', async (t) => {
  const { closing, lines } = setUp();
  const events: string[] = [];
  closing.add('store', () => void events.push('store'));
  closing.add('server', async () => {
    events.push('server begins');
    await settle();
    events.push('server ends');
  });
  closing.add('admin', () => void events.push('admin'));
  await closing.close();
  t.same(events, ['admin', 'server begins', 'server ends', 'store']);
  t.same(lines, []);
});

t.test('everything is closed once, whoever asks and however often', async (t) => {
  const { closing } = setUp();
  let count = 0;
  closing.add('store', () => {
    count += 1;
  });
  t.equal(closing.close(), closing.close());
  await closing.close();
  t.equal(count, 1);
});

t.test('one that fails does not keep the others open', async (t) => {
  const { closing, lines } = setUp();
  const events: string[] = [];
  closing.add('first', () => void events.push('first'));
  closing.add('rejects', () => Promise.reject(new Error('no')));
  closing.add('throws', () => {
    throw new Error('never');
  });
  await closing.close();
  t.same(events, ['first']);
  t.same(lines, [
    { trace: traces.taskFailed, fields: { task: 'close throws', error: 'never' } },
    { trace: traces.taskFailed, fields: { task: 'close rejects', error: 'no' } },
  ]);
});

t.test('one that needs longer than the deadline is logged and left', async (t) => {
  const { closing, clock, lines } = setUp();
  const events: string[] = [];
  closing.add('first', () => void events.push('first'));
  closing.add('slow', () => new Promise(() => {}));
  const closed = closing.close();
  clock.advance(999);
  await settle();
  t.same([events, lines], [[], []], 'not before the deadline');
  clock.advance(1);
  await closed;
  t.same(events, ['first']);
  t.same(lines, [{ trace: traces.closeSlow, fields: { part: 'slow' } }]);
});

t.test('one that fails after its deadline does not end the process', async (t) => {
  const { closing, clock } = setUp();
  let fail = (_: Error) => {};
  closing.add('slow', () => new Promise((_, reject) => (fail = reject)));
  const closed = closing.close();
  clock.advance(1000);
  await closed;
  fail(new Error('late'));
  await settle();
  t.pass('no unhandled rejection');
});

t.test('what is added while it closes is closed too', async (t) => {
  const { closing } = setUp();
  const events: string[] = [];
  closing.add('server', async () => {
    events.push('server');
    closing.add('late', () => void events.push('late'));
  });
  await closing.close();
  t.same(events, ['server', 'late']);
});

t.test('a detached promise that fails is a line of the log', async (t) => {
  const { log, lines } = memoryLog();
  detach(Promise.reject(new Error('no')), log);
  detach(Promise.reject('text'), log, traces.storeFailed);
  detach(Promise.resolve(), log);
  await settle();
  t.same(lines, [
    { trace: traces.taskFailed, fields: { error: 'no' } },
    { trace: traces.storeFailed, fields: { error: 'text' } },
  ]);
});

/** A program that says on stdout which of its handlers was called. */
async function signalled(stop: string) {
  const url = new URL('../../shared/lifecycle.js', import.meta.url);
  const source = `
    import { onSignals } from ${JSON.stringify(url)};
    onSignals({
      stop: ${stop},
      reload: async () => console.log('reload'),
    });
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value;
  if ((await next()) !== 'ready') throw new Error('it did not start');
  return { child, next };
}

t.test('what is repeated pauses after each time, failed or not, until it is closed', async (t) => {
  const clock = createManualClock();
  const { log, lines } = memoryLog();
  const ends: ((error?: Error) => void)[] = [];
  let isClosed = () => true;
  const act = (told: () => boolean) => {
    isClosed = told;
    return new Promise<void>((resolve, reject) => {
      ends.push((error) => (error ? reject(error) : resolve()));
    });
  };
  const repetition = repeat(act, { pauseMs: 1_000, clock, log, trace: traces.storeFailed });
  t.equal(ends.length, 0, 'not at once');
  clock.advance(1_000);
  t.equal(ends.length, 1);
  clock.advance(10_000);
  t.equal(ends.length, 1, 'one at a time');
  ends[0]?.(new Error('x'));
  await settle();
  t.match(lines, [{ trace: traces.storeFailed, fields: { error: 'x' } }]);
  clock.advance(1_000);
  t.equal(ends.length, 2);
  t.equal(isClosed(), false);
  repetition.close();
  t.equal(isClosed(), true);
  ends[1]?.();
  await settle();
  clock.advance(10_000);
  t.equal(ends.length, 2);
});

t.test('SIGHUP reloads, SIGTERM ends with exit 0', async (t) => {
  const { child, next } = await signalled(`async () => console.log('stop')`);
  const exit = once(child, 'exit');
  child.kill('SIGHUP');
  t.equal(await next(), 'reload');
  child.kill('SIGHUP');
  t.equal(await next(), 'reload');
  child.kill('SIGTERM');
  t.equal(await next(), 'stop');
  t.same(await exit, [0, null]);
});

t.test('a second signal ends a program that does not get to its end', async (t) => {
  const { child, next } = await signalled(`() => new Promise(() => console.log('stop'))`);
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  t.equal(await next(), 'stop');
  child.kill('SIGTERM');
  t.same(await exit, [1, null]);
});
