// GET /status: whether this gateway takes requests, for load balancers. Unsigned.
import { type Answer, json } from '../../shared/http.js';

export function statusAnswer(isDraining: boolean): Answer {
  return isDraining ? json(503, { status: 'draining' }) : json(200, { status: 'ok' });
}
