// A program as an operator runs it: a process of its own from dist/, known by its ready line, its log and its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Trace } from '../../shared/traces.js';

export type LogRow = Record<string, unknown> & { id?: string };

export interface RunningProgram {
  child: ChildProcess;
  url: string;
  adminUrl: string;
  /** All lines of its log so far. */
  rows: LogRow[];
  /** Resolves with the first row of this trace, past or to come, that passes the test. */
  logged(trace: Trace, test?: (row: LogRow) => boolean): Promise<LogRow>;
  /** Sends a signal and resolves to how the process ended: its exit code, or the signal. */
  kill(signal: NodeJS.Signals): Promise<number | string>;
  /** Whether it still runs. */
  isAlive(): boolean;
}

/** A program from its start on, before it is ready. */
export interface StartingProgram extends Omit<RunningProgram, 'url' | 'adminUrl'> {
  ready: Promise<{ url: string; adminUrl: string }>;
  ended: Promise<number | string>;
}

/** Runs `serve`. */
export function spawnProgram(
  t: { teardown(fn: () => unknown): unknown },
  name: 'central' | 'gateway',
  configFile: string,
): StartingProgram {
  const cli = fileURLToPath(new URL(`../../${name}/cli.js`, import.meta.url));
  const child = spawn(process.execPath, [cli, 'serve', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // The program as it is, without what a test runner would load into it.
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  t.teardown(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  return {
    child,
    ended,
    ready: readyLine(child),
    ...readLog(child),
    kill(signal) {
      child.kill(signal);
      return ended;
    },
    isAlive: () => child.exitCode === null && child.signalCode === null,
  };
}

/** Runs `serve` and waits until it is ready. Rejects with its log when it ends before. */
export async function startProgram(
  t: { teardown(fn: () => unknown): unknown },
  name: 'central' | 'gateway',
  configFile: string,
): Promise<RunningProgram> {
  const { ready, ended, ...program } = spawnProgram(t, name, configFile);
  const opened = await Promise.race([ready, ended]);
  if (typeof opened !== 'object') {
    throw new Error(`${name} ended with ${opened}: ${JSON.stringify(program.rows.slice(-5))}`);
  }
  return { ...program, ...opened };
}

async function readyLine(child: ChildProcess): Promise<{ url: string; adminUrl: string }> {
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    const [, url, adminUrl] = /^ready (\S+) admin (\S+)$/.exec(line) ?? [];
    if (url && adminUrl) return { url, adminUrl };
  }
  // It ended without it; the caller waits for the end.
  return new Promise(() => {});
}

function readLog(child: ChildProcess): Pick<RunningProgram, 'rows' | 'logged'> {
  const rows: LogRow[] = [];
  const waiting: ((row: LogRow) => void)[] = [];
  createInterface({ input: child.stderr ?? process.stdin }).on('line', (line) => {
    const row = rowOf(line);
    rows.push(row);
    for (const take of waiting) take(row);
  });
  return {
    rows,
    logged(trace, test = () => true) {
      const isIt = (row: LogRow) => row.id === trace.id && test(row);
      const past = rows.find(isIt);
      if (past) return Promise.resolve(past);
      return new Promise((resolve) => waiting.push((row) => isIt(row) && resolve(row)));
    },
  };
}

function rowOf(line: string): LogRow {
  try {
    return JSON.parse(line) as LogRow;
  } catch {
    // What node itself says, such as the stack of a crash.
    return { text: line };
  }
}
