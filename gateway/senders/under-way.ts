// Counts what a sender has under way, against its bound and for its end.

export interface UnderWay {
  isFull(): boolean;
  count(): number;
  /** Counts a promise until it settles. */
  add<T>(promise: Promise<T>): Promise<T>;
  /** Resolves when nothing is left or `deadlineMs` have passed. */
  settled(deadlineMs: number): Promise<void>;
}

export function createUnderWay(max: number): UnderWay {
  let count = 0;
  let onEmpty = () => {};
  return {
    isFull: () => count >= max,
    count: () => count,
    add(promise) {
      count += 1;
      return promise.finally(() => {
        count -= 1;
        if (count === 0) onEmpty();
      });
    },
    settled(deadlineMs) {
      if (count === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
  };
}
