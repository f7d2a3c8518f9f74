// GET /v1/signs: what the network said against the caller's wakeups lately, and the way there of what senders hear.
import { cutAddress } from '../../shared/address.js';
import { json } from '../../shared/http.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { Metrics } from '../metrics.js';
import type { SentWakeup, Signs } from '../policy/signs.js';
import type { Sign } from '../senders/sender.js';
import type { Handler } from './handler.js';

export function createSignsHandler(signs: Signs): Handler {
  return async ({ central }) => {
    const told = signs.of(central.id);
    return { answer: json(200, { signs: told }), logged: { signs: told.length } };
  };
}

/** What becomes of what was heard after a wakeup. */
export type Hear = (wakeup: SentWakeup, sign: Sign) => void;

export function createHear(parts: { signs: Signs; metrics: Metrics; log: Log }): Hear {
  const { signs, metrics, log } = parts;
  return (wakeup, sign) => {
    const { protocol, network, address, id } = wakeup;
    if (sign === 'unknown') return metrics.sign(protocol, 'unheard');
    if (sign === 'silent') return metrics.sign(protocol, signs.reach(wakeup));
    const refusal = signs.refuse(wakeup);
    metrics.sign(protocol, refusal);
    // Over TCP the send itself has failed, and is counted as that.
    if (protocol === 'udp') metrics.sendError('udp', 'ECONNREFUSED');
    const fields = { wakeup: id, network, to: cutAddress(address.text), refusal };
    log(traces.wakeupUnreachable, fields);
  };
}
