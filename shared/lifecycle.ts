// From start to stop: what was opened last is closed first, once, within a deadline; signals drive it.
import type { Clock } from './clock.js';
import { messageOf } from './errors.js';
import type { Log } from './log.js';
import { type Trace, traces } from './traces.js';

export interface Closing {
  /** Adds what to do at the end; the last added goes first. */
  add(name: string, close: () => Promise<void> | void): void;
  /** Closes everything once; later calls return the same promise. Never rejects. */
  close(): Promise<void>;
}

/** A list of things to close. Each gets `deadlineMs`; one that needs longer is logged and left. */
export function createClosing(options: { log: Log; clock: Clock; deadlineMs: number }): Closing {
  const parts: { name: string; close: () => Promise<void> | void }[] = [];
  let closed: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    for (const { name, close } of parts.reverse()) {
      await closeOne(name, close, options);
    }
  }

  return {
    add: (name, close) => void parts.push({ name, close }),
    close: () => {
      closed ??= closeAll();
      return closed;
    },
  };
}

async function closeOne(
  name: string,
  close: () => Promise<void> | void,
  { log, clock, deadlineMs }: { log: Log; clock: Clock; deadlineMs: number },
): Promise<void> {
  let cancel = () => {};
  const deadline = new Promise<'late'>((resolve) => {
    cancel = clock.after(deadlineMs, () => resolve('late'));
  });
  try {
    const done = Promise.resolve(close()).then(() => 'done' as const);
    if ((await Promise.race([done, deadline])) === 'late') log(traces.closeSlow, { part: name });
  } catch (error) {
    log(traces.taskFailed, { task: `close ${name}`, error: messageOf(error) });
  } finally {
    cancel();
  }
}

/** Signals of a running program: SIGTERM and SIGINT end it with exit 0, SIGHUP reloads. */
export function onSignals(handlers: {
  stop: () => Promise<void>;
  reload: () => Promise<void>;
}): void {
  let stopping = false;
  const stop = () => {
    // A second signal ends a program that does not get to its end.
    if (stopping) process.exit(1);
    stopping = true;
    handlers.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => void handlers.reload());
}

/** Runs a promise nobody waits for: its failure becomes a log line instead of the end of the process. */
export function detach(
  promise: Promise<unknown>,
  log: Log,
  trace: Trace = traces.taskFailed,
): void {
  promise.catch((error: unknown) => log(trace, { error: messageOf(error) }));
}

/** Something that is done again and again. */
export interface Repetition {
  /** No more of it begins. What is under way is told by `isClosed`. */
  close(): void;
}

/** Does it `pauseMs` from now, and then each time `pauseMs` after the last one has ended or failed, until `close`. */
export function repeat(
  act: (isClosed: () => boolean) => Promise<void>,
  options: { pauseMs: number; clock: Clock; log: Log; trace: Trace },
): Repetition {
  const { pauseMs, clock, log, trace } = options;
  let isClosed = false;
  const plan = () => void (isClosed || clock.after(pauseMs, run));

  function run(): void {
    if (isClosed) return;
    detach(act(() => isClosed).finally(plan), log, trace);
  }

  plan();
  return {
    close: () => {
      isClosed = true;
    },
  };
}
