// The store's totals for the page. They cost the store a look at every row, so that reading them may take a tenth
// of its time at most, however often the page is asked for.
import type { Clock } from '../../shared/clock.js';
import type { Store, StoreCounts } from '../store/store.js';

const restFactor = 10;

/** Resolves to the newest totals there are to be had; to `undefined` when the store does not answer. */
export function createCounts(store: Store, clock: Clock): () => Promise<StoreCounts | undefined> {
  let reading: Promise<StoreCounts | undefined> | undefined;
  let goodUntilMs = Number.NEGATIVE_INFINITY;

  async function read(): Promise<StoreCounts | undefined> {
    const beganMs = clock.now();
    // A store that does not answer is what the page then says.
    const counts = await store.counts().catch(() => undefined);
    goodUntilMs = clock.now() + (clock.now() - beganMs) * restFactor;
    return counts;
  }

  return () => {
    if (!reading || clock.now() >= goodUntilMs) {
      goodUntilMs = Number.POSITIVE_INFINITY;
      reading = read();
    }
    return reading;
  };
}
