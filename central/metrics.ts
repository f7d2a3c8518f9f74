// Central's metrics. Labels come from closed sets: networks, codes and words of ours, never a device or an address.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { createRegistry, levelsOf } from '../shared/metrics.js';
import type { NetworkKey } from '../shared/network.js';
import { limitResults, successes } from './app/problems.js';
import { connectionRefusals } from './connections.js';
import { deliveryPaths } from './deliver/deliver.js';
import { refusalStatus } from './device/listener.js';
import { ackCodes, closeCodes, closeLabel, nackCodes } from './protocol/codes.js';
import type { WakeupCount } from './store/store.js';
import type { WakeupCounts } from './wakeup/books.js';
import { gatewayCodes } from './wakeup/gateway-exchange.js';
import type { NetworkReport } from './wakeup/networks.js';
import { type ProofResult, proofResults } from './wakeup/proofs.js';
import { darkReasons, wakeupOutcomes } from './wakeup/states.js';
import type { WakingReport } from './wakeup/wake.js';

/** Numbers read when they are scraped. */
export interface CentralGauges {
  devicesConnected: () => number;
  socketsOpen: () => number;
  connectionsOpen: () => number;
  networks: () => readonly NetworkReport[];
  storeProblem: () => string | undefined;
  waking: () => readonly WakingReport[];
  proofsUnanswered: () => number;
  receiptWaiters: () => number;
  /** `undefined` when the store did not answer. */
  messagesPending: () => Promise<number | undefined>;
  wakeupCounts: () => Promise<readonly WakeupCount[] | undefined>;
}

/** Ends of messages that are counted. */
const countedEnds = ['acked', 'expired', 'replaced', 'cancelled', 'dropped'] as const;
/** What devices say of messages they got; peers can send other codes. */
const ackLabels = [...[...ackCodes, ...nackCodes].map(String), 'none', 'other'];

export function ackLabel(code: number | undefined): string {
  if (code === undefined) return 'none';
  return ackLabels.find((known) => known === String(code)) ?? 'other';
}

export interface MessageCounts {
  ended(end: (typeof countedEnds)[number], count: number): void;
  acked(label: string): void;
}

export function createMetrics(): CentralMetrics {
  const registry = createRegistry('reveille_central');
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `reveille_central_${name}`, help, labelNames, registers });
  const notifications = counter(
    'notifications_total',
    'Stored versions and messages, by the path they set out on',
    ['path'],
  );
  const wakeups = counter('wakeups_total', 'Wakeups by outcome (words of 3GPP TS 29.122)', [
    'network',
    'outcome',
  ]);
  const closes = counter('closes_total', 'Closed device sockets, by close code', ['code']);
  const darkened = counter('devices_darkened_total', 'Devices that went dark, by reason', [
    'network',
    'reason',
  ]);
  const proofs = counter('proofs_total', 'Proofs of addresses, by what became of them', [
    'network',
    'result',
  ]);
  const queueFull = counter(
    'wakeup_queue_full_total',
    'Wakeups that found the queue of their network full and wait in the store',
    ['network'],
  );
  const histogram = (name: string, help: string) =>
    new Histogram({
      name: `reveille_central_${name}`,
      help,
      labelNames: ['network'],
      buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 10, 15, 30, 60, 120, 300, 600],
      registers,
    });
  const reconnectSeconds = histogram(
    'wakeup_reconnect_seconds',
    'Time from a wakeup to the hello that answers it',
  );
  const putToHelloSeconds = histogram(
    'put_to_hello_seconds',
    'Time from a version to the hello that its wakeups brought about',
  );
  for (const path of deliveryPaths) notifications.inc({ path }, 0);
  const puts = counter('notify_requests_total', 'Requests of app servers, by result', ['result']);
  for (const result of [...successes, ...limitResults]) puts.inc({ result }, 0);
  const ended = counter('messages_ended_total', 'Messages that ended, by how they did', ['end']);
  for (const end of countedEnds) ended.inc({ end }, 0);
  const acks = counter('acks_total', 'Messages that devices acknowledged, by their word on it', [
    'code',
  ]);
  for (const code of ackLabels) acks.inc({ code }, 0);
  closes.inc({ code: closeLabel(closeCodes.asleep) }, 0);
  const refusedSockets = counter('sockets_refused_total', 'Refused sockets, by reason', ['reason']);
  for (const reason of Object.keys(refusalStatus)) refusedSockets.inc({ reason }, 0);
  const refusedConnections = counter(
    'connections_refused_total',
    'TCP connections closed at once, by the limit',
    ['reason'],
  );
  for (const reason of connectionRefusals) refusedConnections.inc({ reason }, 0);
  const deviceEvents = counter('device_events_total', 'Protocol errors, resends and hit limits', [
    'event',
  ]);
  deviceEvents.inc({ event: 'overflow' }, 0);
  const gatewayFailures = counter('gateway_failures_total', 'Failed requests to gateways', [
    'code',
  ]);
  for (const code of gatewayCodes) gatewayFailures.inc({ code }, 0);

  return {
    registry,
    notifications,
    wakeups,
    closes,
    puts,
    refusedSockets,
    refusedConnections,
    deviceEvents,
    gatewayFailures,
    waking: {
      outcome: (network, outcome) => wakeups.inc({ network, outcome }),
      darkened: (network, reason) => darkened.inc({ network, reason }),
      reconnected: (network, ms) => reconnectSeconds.observe({ network }, ms / 1000),
      reached: (network, ms) => putToHelloSeconds.observe({ network }, ms / 1000),
      proof: (network, result) => proofs.inc({ network, result }),
      queueFull: (network) => queueFull.inc({ network }),
    },
    messages: {
      ended: (end, count) => ended.inc({ end }, count),
      acked: (code) => acks.inc({ code }),
    },
    devicesForgotten: counter(
      'devices_forgotten_total',
      'Devices without a channel whose last hello was vacantDeviceMs ago',
      [],
    ),
    signsUnheard: counter(
      'signs_unheard_total',
      'Wakeups that left while too many others were listened for',
      [],
    ),
    hellosDeferred: counter('hellos_deferred_total', 'Hellos put off by hellosPerSecond', []),
    reloadSuccessful: new Gauge({
      name: 'reveille_central_config_reload_successful',
      help: 'Whether the last reload of the configuration took effect',
      registers,
    }),
    expect(networks) {
      for (const network of networks) {
        for (const outcome of wakeupOutcomes) wakeups.inc({ network, outcome }, 0);
        for (const reason of darkReasons) darkened.inc({ network, reason }, 0);
        for (const result of proofResults) proofs.inc({ network, result }, 0);
        queueFull.inc({ network }, 0);
      }
    },
    observe: (read) => observe(registry, read),
  };
}

