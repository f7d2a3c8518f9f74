// What happened lately, by name. All entries live equally long, so the oldest stand in front and are dropped
// from there: each costs its own insertion and removal, however many there are.

export interface Recent<T> {
  get(name: string): T | undefined;
  /** Makes an entry the newest one. Times never go back. */
  put(name: string, value: T, nowMs: number): void;
  /** Drops what is older than `lifeMs`. */
  drop(nowMs: number, lifeMs: number): void;
  size(): number;
}

export function createRecent<T>(): Recent<T> {
  // A Map keeps the order of insertion.
  const entries = new Map<string, { value: T; atMs: number }>();
  return {
    get: (name) => entries.get(name)?.value,
    put(name, value, nowMs) {
      entries.delete(name);
      entries.set(name, { value, atMs: nowMs });
    },
    drop(nowMs, lifeMs) {
      for (const [name, { atMs }] of entries) {
        if (atMs + lifeMs > nowMs) break;
        entries.delete(name);
      }
    },
    size: () => entries.size,
  };
}
