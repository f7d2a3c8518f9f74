// Everything the operations page tells, as plain data: GET /ops.json. Names, counts and dates; never an address.
import { cutAddress, parsePrefix } from '../../shared/address.js';
import type { Clock } from '../../shared/clock.js';
import { version } from '../../shared/version.js';
import type { Outcome, Protocol } from '../../shared/wakeup/request.js';
import type { Levels } from '../metrics.js';
import type { PauseSnapshot } from '../policy/pause.js';
import type { Activity, OutcomeSeries } from './activity.js';
import type { CertificateFact, KeyFact } from './credentials.js';
import { bucketMs, type Series } from './history.js';
import type { ConfigurationHistory, InForce } from './in-force.js';
import { type StateFact, stateOf } from './state.js';

/** One counter: over the last minute, the last ten minutes, and since the start. */
export interface RateFact {
  perSecond: number;
  recent: number;
  total: number;
}

/** With its course: how many a second in each step, the oldest first. */
export interface CourseFact extends RateFact {
  course: number[];
}

export type OutcomeFacts = Record<Outcome, RateFact>;

export interface NetworkFact {
  network: string;
  isPaused: boolean;
  isDryRun: boolean;
  protocols: readonly Protocol[];
  /** The page budget; none where the network is not served here. */
  maxPerSecond?: number;
  outcomes: OutcomeFacts;
  /** Of what was triggered. */
  course: number[];
}

export interface CentralFact {
  central: string;
  requests: RateFact;
  outcomes: OutcomeFacts;
  course: number[];
  maxPerSecond: number;
  lastRequestMs?: number;
  lastWakeupMs?: number;
  clockSkewSeconds?: number;
}

export interface NamedRate extends RateFact {
  name: string;
}

export interface Facts {
  atMs: number;
  startMs: number;
  version: string;
  /** What callers reach this gateway by. */
  authorities: readonly string[];
  state: StateFact;
  /** How long each step of a course is, in milliseconds. */
  stepMs: number;
  outcomes: Record<Outcome, CourseFact>;
  requests: { accepted: CourseFact; refused: CourseFact };
  underWay: Record<Protocol, number>;
  networks: NetworkFact[];
  centrals: CentralFact[];
  refusals: NamedRate[];
  deferrals: NamedRate[];
  problems: NamedRate[];
  sendErrors: NamedRate[];
  replayGuard: { entries: number; max: number };
  results: number;
  /** Handsets and prefixes remembered for their pace. */
  pacing: number;
  connections: { open: number; max: number };
  certificates: readonly CertificateFact[];
  keys: readonly KeyFact[];
  configuration: {
    file: string;
    sha256: string;
    takenMs: number;
    warnings: readonly string[];
    waiting: readonly string[];
    refused?: { atMs: number; problems: readonly string[] };
  };
}

export interface FactParts {
  clock: Clock;
  startMs: number;
  activity: Activity;
  configuration: ConfigurationHistory;
  levels: Levels;
  pause: () => PauseSnapshot;
  isDraining: () => boolean;
  authorities: () => Iterable<string>;
}

export function createFacts(parts: FactParts): () => Facts {
  const { clock, startMs, activity, configuration, levels, authorities } = parts;
  return () => {
    const inForce = configuration.current();
    const facts = {
      atMs: clock.now(),
      ...{ startMs, version, stepMs: bucketMs, authorities: [...authorities()] },
      outcomes: mapOutcomes(activity.outcomes, courseOf),
      requests: {
        accepted: courseOf(activity.requests.accepted),
        refused: courseOf(activity.requests.refused),
      },
      underWay: { udp: levels.underWay('udp'), tcp: levels.underWay('tcp') },
      networks: networkFacts(parts),
      centrals: centralFacts(parts),
      refusals: namedRates(activity.refusals),
      deferrals: namedRates(activity.deferrals),
      problems: namedRates(activity.problems),
      sendErrors: namedRates(activity.sendErrors),
      replayGuard: { entries: levels.replayGuard(), max: levels.replayGuardMax },
      results: levels.results(),
      pacing: levels.pacing(),
      connections: { open: levels.connections(), max: levels.connectionsMax },
      ...inForce.credentials,
      configuration: configurationFact(inForce),
    };
    return { ...facts, state: stateOf(facts, parts) };
  };
}