/** The values of a counter by one of its labels. */
export async function valuesBy<Label extends string>(
  counter: Counter<Label>,
  label: Label,
): Promise<{ name: string; count: number }[]> {
  const { values } = await counter.get();
  return values.map(({ labels, value }) => ({ name: String(labels[label]), count: value }));
}

function observe(registry: Registry, read: CentralGauges): void {
  const level = levelsOf(registry, 'reveille_central');
  const ofWaking = (name: string, help: string, value: (report: WakingReport) => number) =>
    level(name, help, () => read.waking().map((of) => [{ network: of.network }, value(of)]), [
      'network',
    ]);

  level('devices_connected', 'Devices with an open socket that said hello', read.devicesConnected);
  level('sockets_open', 'Open device sockets, with or without a hello', read.socketsOpen);
  level(
    'connections_open',
    'Open TCP connections that are no device sockets',
    read.connectionsOpen,
  );
  level(
    'networks_online',
    'Networks whose devices can be woken now',
    () => read.networks().filter(({ isOnline }) => isOnline).length,
  );
  level(
    'network_online',
    'Whether devices of a network can be woken now, 0 or 1',
    () => read.networks().map(({ network, isOnline }) => [{ network }, Number(isOnline)]),
    ['network'],
  );
  level(
    'gateway_reachable',
    'Whether a gateway answered when it was last asked, 0 or 1',
    () => {
      const gateways = read.networks().flatMap((network) => network.gateways);
      return gateways.map(({ url, isReachable }) => [{ gateway: url }, Number(isReachable)]);
    },
    ['gateway'],
  );
  ofWaking('wakeups_under_way', 'Wakeups waiting for a gateway', ({ underWay }) => underWay);
  ofWaking('wakeup_queue', 'Wakeups waiting for their turn', ({ waiting }) => waiting);
  ofWaking('circuit_open', 'Whether devices keep their sockets, 0 or 1', ({ circuit }) =>
    Number(circuit !== 'closed'),
  );
  level(
    'proofs_unanswered',
    'Addresses that were asked for a proof and gave none so far',
    read.proofsUnanswered,
  );
  level('receipt_waiters', 'Requests for receipts that are held', read.receiptWaiters);
  level('store_working', 'Whether the store took the last calls, 0 or 1', () =>
    Number(read.storeProblem() === undefined),
  );
  level(
    'messages_pending',
    'Messages that wait for their devices',
    async () => (await read.messagesPending()) ?? Number.NaN,
  );
  observeStored(level, read);
}

/** What the store counts; not a number while it does not answer. */
function observeStored(level: ReturnType<typeof levelsOf>, read: CentralGauges): void {
  // Gauges of one scrape are read at once: they share what the store counted.
  let counting: ReturnType<CentralGauges['wakeupCounts']> | undefined;
  const wakeupCounts = () => {
    counting ??= read.wakeupCounts().finally(() => {
      counting = undefined;
    });
    return counting;
  };
  const stored = (name: string, help: string, wanted: WakeupCount['state']) =>
    level(
      name,
      help,
      async () => {
        const counts = await wakeupCounts();
        const found = counts?.filter(({ state }) => state === wanted) ?? [];
        return [
          ...read.networks().map(({ network }) => [{ network }, counts ? 0 : Number.NaN] as const),
          ...found.map(({ network, count }) => [{ network }, count] as const),
        ];
      },
      ['network'],
    );
  stored('devices_dark', 'Devices that nothing can wake until they say hello', 'dark');
  stored('wakeups_owed', 'Wakeups that are to be sent, now or later', 'owed');
}

/** Counters of waking. */
export interface WakingCounts extends WakeupCounts {
  proof(network: NetworkKey, result: ProofResult): void;
  queueFull(network: NetworkKey): void;
}

export interface CentralMetrics {
  registry: Registry;
  notifications: Counter<'path'>;
  puts: Counter<'result'>;
  wakeups: Counter<'network' | 'outcome'>;
  waking: WakingCounts;
  messages: MessageCounts;
  closes: Counter<'code'>;
  refusedSockets: Counter<'reason'>;
  refusedConnections: Counter<'reason'>;
  deviceEvents: Counter<'event'>;
  gatewayFailures: Counter<'code'>;
  devicesForgotten: Counter;
  signsUnheard: Counter;
  hellosDeferred: Counter;
  reloadSuccessful: Gauge;
  /** Counters of configured networks start at 0 instead of missing. */
  expect(networks: readonly NetworkKey[]): void;
  /** Registers what is read at each scrape. */
  observe(read: CentralGauges): void;
}
