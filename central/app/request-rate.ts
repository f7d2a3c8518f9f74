// How many requests a second are taken from one app server, known by its address.
import { subscriberOf } from '../../shared/address.js';
import type { Clock } from '../../shared/clock.js';

/** Takes one request of this address, or not. */
export type TakesRequest = (address: string) => boolean;

/**
 * Addresses remembered at a time, in each of two generations. When there are more, those that asked least lately are
 * forgotten and have their whole budget again. Sharing one budget among all who are new would let whoever has many
 * addresses shut out every other newcomer; forgetting gives away no more than those addresses could take anyway.
 */
const addressesMax = 10_000;

/** After this long without a request every budget is whole again, and need not be remembered. */
const refillMs = 1_000;

interface Budget {
  tokens: number;
  atMs: number;
}

/** Budgets of `perSecond`, of which one second's worth may be taken at once. */
export function createRequestRate(options: { perSecond: number; clock: Clock }): TakesRequest {
  const { perSecond, clock } = options;
  let recent = new Map<string, Budget>();
  let older = new Map<string, Budget>();
  let recentSinceMs = clock.now();

  function age(nowMs: number): void {
    if (nowMs - recentSinceMs < refillMs && recent.size < addressesMax) return;
    older = recent;
    recent = new Map();
    recentSinceMs = nowMs;
  }

  return (address) => {
    const nowMs = clock.now();
    age(nowMs);
    const name = subscriberOf(address);
    const budget = recent.get(name) ?? older.get(name) ?? { tokens: perSecond, atMs: nowMs };
    // A clock that was set back fills nothing.
    const filled = (Math.max(nowMs - budget.atMs, 0) * perSecond) / refillMs;
    budget.tokens = Math.min(perSecond, budget.tokens + filled);
    budget.atMs = nowMs;
    recent.set(name, budget);
    if (budget.tokens < 1) return false;
    budget.tokens -= 1;
    return true;
  };
}
