// POST /v1/wakeups: up to a thousand wakeups, each decided by itself, the urgent ones first, and answered in the
// order they came.
import { CodedError } from '../../shared/errors.js';
import { json } from '../../shared/http.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import {
  type Outcome,
  outcomes,
  parseWakeups,
  urgencies,
  type WakeupClaim,
  type WakeupResult,
} from '../../shared/wakeup/request.js';
import type { Metrics } from '../metrics.js';
import { urgencyOf } from '../policy/policy.js';
import type { Handler } from './handler.js';
import type { Results } from './results.js';
import { labelsOf, type Wake } from './wake.js';

export function createWakeups(parts: {
  wake: Wake;
  results: Results;
  metrics: Metrics;
  log: Log;
}): Handler {
  const { wake, results, metrics, log } = parts;
  return async ({ central, rules, body }) => {
    const claims = readClaims(body);
    if ('problem' in claims) return claims;

    async function answerOne(claim: WakeupClaim): Promise<WakeupResult> {
      const key = { centralId: central.id, id: claim.id };
      const made = results.once(key, () => wake.decide(claim, central, rules));
      if (made === 'full') return { id: claim.id, ...wake.deferBusy(claim, central, rules) };
      if (made.isRepeat) {
        metrics.repeat();
        log(traces.wakeupRepeated, { wakeup: claim.id });
      }
      return { id: claim.id, ...(await made.decision) };
    }

    // Begun in this order, so that what is left of a budget goes to those that need it most.
    const begun = new Map(byUrgency(claims).map((claim) => [claim, answerOne(claim)]));
    const answered = await Promise.all(claims.flatMap((claim) => begun.get(claim) ?? []));
    const network = [...new Set(claims.map((claim) => labelsOf(claim, rules).network))];
    const logged = { network, ...countOutcomes(answered) };
    return { answer: json(200, { results: answered }), logged };
  };
}

function readClaims(
  body: Uint8Array,
): WakeupClaim[] | { problem: 'malformed-request'; detail: string } {
  try {
    return parseWakeups(body);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { problem: 'malformed-request', detail: error.message };
  }
}

/** The most urgent first, equals as they came. */
function byUrgency(claims: readonly WakeupClaim[]): WakeupClaim[] {
  const rank = ({ urgency }: WakeupClaim) => urgencies.indexOf(urgencyOf(urgency) ?? 'very-low');
  return [...claims].sort((a, b) => rank(b) - rank(a));
}

function countOutcomes(answered: readonly WakeupResult[]): Partial<Record<Outcome, number>> {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const outcome of outcomes) {
    const count = answered.filter((result) => result.outcome === outcome).length;
    if (count > 0) counts[outcome] = count;
  }
  return counts;
}
