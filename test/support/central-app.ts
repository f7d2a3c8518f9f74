// Central's public listener with everything behind it but gateways: real sockets, a real store in memory, and a
// clock that stands still.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppResult } from '../../central/app/problems.js';
import { createRequestRate } from '../../central/app/request-rate.js';
import { type AppLimits, createResources } from '../../central/app/resources.js';
import { createRouter, type Page } from '../../central/app/router.js';
import { createDeliver, type DeliveryPath } from '../../central/deliver/deliver.js';
import { createPeerOf } from '../../central/peer.js';
import { createLocalPresence } from '../../central/presence/local.js';
import type { DeviceId } from '../../central/protocol/ids.js';
import type { MessageKind, WakeupAddress } from '../../central/protocol/messages.js';
import { createPublicServer } from '../../central/server.js';
import { openStore } from '../../central/store/open.js';
import { createBooks } from '../../central/wakeup/books.js';
import { createGatewayClient } from '../../central/wakeup/gateway-client.js';
import { createHandOver } from '../../central/wakeup/hand-over.js';
import { createNetworks } from '../../central/wakeup/networks.js';
import { createReconnectTimes } from '../../central/wakeup/reconnect-times.js';
import { createWake, type Wake } from '../../central/wakeup/wake.js';
import type { Clock } from '../../shared/clock.js';
import { json, text } from '../../shared/http.js';
import type { NetworkKey } from '../../shared/network.js';
import { keepLog } from './central-log.js';
import {
  channel,
  helloRecord,
  sampleConnections,
  sampleIds,
  sampleMs,
  wakeupAddress,
} from './central-samples.js';
import { createManualClock } from './manual-clock.js';
import { served } from './scripted-gateway.js';

interface Test {
  teardown(fn: () => Promise<void> | void): void;
}

/** What a device says of itself. */
interface Meeting {
  address?: WakeupAddress;
  takes?: MessageKind;
  /** The key that its channel is bound to. */
  key?: string;
}

export const sampleChannel = channel('c1');
export const recoveryMs = 60_000;
export const wakeupAfterMs = 10_000;
export const bodyBytesMax = 256;
const appLimits: AppLimits = {
  ...{ recoveryMs, bodyBytesMax, messageBytesMax: 4_096, ttlMaxSeconds: 86_400 },
  ...{
    messagesPerDeviceMax: 5,
    messagesEndedPerDeviceMax: 1_000,
    gatherNormalMs: 5_000,
    wakeupRetryFloorMs: wakeupAfterMs,
  },
  ...{ receiptWaitMaxMs: 60_000, receiptWaitersMax: 3, receiptWaitersPerAddressMax: 2 },
};

/**
 * The rules between a stored version and its device. Nobody listens where the one gateway is said to be; with
 * `isOnline` it has told that it wakes the network of sample addresses.
 */
export async function openDelivery(
  t: Test,
  { queueMax = 1000, isOnline = false, startMs = sampleMs } = {},
) {
  const clock = createManualClock(startMs);
  const { log, lines } = keepLog();
  const store = await openStore({ path: ':memory:', nowMs: clock.now(), queueMax });
  t.teardown(() => store.close());
  const presence = createLocalPresence();
  const networks = openNetworks(t, clock, isOnline);
  const paths: DeliveryPath[] = [];
  const replaced: NetworkKey[] = [];
  const times = createReconnectTimes({ floorMs: wakeupAfterMs, random: () => 0 });
  const nothing = () => {};
  const counts = { outcome: nothing, darkened: nothing, reconnected: nothing, reached: nothing };
  const wake: Wake = createWake({
    ...{ store, presence, times, clock, log, ids: sampleIds },
    networks: () => networks,
    isAsked: () => true,
    handOver: createHandOver({ networks: () => networks, clock, log, countFailure: nothing }),
    books: createBooks({ counts, times, clock, log, onResult: nothing }),
    limits: wakeLimits,
    countQueueFull: nothing,
    countUnheard: nothing,
  });
  t.teardown(() => wake.close());
  const deliver = createDeliver({
    ...{ presence, wake, log },
    countPath: (path) => void paths.push(path),
    countReplaced: (network) => void replaced.push(network),
  });

  /** A device that said hello, with one channel. */
  async function meet({ address, takes = 'text', key }: Meeting = {}): Promise<DeviceId> {
    const device = sampleIds.newDevice();
    const times = { nowMs: clock.now(), wakeupDueMs: clock.now() + wakeupAfterMs };
    const said = { address, takes, channels: [], isNew: true, channelsMax: 10 };
    await store.hello(helloRecord(device, { ...said, ...times }));
    await store.register(device, sampleChannel, 10, key);
    return device;
  }
  /** Lets time pass, and what falls due in it happen: for parts that plan their next look when one is over. */
  async function pass(ms: number): Promise<void> {
    const endMs = clock.now() + ms;
    while (clock.now() < endMs) {
      clock.advance(Math.min(endMs - clock.now(), clock.untilNextMs() ?? ms));
      // A look is over, and the next one planned, some answers of the store later.
      while (clock.untilNextMs() === undefined) await store.counts();
    }
  }

  const parts = { clock, log, lines, store, presence, networks, wake, deliver };
  return { ...parts, paths, replaced, meet, pass };
}

