// A log that keeps its lines instead of writing them.
import type { Log, LogFields } from '../../shared/log.js';
import type { Trace } from '../../shared/traces.js';

export interface KeptLine {
  trace: Trace;
  fields: LogFields | undefined;
}

export function keepLog(): { log: Log; lines: KeptLine[] } {
  const lines: KeptLine[] = [];
  const write = (trace: Trace, fields?: LogFields) => void lines.push({ trace, fields });
  return { log: Object.assign(write, { setLevel() {} }), lines };
}
