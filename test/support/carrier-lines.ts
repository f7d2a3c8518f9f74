// The lines of a program in their order, each taken once: what comes next, and not what was said long ago.
import type { JsonLine, Program } from '../../dev/programs.js';

/** How long anything in the carrier may take to happen. */
const patienceMs = 60_000;

export interface Lines {
  /** The first line that fits and was not taken yet. Rejects with this complaint when it takes too long. */
  next(fits: (line: JsonLine) => boolean, complaint: string): Promise<JsonLine>;
  /** How many lines fit, taken or not. */
  count(fits: (line: JsonLine) => boolean): number;
  /** Takes all lines so far. */
  skip(): void;
}

export function readLines(program: Program): Lines {
  const seen: JsonLine[] = [];
  const taken = new Set<JsonLine>();
  // A look at every line, those already there and those to come, that never finds the one it waits for.
  const look = (line: JsonLine) => {
    seen.push(line);
    return false;
  };
  // Where the program ends, whoever waits for a line is told.
  program.line(look).catch(() => {});
  return {
    count: (fits) => seen.filter(fits).length,
    skip() {
      for (const line of seen) taken.add(line);
    },
    next(fits, complaint) {
      const found = program.line((line) => {
        if (taken.has(line) || !fits(line)) return false;
        taken.add(line);
        return true;
      });
      return within(found, complaint);
    },
  };
}

async function within<T>(promise: Promise<T>, complaint: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
