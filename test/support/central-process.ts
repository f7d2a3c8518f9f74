// A command of central as a process of its own, run to its end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../central/cli.js', import.meta.url));

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs it with these variables, and none of the test's own but PATH. */
export async function runCentral(args: readonly string[], env: object = {}): Promise<Ran> {
  const { PATH = '' } = process.env;
  // The test runner puts its loaders into NODE_OPTIONS of whatever is spawned; a command runs without.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, cli, ...args];
  const child = spawn('env', command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, ...env },
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      texts[name] += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...texts };
}
