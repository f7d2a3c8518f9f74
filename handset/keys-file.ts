// The file of the command in which the keys of Web Push channels outlive a run: JSON, by channelID. Whoever reads it
// reads the messages.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Handset } from './client.js';
import type { ChannelKeys } from './push-keys.js';

/** None where there is no such file yet. Throws when it is no JSON; what the JSON says is checked with the options. */
export function readKeysFile(file: string): Record<string, ChannelKeys> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Writes the file now, and before anyone else hears of a new endpoint. Throws when it cannot be written. */
export function keepKeysFile(handset: Handset, file: string): void {
  const write = () => {
    const text = `${JSON.stringify(handset.keys(), null, 2)}\n`;
    // In its place at once and whole: half a file would lose the keys of all channels.
    // The mode is for a new file: one that an earlier run left behind keeps its own.
    rmSync(`${file}.new`, { force: true });
    writeFileSync(`${file}.new`, text, { mode: 0o600, flag: 'wx' });
    renameSync(`${file}.new`, file);
  };
  write();
  handset.on('registered', write);
  handset.on('unregistered', write);
}
