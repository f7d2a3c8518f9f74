// Central without its doors, in one thread: its real rules, its real tables and real sessions, on sockets that are
// plain calls. A test can end it between any two of its steps, and open the same database again.

import { createTakeMessage } from '../../../central/app/take-message.js';
import { type CentralConfig, schemaFor } from '../../../central/config.js';
import { createDeliver } from '../../../central/deliver/deliver.js';
import { watchExpiry } from '../../../central/deliver/expiry.js';
import { createDeadlines } from '../../../central/device/deadlines.js';
import { Session, type SessionParts, type Transport } from '../../../central/device/session.js';
import { dialects } from '../../../central/dialects/dialects.js';
import type { CentralMetrics } from '../../../central/metrics.js';
import { createLocalPresence } from '../../../central/presence/local.js';
import type { ChannelId, DeviceId, MessageId } from '../../../central/protocol/ids.js';
import type { Update } from '../../../central/protocol/messages.js';
import type { DeviceWakeup, PutOutcome, WakeupLane } from '../../../central/store/store.js';
import { createNetworks, type NetworkSetting } from '../../../central/wakeup/networks.js';
import { startProbe } from '../../../central/wakeup/probe.js';
import { openWaking } from '../../../central/waking.js';
import type { Clock } from '../../../shared/clock.js';
import type { Urgency } from '../../../shared/wakeup/request.js';
import { type KeptLine, keepLog } from '../central-log.js';
import { sampleIds } from '../central-samples.js';
import { type Commit, openPaperStore } from './paper-store.js';
import type { Turns } from './turns.js';

export interface PaperCentral {
  /** A socket of a device; what comes on it is to be given to the session. */
  accept(transport: Transport): Session;
  /** An app server's PUT. Resolves once it is answered; what follows from it goes on. */
  put(target: {
    device: DeviceId;
    channel: ChannelId;
    version: number;
    lane: WakeupLane;
  }): Promise<PutOutcome['outcome']>;
  /** An app server's text. Resolves to its id once it is answered; `undefined` where it is not taken. */
  send(target: {
    device: DeviceId;
    channel: ChannelId;
    urgency: Urgency;
    ttlSeconds: number;
  }): Promise<MessageId | undefined>;
  pending(device: DeviceId): Promise<Update[]>;
  /** Every message that has not ended. */
  messages(device: DeviceId): Promise<MessageId[]>;
  wakeupOf(device: DeviceId): Promise<DeviceWakeup | undefined>;
  /** Wakeups that ended, by outcome, as they were counted. */
  outcomes(): Promise<Map<string, number>>;
  lines: KeptLine[];
  /** Everything in memory is gone. */
  crash(): void;
}

export interface PaperCentralOptions {
  file: string;
  clock: Clock;
  turns: Turns;
  networks: readonly NetworkSetting[];
  limits: Partial<CentralConfig>;
  /** Counted from 0 on; those of one that crashed may be had again, for they cost a lot to make. */
  metrics: CentralMetrics;
  /** From 0 to less than 1, as `Math.random`. */
  random: () => number;
  onCommit: (commit: Commit) => void;
  /** A device is asked whether it is where it says. */
  onAsk: SessionParts['askProof'] extends (...args: infer Args) => unknown
    ? (...args: Args) => void
    : never;
}

export function openPaperCentral(options: PaperCentralOptions): PaperCentral {
  const { turns } = options;
  let isAlive = true;
  // Timers of one that crashed never ring.
  const clock: Clock = {
    now: options.clock.now,
    after: (ms, fn) => options.clock.after(ms, () => void (isAlive && fn())),
  };
  const { log, lines } = keepLog();
  const limits: CentralConfig = { ...defaults(), ...options.limits };
  const { store, cut } = openPaperStore({ ...options, nowMs: clock.now() });
  const { metrics } = options;
  metrics.wakeups.reset();
  const networks = createNetworks(options.networks);
  const probe = startProbe({ networks, intervalMs: limits.gatewayPollMs, clock, log });
  const presence = createLocalPresence();
  const ids = sampleIds;
  const waking = openWaking({
    ...{ store, presence, ids, metrics, limits, clock, log },
    random: options.random,
    networks: () => networks,
    isAsked: probe.isAsked,
  });
  const { wake, books, proofs } = waking;
  const deliver = createDeliver({
    ...{ presence, wake, log },
    countPath: () => {},
    countReplaced: (network) => metrics.wakeups.inc({ network, outcome: 'replaced' }),
  });
  const parts: SessionParts = {
    ...{ store, presence, ids, books, clock, log, limits },
    // However many come back at once.
    admission: { admit: () => undefined },
    deadlines: createDeadlines(clock),
    dialects,
    isWakeable: wake.isWakeable,
    trustOf: waking.trustOf,
    askProof: (address, words) => {
      options.onAsk(address, words);
      return proofs.ask(address, words);
    },
    isNonceOf: proofs.isNonceOf,
    noteProven: waking.noteProven,
    endpointUrl: (token) => token,
    count: () => {},
  };
  const takeMessage = createTakeMessage({ store, presence, deliver, clock, limits });
  const { messageStatusMs } = limits;
  watchExpiry({ store, messageStatusMs, clock, log, countExpired: () => {} });
  wake.run();

  return {
    lines,
    accept: (transport) => new Session(parts, transport),
    async put({ device, channel, version, lane }) {
      const nowMs = clock.now();
      const wakeupDueMs = nowMs + limits.wakeupRetryFloorMs;
      const put = await store.put({ device, channel, version, nowMs, wakeupDueMs, lane });
      // As the listener does it: the answer first.
      if (put.outcome === 'stored') turns.later(() => void (isAlive && deliver(device, put)));
      return put.outcome;
    },
    async send(target) {
      const body = Buffer.from('come here');
      const { outcome, id, afterwards } = await takeMessage({
        ...{ ...target, kind: 'text', body, encoding: {}, topic: undefined, key: undefined },
        ...{ receipt: undefined, lane: 'prompt' },
      });
      if (outcome !== 'stored') return undefined;
      turns.later(() => void (isAlive && afterwards()));
      return id;
    },
    messages: async (device) =>
      (await store.pendingMessages(device, { nowMs: 0, limit: 1000 })).map(({ id }) => id),
    pending: store.pending,
    wakeupOf: store.wakeupOf,
    async outcomes() {
      const counted = new Map<string, number>();
      for (const { labels, value } of (await metrics.wakeups.get()).values) {
        const outcome = String(labels.outcome);
        counted.set(outcome, (counted.get(outcome) ?? 0) + value);
      }
      return counted;
    },
    crash() {
      isAlive = false;
      cut();
    },
  };
}

let known: CentralConfig | undefined;

function defaults(): CentralConfig {
  known ??= schemaFor('/').parse({
    secretKeyFile: 's',
    signingKeyFile: 'k',
    listen: '127.0.0.1:0',
  });
  return known;
}
