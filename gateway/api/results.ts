// Idempotent ids: a wakeup that is asked for again within the life time of its result gets that result and
// sends nothing, also while the first is still under way. Ids are kept per central.
import type { Clock } from '../../shared/clock.js';
import type { WakeupResult } from '../../shared/wakeup/request.js';
import { createRecent } from '../policy/recent.js';
import { createSteadyTime } from '../policy/steady-time.js';

/** A result without its id. */
export type Decision = Omit<WakeupResult, 'id'>;

export interface Results {
  /**
   * The decision for an id: the remembered one, or what `decide` makes of it. `deferred` is not remembered.
   * `full`: too many are remembered, and nothing was decided.
   */
  once(
    key: { centralId: string; id: string },
    decide: () => Promise<Decision>,
  ): { decision: Promise<Decision>; isRepeat: boolean } | 'full';
  size(): number;
  /** Forgets the results of centrals that are gone. */
  keepOnly(centralIds: ReadonlySet<string>): void;
}

export function createResults(options: {
  clock: Clock;
  resultsMax: number;
  resultLifeMs: number;
}): Results {
  const ofCentral = new Map<string, Shelf>();
  // A clock that is set would forget results too early, or keep them too long.
  const now = createSteadyTime(options.clock);
  const shelfOf = (centralId: string): Shelf => {
    const shelf = ofCentral.get(centralId) ?? createShelf({ now, ...options });
    ofCentral.set(centralId, shelf);
    return shelf;
  };
  return {
    once({ centralId, id }, decide) {
      const shelf = shelfOf(centralId);
      const known = shelf.get(id);
      if (known) return { decision: known, isRepeat: true };
      if (shelf.isFull()) return 'full';
      const decision = decide().then(
        (made) => {
          if (made.outcome === 'deferred') shelf.delete(id);
          return made;
        },
        (error: unknown) => {
          shelf.delete(id);
          throw error;
        },
      );
      shelf.put(id, decision);
      return { decision, isRepeat: false };
    },
    size: () => [...ofCentral.values()].reduce((sum, shelf) => sum + shelf.size(), 0),
    keepOnly(centralIds) {
      for (const id of ofCentral.keys()) if (!centralIds.has(id)) ofCentral.delete(id);
    },
  };
}

type Shelf = ReturnType<typeof createShelf>;

/** The results of one central. */
function createShelf(options: { now: () => number; resultsMax: number; resultLifeMs: number }) {
  const { now, resultsMax, resultLifeMs } = options;
  const entries = createRecent<{ decision: Promise<Decision>; endMs: number }>();
  return {
    get(id: string) {
      const nowMs = now();
      entries.age(nowMs, resultLifeMs);
      const entry = entries.get(id);
      return entry && entry.endMs > nowMs ? entry.decision : undefined;
    },
    put(id: string, decision: Promise<Decision>) {
      const nowMs = now();
      entries.put(id, { decision, endMs: nowMs + resultLifeMs }, nowMs);
    },
    delete: entries.delete,
    isFull: () => entries.size() >= resultsMax,
    size() {
      entries.age(now(), resultLifeMs);
      return entries.size();
    },
  };
}
