// Central's listener for devices with a real store behind it and nothing else: what a test stores for a device is
// signalled as if an app server had sent it.
import { createDeadlines } from '../../central/device/deadlines.js';
import { createDeviceListener } from '../../central/device/listener.js';
import type { SessionParts } from '../../central/device/session.js';
import { dialects } from '../../central/dialects/dialects.js';
import { createPeerOf } from '../../central/peer.js';
import { endpointUrl, placeIn } from '../../central/protocol/endpoint.js';
import {
  type ChannelId,
  type DeviceId,
  type MessageId,
  newMessageId,
} from '../../central/protocol/ids.js';
import { createPublicServer } from '../../central/server.js';
import type { MessageRecord } from '../../central/store/messages.js';
import type { Store } from '../../central/store/store.js';
import { openDelivery } from './central-app.js';
import { sampleConnections, sampleIds } from './central-samples.js';
import { connectDevice, type Frame, type TestDevice } from './test-device.js';

interface Test {
  teardown(fn: () => unknown): void;
}

const limits = {
  ...{ helloTimeoutMs: 30_000, idleCloseMs: 10_000, resendMs: 60_000, proofRetryMs: 8_000 },
  ...{ outboundBytesMax: 262_144, channelsPerDeviceMax: 500, legacyProbationMs: 86_400_000 },
  ...{ wakeupLeaseMs: 86_400_000, wakeupRetryFloorMs: 8_000 },
};
const socketLimits = { frameBytesMax: 20_480, socketsMax: 100, socketsPerAddressMax: 100 };

/** Nobody can be woken, and nothing is ever asked of a gateway. */
const withoutWaking: Pick<
  SessionParts,
  'isWakeable' | 'trustOf' | 'askProof' | 'isNonceOf' | 'noteProven' | 'books' | 'admission'
> = {
  isWakeable: () => false,
  trustOf: () => undefined,
  askProof: async () => ({ isSent: false, againMs: 1_000 }),
  isNonceOf: () => false,
  noteProven: () => {},
  books: { moved() {}, ended() {}, triggered() {}, failed() {}, proven() {} },
  admission: { admit: () => undefined },
};

/** `events`: what sessions counted, and the codes of acks and nacks among it. */
export async function openDevices(t: Test, changes: Partial<typeof limits> = {}) {
  const delivery = await openDelivery(t);
  const { presence, clock, log } = delivery;
  // As central counts them: an answer of the store comes a step later than the store gave it.
  const store: Store = {
    ...delivery.store,
    ackMessages: async (...args) => await delivery.store.ackMessages(...args),
  };
  const events: string[] = [];
  const deadlines = createDeadlines(clock);
  t.teardown(() => deadlines.close());
  const devices = createDeviceListener({
    parts: {
      ...{ store, presence, clock, log, deadlines, dialects, ids: sampleIds },
      ...withoutWaking,
      limits: { ...limits, ...changes },
      endpointUrl: (kind, token) => endpointUrl('https://push.example', kind, token),
      count: (event) => void events.push(event),
    },
    limits: socketLimits,
    peerOf: createPeerOf([]),
    countClose: (code) => void events.push(`close ${code}`),
    countRefused: () => {},
  });
  const server = createPublicServer({
    tls: undefined,
    connections: sampleConnections(),
    onRequest: (_, response) => void response.writeHead(404).end(),
    onUpgrade: devices.onUpgrade,
  });
  const url = await server.open({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    await devices.close({ spreadMs: 0, cutAfterMs: 0 });
    await server.close(0);
  });

  /** A device that said hello with these fields and registered a channel. */
  async function meet(fields: Frame): Promise<Met> {
    const socket = await connectDevice(t, url);
    const { uaid } = await socket.hello(fields);
    const { pathname } = new URL(await socket.register('c1'));
    const parsed = sampleIds.parseToken(placeIn(pathname)?.token ?? '');
    if (!parsed) throw new Error(`${pathname} is no endpoint`);
    return { socket, uaid: String(uaid), ...parsed };
  }

  /** Stores messages, each signalled once it is stored; their ids. */
  async function send(to: Met, ...records: Partial<MessageRecord>[]): Promise<MessageId[]> {
    const { device, channel } = to;
    const sent: MessageId[] = [];
    for (const record of records) {
      const nowMs = clock.now();
      const id = newMessageId(nowMs);
      const { outcome } = await store.putMessage({
        ...{ device, channel, id, nowMs, kind: 'push', body: undefined, encoding: {} },
        ...{ urgency: 'normal', topic: undefined, expiresMs: nowMs + 3_600_000 },
        ...{ wakeupDueMs: nowMs, lane: 'prompt', key: undefined, receipt: undefined },
        ...{ messagesMax: 1_000, messagesEndedMax: 1_000 },
        ...record,
      });
      if (outcome !== 'stored') throw new Error(outcome);
      sent.push(id);
      presence.signal(device);
    }
    return sent;
  }

  const reconnect = async (met: Met, fields: Frame): Promise<TestDevice> => {
    const socket = await connectDevice(t, url);
    await socket.hello({ ...fields, uaid: met.uaid });
    return socket;
  };
  return { url, clock, store, presence, events, lines: delivery.lines, meet, send, reconnect };
}

export interface Met {
  socket: TestDevice;
  uaid: string;
  device: DeviceId;
  channel: ChannelId;
}
