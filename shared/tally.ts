// How many of something each subscriber has, for limits. Of one that has none nothing is kept.

export interface Tally {
  of(subscriber: string): number;
  add(subscriber: string): void;
  remove(subscriber: string): void;
}

export function createTally(): Tally {
  const counts = new Map<string, number>();
  const of = (subscriber: string) => counts.get(subscriber) ?? 0;
  return {
    of,
    add: (subscriber) => void counts.set(subscriber, of(subscriber) + 1),
    remove(subscriber) {
      const others = of(subscriber) - 1;
      if (others > 0) counts.set(subscriber, others);
      else counts.delete(subscriber);
    },
  };
}
