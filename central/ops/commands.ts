// What the commands `networks`, `devices` and `wake` ask of a running central, on its admin listener.
import type { IncomingMessage } from 'node:http';
import type { AdminRoutes } from '../../shared/admin.js';
import type { Clock } from '../../shared/clock.js';
import { type Answer, isJson, json, readBody } from '../../shared/http.js';
import type { Presence } from '../presence/presence.js';
import type { Ids } from '../protocol/ids.js';
import type { Store } from '../store/store.js';
import type { NetworkReport, Networks } from '../wakeup/networks.js';
import { isBelieved } from '../wakeup/states.js';
import type { Wake, WakingReport } from '../wakeup/wake.js';

export const networksRoute = '/networks';
export const wakeRoute = '/wake';
export const devicesRoute = '/devices';

/** A network as `GET /networks` tells it. */
export type NetworkAnswer = NetworkReport &
  Omit<WakingReport, 'network'> & {
    /** Wakeups that are to be sent, now or later; missing while the store does not answer. */
    owed?: number;
  };

/** The answer of `POST /wake`. */
export interface WakeAnswer {
  /** A gateway's outcome, or why there was none to ask. */
  outcome: string;
  reason?: string | undefined;
}

/** The answer of `GET /devices`: those that are dark, the longest first. */
export interface DevicesAnswer {
  devices: { uaid: string; network: string; sinceMs: number; reason: string; pending: number }[];
  /** There are more than were asked for. */
  isCut: boolean;
}

const bodyBytesMax = 4_096;
/** Devices in one answer. */
const devicesMax = 1_000;

interface Parts {
  networks: () => Networks;
  store: Store;
  presence: Presence;
  ids: Ids;
  wake: Wake;
  clock: Clock;
  wakeupLeaseMs: number;
}

export function commandRoutes(parts: Parts): AdminRoutes {
  return {
    [`GET ${networksRoute}`]: async () => json(200, { networks: await networkAnswers(parts) }),
    [`GET ${devicesRoute}`]: async () => json(200, await darkDevices(parts)),
    [`POST ${wakeRoute}`]: (request) => wakeOne(request, parts),
  };
}

async function networkAnswers({ networks, wake, store }: Parts): Promise<NetworkAnswer[]> {
  const counts = await store.wakeupCounts().catch(() => undefined);
  const owed = counts?.filter(({ state }) => state === 'owed');
  const waking = new Map(wake.report().map((report) => [report.network, report]));
  return networks()
    .report()
    .flatMap((report) => {
      const known = waking.get(report.network);
      const queued = owed?.find(({ network }) => network === report.network)?.count ?? 0;
      return known ? [{ ...report, ...known, ...(owed && { owed: queued }) }] : [];
    });
}

async function darkDevices({ store, ids }: Parts): Promise<DevicesAnswer> {
  const dark = await store.darkDevices(devicesMax + 1);
  const devices = dark.slice(0, devicesMax).map(({ device, network, darkMs, reason, pending }) => ({
    ...{ uaid: ids.uaidOf(device), network, sinceMs: darkMs, reason, pending },
  }));
  return { devices, isCut: dark.length > devicesMax };
}

async function wakeOne(
  request: IncomingMessage,
  { store, presence, ids, wake, clock, wakeupLeaseMs }: Parts,
): Promise<Answer> {
  if (!isJson(request)) {
    return json(415, { outcome: 'failed', reason: 'send application/json' });
  }
  const device = ids.parseUaid(readUaid(await readBody(request, bodyBytesMax)));
  const answer = (status: number, outcome: string, reason?: string) =>
    json(status, { outcome, reason } satisfies WakeAnswer);
  if (!device) return answer(400, 'failed', 'not a uaid of this server');
  if (presence.signal(device)) return answer(200, 'connected', 'its socket is open');
  const known = await store.wakeupOf(device);
  if (known?.state === 'dark')
    return answer(200, 'not-wakeable', 'it is dark until its next hello');
  if (!known?.address || !isBelieved(known.state)) {
    return answer(200, 'not-wakeable', 'it was not promised to be woken');
  }
  // Somebody else may have it by now.
  const isOld = known.saidAtMs + wakeupLeaseMs < clock.now();
  if (isOld) return answer(200, 'not-wakeable', 'its address is older than wakeupLeaseMs');
  const counter = Math.max(clock.now(), known.counter + 1);
  const { outcome, reason } = await wake.once({ ...known, counter });
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
