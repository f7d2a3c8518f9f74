// What the network said against a central's wakeups after they had left, as far as that central may know it.
import type { Clock } from '../../shared/clock.js';
import { signsPerAnswerMax, type WakeupSign } from '../../shared/wakeup/request.js';
import { createSteadyTime } from './steady-time.js';
import { createTargets, type Reach, type Refusal, type SentTo } from './targets.js';

/** A wakeup that has left. */
export interface SentWakeup extends SentTo {
  id: string;
  centralId: string;
}

export interface Signs {
  /** Nothing was said against it. */
  reach(wakeup: SentWakeup): Reach;
  /** The handset's host said that nobody listens there. */
  refuse(wakeup: SentWakeup): Refusal;
  /** The signs of a central, in the order they came, the newest `signsPerAnswerMax` of the last `signLifeMs`. */
  of(centralId: string): WakeupSign[];
  /** Targets remembered, of all centrals. */
  targets(): number;
  /** Forgets centrals that are gone. */
  keepOnly(centralIds: ReadonlySet<string>): void;
}

export interface SignsOptions {
  clock: Clock;
  signTargetsMax: number;
  signTargetLifeMs: number;
  signLifeMs: number;
  /** A sign gave way to a newer one before its time. */
  onDropped: () => void;
}

export function createSigns(options: SignsOptions): Signs {
  const now = createSteadyTime(options.clock);
  // Bounded by the configuration: only a central of it gets this far.
  const shelves = new Map<string, Shelf>();
  const shelfOf = (centralId: string): Shelf => {
    const shelf = shelves.get(centralId) ?? createShelf({ ...options, now });
    shelves.set(centralId, shelf);
    return shelf;
  };
  return {
    reach: (wakeup) => shelfOf(wakeup.centralId).targets.reach(wakeup),
    refuse(wakeup) {
      const { targets, tell } = shelfOf(wakeup.centralId);
      const refusal = targets.refuse(wakeup);
      if (refusal === 'told') tell(wakeup.id);
      return refusal;
    },
    of: (centralId) => shelves.get(centralId)?.told() ?? [],
    targets: () => [...shelves.values()].reduce((sum, { targets }) => sum + targets.size(), 0),
    keepOnly(centralIds) {
      for (const id of shelves.keys()) if (!centralIds.has(id)) shelves.delete(id);
    },
  };
}

type Shelf = ReturnType<typeof createShelf>;

/** What one central may know. */
function createShelf(options: SignsOptions & { now: () => number }) {
  const { now, signLifeMs, onDropped } = options;
  /** Oldest first. */
  let signs: { id: string; endMs: number }[] = [];
  const forget = () => {
    const nowMs = now();
    signs = signs.filter(({ endMs }) => endMs > nowMs);
  };
  return {
    targets: createTargets(options),
    tell(id: string) {
      forget();
      signs.push({ id, endMs: now() + signLifeMs });
      if (signs.length <= signsPerAnswerMax) return;
      signs.shift();
      onDropped();
    },
    told(): WakeupSign[] {
      forget();
      return signs.map(({ id }) => ({ id, sign: 'unreachable' }));
    },
  };
}