const wakeLimits = {
  ...{ wakeupLeaseMs: 86_400_000, wakeupAttemptsMax: 2, signPollMs: 2_000 },
  wakeupRetryFloorMs: wakeupAfterMs,
  ...{ wakeupQueueMax: 100, wakeupsUnderWayMax: 100 },
  ...{ circuitWakeupsMin: 20, circuitSuccessMin: 0.1, circuitOpenMs: 60_000 },
};

function openNetworks(t: Test, clock: Clock, isOnline: boolean) {
  const gateway = createGatewayClient({
    ...{ url: 'http://127.0.0.1:1', publicKeys: [], signingKeys: [], tls: {} },
    ...{ timeoutMs: 1_000, gatherMs: 0, wakeupsMax: 100, clock },
  });
  t.teardown(() => gateway.close());
  const { network } = wakeupAddress();
  const trust = { legacyTrust: 'range' as const, egress: [] };
  const gateways = [gateway];
  const networks = createNetworks([
    { key: network, ranges: undefined, ...trust, wakeupsPerSecond: 1_000, gateways },
  ]);
  if (isOnline) networks.noteServed(gateway, [served()], clock.now());
  return networks;
}

/** The listener on a free port. `responses` are those it has begun, in their order. */
export async function openApp(
  t: Test,
  options: {
    pages?: Record<string, Page>;
    requestsPerSecond?: number;
    publicUrl?: string;
    limits?: Partial<AppLimits>;
    /** When it is, for as long as the test moves no clock. */
    startMs?: number;
  } = {},
) {
  const { startMs } = options;
  const delivery = await openDelivery(t, startMs === undefined ? {} : { startMs });
  const { clock, log } = delivery;
  const results: AppResult[] = [];
  const responses: ServerResponse[] = [];
  const ids = sampleIds;
  let url = '';
  const limits = { ...appLimits, ...options.limits };
  const baseUrl = () => options.publicUrl ?? url;
  const { resources, receipts } = createResources({ ...delivery, ids, baseUrl, limits });
  const pages = {
    '/status': () => json(200, { status: 'ok' }),
    '/about': async () => text(200, 'about'),
    ...options.pages,
  };
  const router = createRouter({
    ...{ resources, pages, log },
    count: (result) => void results.push(result),
    peerOf: createPeerOf([]),
    takesRequest: createRequestRate({ perSecond: options.requestsPerSecond ?? 10_000, clock }),
    isPrompt: createRequestRate({ perSecond: 10_000, clock }),
  });
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    responses.push(response);
    router(request, response);
  };
  const server = createPublicServer({
    tls: undefined,
    connections: sampleConnections(),
    onRequest,
    onUpgrade: (_, tcp) => {
      tcp.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      return false;
    },
  });
  url = await server.open({ host: '127.0.0.1', port: 0 });
  t.teardown(() => server.close(0));
  t.teardown(() => receipts.close());
  const pathFor = (device: DeviceId) => `/v1/notify/${ids.tokenOf(device, sampleChannel)}`;
  const pushPathFor = (device: DeviceId) => `/wpush/v1/${ids.tokenOf(device, sampleChannel)}`;
  const { port } = new URL(url);
  const seen = { results, responses, receipts };
  return { ...delivery, ...seen, url, port: Number(port), pathFor, pushPathFor };
}
