// Whether a network's wakeups work at all. A gateway may take every wakeup while none arrives; then no device may be
// put to sleep there until some have come back.
import type { Clock } from '../../shared/clock.js';

/** What a wakeup or a proof came to. */
export interface WakingResult {
  hasWorked: boolean;
  sentMs: number;
  /** It was not the first for what the device missed: one that is gone misses all, and says nothing more by it. */
  isRepeated: boolean;
  /** The device came after its window: maybe by itself. */
  isLate?: boolean;
}

export interface Circuit {
  note(result: WakingResult): void;
  /** Open: devices keep their sockets, and wakeups that are owed go out one by one as trials. */
  isOpen(): boolean;
  /** The part of the last wakeups that worked, 0 to 1; `undefined` before the first. */
  successRatio(): number | undefined;
}

export interface CircuitLimits {
  /** Wakeups that must have ended before the circuit judges. */
  circuitWakeupsMin: number;
  /** It opens when a smaller part of the last ones worked. */
  circuitSuccessMin: number;
  /** It stays open this long after the last trial that was in vain; then the network is trusted once more. */
  circuitOpenMs: number;
}

/**
 * What was sent within this time is judged together. An effect is known soon and its absence at the end of a window
 * only, so that of many wakeups at once those that failed come last, however few they are.
 */
const cohortMs = 10_000;

interface Cohort {
  startMs: number;
  worked: number;
  ended: number;
}

export function createCircuit({ clock, limits }: { clock: Clock; limits: CircuitLimits }): Circuit {
  const { circuitWakeupsMin, circuitSuccessMin, circuitOpenMs } = limits;
  /** The newest first; together just as many as it takes to judge. */
  let cohorts: Cohort[] = [];
  let closedAtMs = Number.NEGATIVE_INFINITY;
  let openUntilMs: number | undefined;

  function isOpen(): boolean {
    if (openUntilMs !== undefined && clock.now() >= openUntilMs) close();
    return openUntilMs !== undefined;
  }

  function close(): void {
    openUntilMs = undefined;
    closedAtMs = clock.now();
    cohorts = [];
  }

  function cohortOf(sentMs: number): Cohort {
    const startMs = Math.floor(sentMs / cohortMs) * cohortMs;
    const known = cohorts.find((cohort) => cohort.startMs === startMs);
    if (known) return known;
    const made = { startMs, worked: 0, ended: 0 };
    cohorts = [...cohorts, made].sort((a, b) => b.startMs - a.startMs);
    return made;
  }

  function forgetOld(): void {
    let ended = 0;
    cohorts = cohorts.filter((cohort) => {
      const isNeeded = ended < circuitWakeupsMin;
      ended += cohort.ended;
      return isNeeded;
    });
  }

  function total(): Omit<Cohort, 'startMs'> {
    let [worked, ended] = [0, 0];
    for (const cohort of cohorts) {
      worked += cohort.worked;
      ended += cohort.ended;
    }
    return { worked, ended };
  }

  return {
    isOpen,
    note({ hasWorked, sentMs, isRepeated, isLate = false }) {
      // As long as trials are in vain nobody is put to sleep.
      if (isOpen() && !hasWorked) openUntilMs = clock.now() + circuitOpenMs;
      if (isRepeated && !hasWorked) return;
      // One that came back is more than a hundred that did not: the way is open again.
      if (isOpen() && hasWorked && !isLate) close();
      // What was sent before says nothing of the way as it is now.
      if (!hasWorked && sentMs < closedAtMs) return;
      const cohort = cohortOf(Math.max(sentMs, closedAtMs));
      cohort.ended += 1;
      cohort.worked += Number(hasWorked);
      forgetOld();
      const { worked, ended } = total();
      if (ended >= circuitWakeupsMin && worked < ended * circuitSuccessMin) {
        openUntilMs ??= clock.now() + circuitOpenMs;
      }
    },
    successRatio() {
      const { worked, ended } = total();
      return ended === 0 ? undefined : worked / ended;
    },
  };
}
