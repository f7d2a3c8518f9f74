// Remembers the nonces of accepted requests for as long as their signatures could be accepted again.
// A full guard refuses; it never forgets early. Buckets by second make forgetting cost nothing per nonce.
import type { Clock } from '../../shared/clock.js';
import { ageSecondsMax } from '../../shared/wakeup/profile.js';

export interface Nonce {
  centralId: string;
  value: string;
  /** The signature's `created`, in Unix seconds. */
  created: number;
}

export interface ReplayGuard {
  /** Whether a nonce has been burnt. A look only: it reserves nothing. */
  has(nonce: Nonce): boolean;
  /**
   * Burns a nonce, checking and inserting in one step. `stale`: its time was already forgotten, which happens
   * when the clock was set back.
   */
  burn(nonce: Nonce): 'burnt' | 'seen' | 'full' | 'stale';
  size(): number;
  isFull(): boolean;
}

export function createReplayGuard(options: { clock: Clock; replayGuardMax: number }): ReplayGuard {
  const { clock, replayGuardMax } = options;
  const seen = new Set<string>();
  const buckets = new Map<number, string[]>();
  let forgottenSecond = 0;

  function forget(): void {
    const nowSecond = Math.floor(clock.now() / 1000);
    // One look a second: nothing falls due in between, and a clock set back brings nothing back.
    if (nowSecond <= forgottenSecond) return;
    forgottenSecond = nowSecond;
    for (const [second, keys] of buckets) {
      if (second > nowSecond) continue;
      for (const key of keys) seen.delete(key);
      buckets.delete(second);
    }
  }

  return {
    has: (nonce) => seen.has(keyOf(nonce)),
    burn(nonce) {
      forget();
      const key = keyOf(nonce);
      // The first second in which no signature of this age is fresh any more.
      const second = nonce.created + ageSecondsMax + 1;
      if (second <= forgottenSecond) return 'stale';
      if (seen.has(key)) return 'seen';
      if (seen.size >= replayGuardMax) return 'full';
      seen.add(key);
      const bucket = buckets.get(second);
      if (bucket) bucket.push(key);
      else buckets.set(second, [key]);
      return 'burnt';
    },
    size() {
      forget();
      return seen.size;
    },
    isFull() {
      forget();
      return seen.size >= replayGuardMax;
    },
  };
}

function keyOf({ centralId, value }: Nonce): string {
  return `${centralId} ${value}`;
}
