// A budget of so many a second, of which one second's worth may be taken at once.

/** What was left at a time. No bucket is a full one. */
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** After this long without a taker every bucket is full again. */
export const refillMs = 1000;

// A thousandth of a millisecond's part, so that a sum of fractions that should be a token is one.
const rounding = 1e-6;

export function levelOf(bucket: Bucket | undefined, maxPerSecond: number, nowMs: number): number {
  if (!bucket) return maxPerSecond;
  const filled = ((nowMs - bucket.atMs) * maxPerSecond) / refillMs;
  return Math.min(maxPerSecond, bucket.tokens + filled);
}

/** 0 when one may be taken and `kept` are left then; otherwise the milliseconds until the bucket is full. */
export function waitMs(level: number, maxPerSecond: number, kept: number): number {
  if (level >= 1 + kept - rounding) return 0;
  // Not the next token: a caller that comes back for one at a time would ask a thousand times a second.
  return Math.ceil(((maxPerSecond - level) * refillMs) / maxPerSecond);
}
