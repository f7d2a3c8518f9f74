// The gateway as a real process: its commands run to their end, or `serve` until a test stops it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Teardown } from './gateway-setup.js';

const cli = fileURLToPath(new URL('../../gateway/cli.js', import.meta.url));

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

function start(args: readonly string[], env: Record<string, string>): ChildProcess {
  const { PATH = '' } = process.env;
  // The test runner puts its loaders into NODE_OPTIONS of whatever is spawned; a program under test runs without.
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, cli, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, ...env },
  });
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString();
    });
  }
  return texts;
}

/** Runs a command to its end. */
export async function runGateway(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const child = start(args, env);
  const texts = collect(child);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

export interface Served {
  url: string;
  adminUrl: string;
  /** The line that said so. */
  ready: string;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process has written a log line with this id. */
  logged(id: string): Promise<void>;
  /** Resolves when the process has ended. */
  ended: Promise<Ran>;
}

/** Runs `serve` until it is ready. */
export async function serveGateway(t: Teardown, configFile: string): Promise<Served> {
  const child = start(['serve', '--config', configFile], {});
  t.teardown(() => child.kill('SIGKILL'));
  const texts = collect(child);
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...texts }));
  if (!child.stdout || !child.stderr) throw new Error('no pipes');
  const waiting = new Map<string, () => void>();
  const seen = new Set<string>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    const id = /"id":"(\d+)"/.exec(line)?.[1] ?? '';
    seen.add(id);
    waiting.get(id)?.();
  });
  const line = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', resolve);
  });
  const ready = await Promise.race([
    line,
    ended.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ]);
  const [, url = '', , adminUrl = ''] = ready.split(' ');
  return {
    url,
    adminUrl,
    ready,
    ended,
    signal: (name) => void child.kill(name),
    logged: (id) =>
      seen.has(id) ? Promise.resolve() : new Promise((resolve) => waiting.set(id, resolve)),
  };
}