function configurationFact({
  settings,
  takenMs,
  waiting,
  refused,
}: InForce): Facts['configuration'] {
  const { source, warnings } = settings;
  return {
    ...source,
    ...{ takenMs, waiting },
    warnings: warnings.map(withoutAddresses),
    ...(refused && { refused: { ...refused, problems: refused.problems.map(withoutAddresses) } }),
  };
}

/** What is said of a configuration names its ranges; a range that is one address is cut. */
export function withoutAddresses(text: string): string {
  return text.replace(/([0-9A-Fa-f.:]*(?:[0-9A-Fa-f]|::))(\/\d+)?/g, (word, address: string) => {
    const range = parsePrefix(word);
    if (range === 'malformed') return word;
    const isMany = range !== 'host-bits' && range.bits < (range.family === 4 ? 32 : 128);
    return isMany ? word : cutAddress(address);
  });
}

function networkFacts({ activity, configuration, levels }: FactParts): NetworkFact[] {
  const states = new Map(levels.networks().map((state) => [state.network, state]));
  const neither = { isPaused: false, isDryRun: false };
  const served = configuration
    .current()
    .settings.config.networks.map(({ key, protocols, maxPerSecond }) => ({
      ...(states.get(key) ?? neither),
      ...{ network: key, protocols, maxPerSecond },
      ...outcomeFacts(activity.networks.get(key)),
    }));
  const unknown = activity.networks.get('unknown');
  if (!unknown) return served;
  return [...served, { network: 'unknown', ...neither, protocols: [], ...outcomeFacts(unknown) }];
}

function centralFacts({ activity, configuration }: FactParts): CentralFact[] {
  return configuration.current().settings.config.centrals.map(({ id, maxPerSecond }) => {
    const series = activity.centrals.get(id);
    const { requestMs, wakeupMs, skewSeconds } = series?.last ?? {};
    return {
      central: id,
      maxPerSecond,
      requests: rateOf(series?.requests),
      ...outcomeFacts(series),
      ...(requestMs !== undefined && { lastRequestMs: requestMs }),
      ...(wakeupMs !== undefined && { lastWakeupMs: wakeupMs }),
      ...(skewSeconds !== undefined && { clockSkewSeconds: skewSeconds }),
    };
  });
}

function outcomeFacts(series: OutcomeSeries | undefined): Pick<NetworkFact, 'outcomes' | 'course'> {
  return {
    outcomes: mapOutcomes(series, rateOf),
    course: series?.triggered.rates() ?? [],
  };
}

function mapOutcomes<T>(
  series: OutcomeSeries | undefined,
  fact: (series: Series | undefined) => T,
): Record<Outcome, T> {
  const of = (outcome: Outcome) => fact(series?.[outcome]);
  return {
    triggered: of('triggered'),
    refused: of('refused'),
    deferred: of('deferred'),
    failed: of('failed'),
  };
}

function rateOf(series: Series | undefined): RateFact {
  return {
    perSecond: series?.perSecond() ?? 0,
    recent: series?.recent() ?? 0,
    total: series?.total() ?? 0,
  };
}

function courseOf(series: Series | undefined): CourseFact {
  return { ...rateOf(series), course: series?.rates() ?? [] };
}

/** The most frequent first. */
function namedRates(shelf: ReadonlyMap<string, Series>): NamedRate[] {
  return [...shelf]
    .map(([name, series]) => ({ name, ...rateOf(series) }))
    .sort((a, b) => b.recent - a.recent || b.total - a.total);
}
