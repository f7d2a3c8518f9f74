// GET /status: whether this gateway takes requests and wakes handsets, for load balancers. Unsigned.
import { type Answer, json } from '../../shared/http.js';

export type GatewayStatus = 'ok' | 'draining' | 'paused';

export function statusAnswer(status: GatewayStatus): Answer {
  return json(status === 'ok' ? 200 : 503, { status });
}
