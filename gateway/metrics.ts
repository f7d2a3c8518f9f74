// Every metric of the gateway. Labels come from closed sets: a configured network, never an address.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { createRegistry, levelsOf } from '../shared/metrics.js';
import { type Outcome, outcomes, type Protocol, protocols } from '../shared/wakeup/request.js';
import { problemTypes } from './api/problems.js';
import { type DeferralReason, deferralReasons } from './api/wake.js';
import { type RefusalReason, refusalReasons } from './policy/policy.js';
import type { Reach, Refusal } from './policy/targets.js';

/** When a central last did what, and how far its clock was from ours. */
export interface CentralActivity {
  requestMs?: number;
  wakeupMs?: number;
  /** What its request said minus our time, in seconds; a request says whole seconds, rounded down. */
  skewSeconds?: number;
}

/** What became of what was heard after a wakeup; `unheard`: nobody listened, or nothing could be heard. */
const signResults = ['remembered', 'doubted', 'full', 'told', 'withheld', 'unheard'] as const;
export type SignResult = Reach | Refusal | 'unheard';

/** Levels and dates that are read when the metrics are. */
export interface Levels {
  replayGuard: () => number;
  replayGuardMax: number;
  results: () => number;
  pacing: () => number;
  connections: () => number;
  connectionsMax: number;
  underWay: (protocol: Protocol) => number;
  signSockets: () => number;
  signSocketsMax: number;
  signTargets: () => number;
  /** Configured centrals. */
  centrals: () => Iterable<readonly [id: string, last: CentralActivity]>;
  credentials: () => Credentials;
  networks: () => readonly { network: string; isDryRun: boolean; isPaused: boolean }[];
}

/** What a configuration brings into labels. */
export interface Names {
  networks: ReadonlySet<string>;
  centrals: ReadonlySet<string>;
}

/** End dates, as ops/credentials.ts reads them. */
interface Credentials {
  certificates: readonly { use: string; notAfterMs: number }[];
  keys: readonly { role: string; central: string; renewByMs?: number }[];
}

export interface Metrics {
  registry: Registry;
  wakeup(labels: { network: string; protocol: string; central: string; outcome: Outcome }): void;
  repeat(): void;
  refusal(reason: RefusalReason): void;
  deferral(reason: DeferralReason): void;
  request(result: string): void;
  /** A request whose sender is known. `createdSeconds` is its signature's. */
  accepted(request: { central: string; createdSeconds: number }): void;
  sent(protocol: Protocol, result: string, seconds: number): void;
  sendError(protocol: Protocol, code: string): void;
  sign(protocol: Protocol, result: SignResult): void;
  signDropped(): void;
  connectionDropped(): void;
  reloaded(successful: boolean, nowMs: number): void;
  /** Counters of these start at 0 instead of missing, so that their first increase is seen. */
  expect(names: Names): void;
  /** Connects the gauges to what they measure. */
  observe(levels: Levels): void;
}

