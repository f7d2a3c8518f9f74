// What happened lately, by name, for things that all live equally long. It is kept in slices of that time, and
// a slice is dropped as a whole, so that forgetting costs nothing however much there is. (A Map that is emptied
// entry by entry from its front is walked through what was deleted, again and again.)

export interface Recent<T> {
  /** May have outlived its time by a part of it; whoever needs to know keeps the time in the value. */
  get(name: string): T | undefined;
  /** Makes an entry the newest one. */
  put(name: string, value: T, nowMs: number): void;
  delete(name: string): void;
  /** Drops what is older than `lifeMs`, and an eighth of it later at the latest. To be called before `put`. */
  age(nowMs: number, lifeMs: number): void;
  size(): number;
}

interface Slice<T> {
  entries: Map<string, T>;
  firstMs: number;
  lastMs: number;
}

const slicesPerLife = 8;

export function createRecent<T>(): Recent<T> {
  /** Newest first. */
  const slices: Slice<T>[] = [];

  function remove(name: string): void {
    for (const { entries } of slices) entries.delete(name);
  }

  return {
    get(name) {
      for (const { entries } of slices) {
        const value = entries.get(name);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    put(name, value, nowMs) {
      remove(name);
      const newest = slices[0] ?? { entries: new Map(), firstMs: nowMs, lastMs: nowMs };
      if (slices.length === 0) slices.push(newest);
      newest.entries.set(name, value);
      newest.lastMs = nowMs;
    },
    delete: remove,
    age(nowMs, lifeMs) {
      let oldest = slices.at(-1);
      while (oldest && oldest.lastMs + lifeMs <= nowMs) {
        slices.pop();
        oldest = slices.at(-1);
      }
      const newest = slices[0];
      if (newest && nowMs - newest.firstMs >= lifeMs / slicesPerLife) {
        slices.unshift({ entries: new Map(), firstMs: nowMs, lastMs: nowMs });
      }
    },
    size() {
      let count = 0;
      for (const { entries } of slices) count += entries.size;
      return count;
    },
  };
}
