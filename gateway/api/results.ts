// Idempotent ids: a wakeup that is asked for again within the life time of its result gets that result and
// sends nothing, also while the first is still under way. Ids are kept per central.
import type { Clock } from '../../shared/clock.js';
import type { WakeupResult } from '../../shared/wakeup/request.js';

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
  const shelfOf = (centralId: string): Shelf => {
    const shelf = ofCentral.get(centralId) ?? createShelf(options);
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

/** The results of one central, in the order of their end: all live equally long. */
function createShelf({ clock, resultsMax, resultLifeMs }: Parameters<typeof createResults>[0]) {
  const entries = new Map<string, { decision: Promise<Decision>; endMs: number }>();

  function forget(): void {
    const nowMs = clock.now();
    // A Map keeps the order of insertion, so the first that still lives ends the walk.
    for (const [id, { endMs }] of entries) {
      if (endMs > nowMs) break;
      entries.delete(id);
    }
  }

  return {
    get(id: string) {
      forget();
      return entries.get(id)?.decision;
    },
    put: (id: string, decision: Promise<Decision>) =>
      void entries.set(id, { decision, endMs: clock.now() + resultLifeMs }),
    delete: (id: string) => void entries.delete(id),
    isFull: () => entries.size >= resultsMax,
    size() {
      forget();
      return entries.size;
    },
  };
}
