// Remembers the nonces of accepted requests for as long as their signatures could be accepted again.
// A full guard refuses; it never forgets early. Buckets by second make forgetting cost nothing per nonce.
// A nonce is its value alone: it is the same in all signatures of a request, whichever key they are by, and
// stays burnt when a reload gives a central another id or another key.
import type { Clock } from '../../shared/clock.js';
import { ageSecondsMax } from '../../shared/wakeup/profile.js';

export interface Nonce {
  value: string;
  /** The signature's `created`, in Unix seconds. */
  created: number;
}

/** `stale`: the time of a nonce was already forgotten, which happens when the clock was set back. */
export type Burning = 'burnt' | 'seen' | 'full' | 'stale';

export interface ReplayGuard {
  /** Burns the nonces of a request, checking and inserting in one step: all of them or, for whatever reason, none. */
  burn(nonces: readonly Nonce[]): Burning;
  size(): number;
  isFull(): boolean;
}

export function createReplayGuard(options: { clock: Clock; replayGuardMax: number }): ReplayGuard {
  const { clock, replayGuardMax } = options;
  const seen = new Set<string>();
  const buckets = new Map<number, string[]>();
  let sweptSecond = 0;
  /** The latest that was forgotten. A clock that jumps ahead while nothing is remembered makes nothing stale. */
  let forgottenSecond = 0;

  function forget(): void {
    const nowSecond = Math.floor(clock.now() / 1000);
    // One look a second: nothing falls due in between.
    if (nowSecond === sweptSecond) return;
    sweptSecond = nowSecond;
    for (const [second, values] of buckets) {
      if (second > nowSecond) continue;
      for (const value of values) seen.delete(value);
      buckets.delete(second);
      forgottenSecond = Math.max(forgottenSecond, second);
    }
  }

  function burningOf(nonces: readonly Nonce[]): Burning {
    if (nonces.some((nonce) => dueSecond(nonce) <= forgottenSecond)) return 'stale';
    const values = new Set(nonces.map(({ value }) => value));
    if ([...values].some((value) => seen.has(value))) return 'seen';
    return seen.size + values.size > replayGuardMax ? 'full' : 'burnt';
  }

  function remember(value: string, second: number): void {
    seen.add(value);
    const bucket = buckets.get(second);
    if (bucket) bucket.push(value);
    else buckets.set(second, [value]);
  }

  return {
    burn(nonces) {
      forget();
      const burning = burningOf(nonces);
      if (burning !== 'burnt') return burning;
      // Kept as long as the latest of the request's signatures needs it.
      const latest = Math.max(...nonces.map(dueSecond));
      for (const value of new Set(nonces.map((nonce) => nonce.value))) remember(value, latest);
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

/** The first second in which no signature of this age is fresh any more. */
function dueSecond({ created }: Nonce): number {
  return created + ageSecondsMax + 1;
}
