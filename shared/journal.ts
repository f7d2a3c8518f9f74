// Log lines as journal entries with fields (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram an entry on the
// socket that `launch` connected. What the journal does not take goes to stderr with its priority in front.
import { writeSync } from 'node:fs';
import { descriptorIn, type Environment } from './systemd.js';

/** Takes the log's JSON lines, one at a time. */
export interface LineStream {
  write(line: string): void;
}

/** syslog(3)'s numbers for the levels of the trace table. */
const priorities: Record<string, number> = { debug: 7, info: 6, warn: 4, error: 3 };

/** The journal of this process' service; `undefined` elsewhere. `identifier` is what `journalctl -t` asks for. */
export function openJournal(env: Environment, identifier: string): LineStream | undefined {
  const fd = descriptorIn(env, 'JOURNAL_FD');
  if (fd === undefined) return undefined;
  return {
    write(line) {
      try {
        writeSync(fd, journalEntry(line, identifier));
      } catch {
        // Too large for a datagram, or the journal is gone: stderr is a stream to it that knows no fields.
        writeLast(`<${priorityOf(line)}>${line}`);
      }
    },
  };
}

function writeLast(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody is left to be told, and a line that is lost must not end a program that works.
  }
}

/**
 * A JSON line as one entry. A field `retryAfterMs` becomes REVEILLE_RETRY_AFTER_MS; each item of a list becomes
 * a field of its own, so that every one of them is found.
 */
export function journalEntry(line: string, identifier: string): Buffer {
  const { level, time: _time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const shown = Object.entries(fields).filter(([name]) => name !== 'id');
  const details = shown.map(([name, value]) => ` ${name}=${textOf(value)}`).join('');
  const parts = [
    field('PRIORITY', String(priorities[String(level)] ?? 6)),
    field('SYSLOG_IDENTIFIER', identifier),
    field('MESSAGE', `${String(msg)}${details}`),
  ];
  for (const [name, value] of Object.entries(fields)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      parts.push(field(journalName(name), textOf(item)));
    }
  }
  return Buffer.concat(parts);
}

function field(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  // A value with line breaks is preceded by its length, 64 bits little endian.
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}

/** The journal takes up to 64 upper-case letters, digits and underscores. */
function journalName(name: string): string {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
  return `REVEILLE_${words.replaceAll(/[^A-Z0-9_]/g, '_')}`.slice(0, 64);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function priorityOf(line: string): number {
  const level = /"level":"([a-z]+)"/.exec(line)?.[1] ?? '';
  return priorities[level] ?? 6;
}