export function createMetrics(): Metrics {
  const registry = createRegistry('reveille_gateway');
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `reveille_gateway_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `reveille_gateway_${name}`, help, registers });

  const wakeups = counter('wakeups_total', 'Wakeups decided, by outcome', [
    'network',
    'protocol',
    'outcome',
  ]);
  const centralWakeups = counter('central_wakeups_total', 'Wakeups decided, by who asked', [
    'central',
    'outcome',
  ]);
  const repeats = counter('repeats_total', 'Wakeups answered with the result of an earlier one');
  const refusals = counter('refusals_total', 'Wakeups refused, by the rule that refused', [
    'reason',
  ]);
  const deferrals = counter(
    'deferrals_total',
    'Wakeups put off, by the pace, limit or pause that did it',
    ['reason'],
  );
  const requests = counter('requests_total', 'Requests to the API: accepted, or why not', [
    'result',
  ]);
  const sends = counter('sends_total', 'Wakeups put on the wire, by what became of them', [
    'protocol',
    'result',
  ]);
  const sendErrors = counter('send_errors_total', 'System errors while sending, by code', [
    'protocol',
    'code',
  ]);
  const signs = counter('signs_total', 'Wakeups sent, by what was heard afterwards', [
    'protocol',
    'result',
  ]);
  const signsDropped = counter('signs_dropped_total', 'Signs that gave way to newer ones');
  const dropped = counter('connections_dropped_total', 'Connections refused at connectionsMax');
  const seconds = new Histogram({
    name: 'reveille_gateway_send_seconds',
    help: 'Time from deciding to send until the system has the bytes',
    labelNames: ['protocol'],
    buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 10],
    registers,
  });
  const reloadOk = gauge(
    'config_reload_successful',
    'Whether the last configuration was taken, 0 or 1',
  );
  const reloadTime = gauge(
    'config_reload_timestamp_seconds',
    'When a configuration was last taken',
  );
  for (const result of ['accepted', ...problemTypes]) requests.inc({ result }, 0);
  for (const reason of refusalReasons) refusals.inc({ reason }, 0);
  for (const reason of deferralReasons) deferrals.inc({ reason }, 0);
  for (const protocol of protocols) {
    for (const result of ['sent', 'failed', 'timeout']) sends.inc({ protocol, result }, 0);
    for (const result of signResults) signs.inc({ protocol, result }, 0);
  }

  return {
    registry,
    wakeup({ central, ...labels }) {
      wakeups.inc(labels);
      centralWakeups.inc({ central, outcome: labels.outcome });
    },
    repeat: () => repeats.inc(),
    refusal: (reason) => refusals.inc({ reason }),
    deferral: (reason) => deferrals.inc({ reason }),
    request: (result) => requests.inc({ result }),
    // Nothing to count: ops/activity.ts, which wraps these counts, notes when and how far off.
    accepted: () => {},
    sent(protocol, result, time) {
      sends.inc({ protocol, result });
      seconds.observe({ protocol }, time);
    },
    sendError: (protocol, code) => sendErrors.inc({ protocol, code }),
    sign: (protocol, result) => signs.inc({ protocol, result }),
    signDropped: () => signsDropped.inc(),
    connectionDropped: () => dropped.inc(),
    reloaded(successful, nowMs) {
      reloadOk.set(successful ? 1 : 0);
      if (successful) reloadTime.set(nowMs / 1000);
    },
    expect({ networks, centrals }) {
      for (const outcome of outcomes) {
        for (const central of centrals) centralWakeups.inc({ central, outcome }, 0);
        for (const network of networks) {
          for (const protocol of protocols) wakeups.inc({ network, protocol, outcome }, 0);
        }
      }
    },
    observe: (levels) => observe(registry, levels),
  };
}

function observe(registry: Registry, levels: Levels): void {
  const level = levelsOf(registry, 'reveille_gateway');
  const ofCentrals = (
    name: string,
    help: string,
    read: (last: CentralActivity) => number | undefined,
  ) =>
    level(
      `central_${name}`,
      help,
      () => Array.from(levels.centrals(), ([central, last]) => [{ central }, read(last)] as const),
      ['central'],
    );

  level('replay_guard_entries', 'Nonces remembered', levels.replayGuard);
  level('replay_guard_entries_max', 'Nonces that can be remembered', () => levels.replayGuardMax);
  level('result_entries', 'Results remembered for repeated ids', levels.results);
  level('pacing_entries', 'Handsets and prefixes remembered for their pace', levels.pacing);
  level('connections', 'Open connections of callers', levels.connections);
  level('connections_max', 'Connections of callers that can be open', () => levels.connectionsMax);
  level(
    'sends_under_way',
    'Wakeups being sent now',
    () => protocols.map((protocol) => [{ protocol }, levels.underWay(protocol)] as const),
    ['protocol'],
  );
  level('sign_sockets', 'UDP sockets that listen for a refusal', levels.signSockets);
  level(
    'sign_sockets_max',
    'UDP sockets that can listen for a refusal',
    () => levels.signSocketsMax,
  );
  level(
    'sign_targets',
    'Targets and handsets remembered by what was heard of them',
    levels.signTargets,
  );
  level(
    'dry_run',
    'Whether wakeups of a network are decided but not sent, 0 or 1',
    () =>
      levels.networks().map(({ network, isDryRun }) => [{ network }, Number(isDryRun)] as const),
    ['network'],
  );
  level(
    'paused',
    'Whether an operator has stopped the sending in a network, 0 or 1',
    () =>
      levels.networks().map(({ network, isPaused }) => [{ network }, Number(isPaused)] as const),
    ['network'],
  );
  ofCentrals('last_request_timestamp_seconds', 'When a central last sent a request', (last) =>
    secondsOf(last.requestMs),
  );
  ofCentrals('last_wakeup_timestamp_seconds', 'When a central last asked for a wakeup', (last) =>
    secondsOf(last.wakeupMs),
  );
  ofCentrals(
    'clock_skew_seconds',
    "A central's time minus ours, as its last request told; in whole seconds, rounded down",
    (last) => last.skewSeconds,
  );
  level(
    'certificate_not_after_timestamp_seconds',
    'When the first certificate of a file ends',
    () =>
      levels
        .credentials()
        .certificates.map(({ use, notAfterMs }) => [{ use }, secondsOf(notAfterMs)] as const),
    ['use'],
  );
  level(
    'key_renew_by_timestamp_seconds',
    'When a key is to be replaced, where the configuration says so',
    () =>
      levels
        .credentials()
        .keys.map(
          ({ role, central, renewByMs }) => [{ role, central }, secondsOf(renewByMs)] as const,
        ),
    ['role', 'central'],
  );
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
