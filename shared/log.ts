// One JSON object a line on stderr, or one entry of the journal with fields. A line is a row of the trace table
// with its fields, never free text.
import { pino } from 'pino';
import type { LineStream } from './journal.js';
import type { Trace } from './traces.js';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Fields beside `id`. Never a payload, a token, a key or a whole handset address. */
export type LogFields = Record<string, unknown>;

export interface Log {
  (trace: Trace, fields?: LogFields): void;
  setLevel(level: LogLevel): void;
}

/** A log in the journal, or on stderr where there is none; written at once so that a crash loses no line. */
export function createLog(level: LogLevel, journal?: LineStream): Log {
  const destination = journal ?? pino.destination({ fd: 2, sync: true });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return Object.assign(
    (trace: Trace, fields: LogFields = {}) => {
      // The id of a line is its trace's, also where a field of that name slips in.
      logger[trace.level](Object.assign({ id: '' }, fields, { id: trace.id }), trace.message);
    },
    {
      setLevel(next: LogLevel) {
        logger.level = next;
      },
    },
  );
}
