// Central's public listener with everything behind it but gateways: real sockets, a real store in memory, and a
// clock that stands still.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createNotify, type NotifyResult } from '../../central/app/notify.js';
import { createRequestRate } from '../../central/app/request-rate.js';
import { createRouter, type Page } from '../../central/app/router.js';
import { createDeliver, type DeliveryPath } from '../../central/deliver/deliver.js';
import { createPeerOf } from '../../central/peer.js';
import { createLocalPresence } from '../../central/presence/local.js';
import type { DeviceId } from '../../central/protocol/ids.js';
import type { WakeupAddress } from '../../central/protocol/messages.js';
import { createPublicServer } from '../../central/server.js';
import { openStore } from '../../central/store/open.js';
import { createNetworks } from '../../central/wakeup/networks.js';
import { createWake } from '../../central/wakeup/wake.js';
import { json, text } from '../../shared/http.js';
import { keepLog } from './central-log.js';
import { channel, sampleIds } from './central-samples.js';
import { createManualClock } from './manual-clock.js';

interface Test {
  teardown(fn: () => Promise<void> | void): void;
}

export const sampleChannel = channel('c1');
export const recoveryMs = 60_000;
export const wakeupAfterMs = 10_000;
export const bodyBytesMax = 256;

/** The rules between a stored version and its device. No network can be woken. */
export async function openDelivery(t: Test, { queueMax = 1000 } = {}) {
  const clock = createManualClock();
  const { log, lines } = keepLog();
  const store = await openStore({ path: ':memory:', nowMs: clock.now(), queueMax });
  t.teardown(() => store.close());
  const presence = createLocalPresence();
  const networks = createNetworks([]);
  const paths: DeliveryPath[] = [];
  const replaced: WakeupAddress[] = [];
  const wake = createWake({
    ...{ store, presence, clock, log },
    networks: () => networks,
    isAsked: () => true,
    settings: { wakeupRetryMs: [wakeupAfterMs], wakeupAttemptsMax: 2, addressLeaseMs: 86_400_000 },
    count: () => {},
    countFailure: () => {},
  });
  const deliver = createDeliver({
    ...{ presence, wake, log },
    countPath: (path) => void paths.push(path),
    countReplaced: (address) => void replaced.push(address),
  });

  /** A device that said hello, with one channel. */
  async function meet({ address }: { address?: WakeupAddress } = {}): Promise<DeviceId> {
    const device = sampleIds.newDevice();
    const times = { nowMs: clock.now(), wakeupDueMs: clock.now() + wakeupAfterMs };
    const said = { address, channels: [sampleChannel], isNew: true, channelsMax: 10 };
    await store.hello({ device, ...said, ...times });
    return device;
  }
  return { clock, log, lines, store, presence, wake, deliver, paths, replaced, meet };
}

/** The listener on a free port. `responses` are those it has begun, in their order. */
export async function openApp(
  t: Test,
  options: { pages?: Record<string, Page>; requestsPerSecond?: number } = {},
) {
  const delivery = await openDelivery(t);
  const { store, deliver, clock, log } = delivery;
  const results: NotifyResult[] = [];
  const responses: ServerResponse[] = [];
  const ids = sampleIds;
  const count = (result: NotifyResult) => void results.push(result);
  const notify = createNotify({
    store,
    ids,
    deliver,
    clock,
    log,
    recoveryMs,
    wakeupAfterMs,
    count,
  });
  const pages = {
    '/status': () => json(200, { status: 'ok' }),
    '/about': async () => text(200, 'about'),
    ...options.pages,
  };
  const router = createRouter({
    ...{ notify, pages, bodyBytesMax, log },
    peerOf: createPeerOf([]),
    takesRequest: createRequestRate({ perSecond: options.requestsPerSecond ?? 10_000, clock }),
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    responses.push(response);
    router(request, response);
  };
  const server = createPublicServer({
    tls: undefined,
    onRequest,
    onUpgrade: (_, tcp) => void tcp.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  });
  const url = await server.open({ host: '127.0.0.1', port: 0 });
  t.teardown(() => server.close(0));
  const pathFor = (device: DeviceId) => `/v1/notify/${ids.tokenOf(device, sampleChannel)}`;
  return { ...delivery, url, port: Number(new URL(url).port), results, responses, pathFor };
}
