// What is paused, in a file that is replaced as a whole: a crash leaves the old one or the new one.
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../../shared/errors.js';
import { type NetworkKey, parseNetworkKey } from '../../shared/network.js';

export interface PauseMemory {
  allSinceMs: number | undefined;
  networks: ReadonlyMap<NetworkKey, number>;
}

/** What a file says; a text says why nobody can tell. No file means that nothing was ever paused. */
export function readMemory(file: string): PauseMemory | string {
  try {
    return parse(readFileSync(file, 'utf8')) ?? `${file}: does not hold what is paused`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return { allSinceMs: undefined, networks: new Map() };
    }
    return `${file}: cannot be read (${messageOf(error)})`;
  }
}

/** Throws when it cannot be written; the old file stays then. */
export function writeMemory(file: string, { allSinceMs, networks }: PauseMemory): void {
  const times = [...networks].map(([network, sinceMs]) => [network, timeText(sinceMs)]);
  const paused = {
    all: allSinceMs === undefined ? null : timeText(allSinceMs),
    networks: Object.fromEntries(times),
  };
  const next = `${file}.new`;
  writeFileSync(next, `${JSON.stringify({ paused })}\n`, { mode: 0o600, flush: true });
  renameSync(next, file);
  syncFolder(dirname(file));
}

export function whyNotWritable(file: string): string | undefined {
  try {
    accessSync(dirname(file), constants.W_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function parse(text: string): PauseMemory | undefined {
  const { paused } = objectOf(JSON.parse(text));
  const { all, networks } = objectOf(paused);
  const times = Object.entries(objectOf(networks)).map(
    ([key, since]) => [parseNetworkKey(key), Date.parse(String(since))] as const,
  );
  const known = new Map<NetworkKey, number>();
  for (const [key, sinceMs] of times) {
    if (key === undefined || Number.isNaN(sinceMs)) return undefined;
    known.set(key, sinceMs);
  }
  const allSinceMs = all === null ? undefined : Date.parse(String(all));
  return Number.isNaN(allSinceMs) ? undefined : { allSinceMs, networks: known };
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Error('it is not of the form this gateway writes');
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** Without it the new name may be lost with the power. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
