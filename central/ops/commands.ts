// What the commands `networks` and `wake` ask of a running central, on its admin listener.
import type { IncomingMessage } from 'node:http';
import type { AdminRoutes } from '../../shared/admin.js';
import type { Clock } from '../../shared/clock.js';
import { type Answer, json, readBody } from '../../shared/http.js';
import type { Presence } from '../presence/presence.js';
import type { Ids } from '../protocol/ids.js';
import type { Store } from '../store/store.js';
import type { Networks } from '../wakeup/networks.js';
import type { Wake } from '../wakeup/wake.js';

export const networksRoute = '/networks';
export const wakeRoute = '/wake';

/** The answer of `POST /wake`. */
export interface WakeAnswer {
  /** A gateway's outcome, or why there was none to ask. */
  outcome: string;
  reason?: string | undefined;
}

const bodyBytesMax = 4_096;

export function commandRoutes(parts: {
  networks: () => Networks;
  store: Store;
  presence: Presence;
  ids: Ids;
  wake: Wake;
  clock: Clock;
  addressLeaseMs: number;
}): AdminRoutes {
  return {
    [`GET ${networksRoute}`]: async () => json(200, { networks: parts.networks().report() }),
    [`POST ${wakeRoute}`]: (request) => wakeOne(request, parts),
  };
}

async function wakeOne(
  request: IncomingMessage,
  { store, presence, ids, wake, clock, addressLeaseMs }: Parameters<typeof commandRoutes>[0],
): Promise<Answer> {
  // Only JSON: a form of some web page that an operator's browser shows cannot say so.
  if (request.headers['content-type'] !== 'application/json') {
    return json(415, { outcome: 'failed', reason: 'send application/json' });
  }
  const device = ids.parseUaid(readUaid(await readBody(request, bodyBytesMax)));
  const answer = (status: number, outcome: string, reason?: string) =>
    json(status, { outcome, reason } satisfies WakeAnswer);
  if (!device) return answer(400, 'failed', 'not a uaid of this server');
  if (presence.signal(device)) return answer(200, 'connected', 'its socket is open');
  const known = await store.addressOf(device);
  if (!known) return answer(200, 'not-wakeable', 'it was not promised to be woken');
  // Somebody else may have it by now.
  const isOld = known.saidAtMs + addressLeaseMs < clock.now();
  if (isOld) return answer(200, 'not-wakeable', 'its address is older than addressLeaseMs');
  const { outcome, reason } = await wake.once(known.address);
  return answer(200, outcome, reason);
}

function readUaid(body: Buffer | string): unknown {
  try {
    return (JSON.parse(body.toString()) as { uaid?: unknown } | null)?.uaid;
  } catch {
    // No JSON holds no uaid, and the caller says so.
    return undefined;
  }
}
