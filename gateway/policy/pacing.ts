// A token bucket for each central: how many wakeups a second it may send. One second's worth may come at once.
import type { Clock } from '../../shared/clock.js';

export interface Pacing {
  /** Takes one wakeup of a central's allowance; otherwise the milliseconds until its bucket is full again. */
  take(centralId: string, maxPerSecond: number): 'taken' | number;
  /** Forgets the buckets of centrals that are gone. */
  keepOnly(centralIds: ReadonlySet<string>): void;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

export function createPacing(clock: Clock): Pacing {
  // Bounded by the number of configured centrals: only an authenticated one has a bucket.
  const buckets = new Map<string, Bucket>();
  return {
    take(centralId, maxPerSecond) {
      const nowMs = clock.now();
      const bucket = buckets.get(centralId) ?? { tokens: maxPerSecond, filledMs: nowMs };
      buckets.set(centralId, bucket);
      // A clock that was set back fills nothing, and starts counting from where it is now.
      const elapsedMs = Math.max(0, nowMs - bucket.filledMs);
      bucket.tokens = Math.min(maxPerSecond, bucket.tokens + (elapsedMs * maxPerSecond) / 1000);
      bucket.filledMs = nowMs;
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return 'taken';
      }
      // Not the next token: a caller that comes back for one at a time would ask a thousand times a second.
      return Math.ceil(((maxPerSecond - bucket.tokens) * 1000) / maxPerSecond);
    },
    keepOnly(centralIds) {
      for (const id of buckets.keys()) if (!centralIds.has(id)) buckets.delete(id);
    },
  };
}
