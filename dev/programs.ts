// The three programs as processes of their own, for the demo, for development and for tests: real commands, real sockets.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type ProgramName = 'central' | 'gateway' | 'handset';

/** A program's line, read as the JSON object it is; `undefined` when it is none. */
export type JsonLine = Record<string, unknown>;

export interface Program {
  pid: number;
  /** Resolves to the first JSON line, on stdout or stderr, that fits; those already there count. Rejects when the program ends. */
  line(fits: (line: JsonLine) => boolean): Promise<JsonLine>;
  /** The JSON lines that have come so far. */
  lines(): readonly JsonLine[];
  /** Lines that were no JSON, such as complaints. */
  complaints(): string[];
  /** Resolves to the exit code when the program is gone. */
  ended: Promise<number | null>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The URLs of a `ready` line. */
export interface Ready extends Program {
  url: string;
  adminUrl: string;
}

/** Where a program's compiled command lies. */
export function commandOf(name: ProgramName): string {
  return fileURLToPath(new URL(`../${name}/cli.js`, import.meta.url));
}

/** Starts `reveille-<name>` with these arguments; `via` is a command that runs it elsewhere in the same process. */
export function startProgram(
  name: ProgramName,
  args: readonly string[],
  via: readonly string[] = [],
): Program {
  const [command, ...rest] = [...via, process.execPath, commandOf(name), ...args];
  const child = spawn(command ?? '', rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: JsonLine[] = [];
  const complaints: string[] = [];
  let waiting: { fits: (line: JsonLine) => boolean; resolve: (line: JsonLine) => void }[] = [];

  const take = (text: string) => {
    const line = parse(text);
    if (!line) {
      complaints.push(text);
      return;
    }
    lines.push(line);
    waiting = waiting.filter(({ fits, resolve }) => {
      const isAwaited = fits(line);
      if (isAwaited) resolve(line);
      return !isAwaited;
    });
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', take);
  }
  const ended = endOf(child);

  return {
    pid: child.pid ?? 0,
    ended,
    lines: () => lines,
    complaints: () => complaints,
    line(fits) {
      const known = lines.find(fits);
      if (known) return Promise.resolve(known);
      const found = new Promise<JsonLine>((resolve) => void waiting.push({ fits, resolve }));
      const lost = ended.then((code): JsonLine => {
        throw new Error(`reveille-${name} ended with ${code}: ${complaints.join('; ')}`);
      });
      return Promise.race([found, lost]);
    },
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

/** Starts `reveille-<name> serve` and waits until it accepts connections. */
export async function startServer(
  name: 'central' | 'gateway',
  file: string,
  via: readonly string[] = [],
): Promise<Ready> {
  const program = startProgram(name, ['serve', '--config', file], via);
  const ready = await program.line(({ ready }) => ready !== undefined);
  return { ...program, url: String(ready.ready), adminUrl: String(ready.admin) };
}

/** Runs a command to its end. Rejects with what it complained about. */
export async function runCommand(name: ProgramName, args: readonly string[]): Promise<string[]> {
  const program = startProgram(name, args);
  const code = await program.ended;
  if (code === 0) return program.complaints();
  throw new Error(`reveille-${name} ${args[0]}: ${program.complaints().join('; ')}`);
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on('close', (code) => resolve(code)));
}

// The one line of `serve` that is no JSON becomes an object like the others.
const readyPattern = /^ready (\S+) admin (\S+)$/;

function parse(text: string): JsonLine | undefined {
  const ready = readyPattern.exec(text);
  if (ready) return { ready: ready[1], admin: ready[2] };
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as JsonLine) : undefined;
  } catch {
    // A line of text: a complaint.
    return undefined;
  }
}
