// What the gateway did, as its operations page tells it: the counters of metrics.ts again, with their last minutes
// and by central. It knows no address and no id of a wakeup.
import type { Clock } from '../../shared/clock.js';
import type { Outcome } from '../../shared/wakeup/request.js';
import type { CentralActivity, Metrics, Names } from '../metrics.js';
import { createHistory, type Series } from './history.js';

export type OutcomeSeries = Record<Outcome, Series>;

/** One central: what it asked for, and when it last did. */
export interface CentralSeries extends OutcomeSeries {
  requests: Series;
  last: CentralActivity;
}

export interface Activity {
  outcomes: OutcomeSeries;
  requests: { accepted: Series; refused: Series };
  networks: ReadonlyMap<string, OutcomeSeries>;
  centrals: ReadonlyMap<string, CentralSeries>;
  refusals: ReadonlyMap<string, Series>;
  deferrals: ReadonlyMap<string, Series>;
  /** Requests that were not accepted, by their problem. */
  problems: ReadonlyMap<string, Series>;
  sendErrors: ReadonlyMap<string, Series>;
  /** The same metrics, counted here too. */
  watch(metrics: Metrics): Metrics;
  /** Forgets networks and centrals that are gone. */
  keepOnly(names: Names): void;
}

export function createActivity(clock: Clock): Activity {
  const history = createHistory(clock);
  const { series } = history;
  const outcomeSeries = (): OutcomeSeries => ({
    triggered: series(),
    refused: series(),
    deferred: series(),
    failed: series(),
  });
  const centralSeries = (): CentralSeries => ({
    ...outcomeSeries(),
    requests: series(),
    last: {},
  });
  const all = outcomeSeries();
  const requests = { accepted: series(), refused: series() };
  const networks = createShelf(outcomeSeries);
  const centrals = createShelf(centralSeries);
  const refusals = createShelf(series);
  const deferrals = createShelf(series);
  const problems = createShelf(series);
  const sendErrors = createShelf(series);

  const counting: Pick<
    Metrics,
    'wakeup' | 'refusal' | 'deferral' | 'request' | 'accepted' | 'sendError'
  > = {
    wakeup({ network, central, outcome }) {
      all[outcome].add();
      networks.get(network)[outcome].add();
      const caller = centrals.get(central);
      caller[outcome].add();
      caller.last.wakeupMs = clock.now();
    },
    refusal: (reason) => refusals.get(reason).add(),
    deferral: (reason) => deferrals.get(reason).add(),
    request(result) {
      if (result === 'accepted') return requests.accepted.add();
      requests.refused.add();
      problems.get(result).add();
    },
    accepted({ central, createdSeconds }) {
      const nowMs = clock.now();
      const caller = centrals.get(central);
      caller.requests.add();
      caller.last.requestMs = nowMs;
      caller.last.skewSeconds = createdSeconds - nowMs / 1000;
    },
    sendError: (protocol, code) => sendErrors.get(`${protocol} ${code}`).add(),
  };

  return {
    ...{ outcomes: all, requests },
    networks: networks.entries,
    centrals: centrals.entries,
    refusals: refusals.entries,
    deferrals: deferrals.entries,
    problems: problems.entries,
    sendErrors: sendErrors.entries,
    watch: (metrics) => ({
      ...metrics,
      wakeup: both(metrics.wakeup, counting.wakeup),
      refusal: both(metrics.refusal, counting.refusal),
      deferral: both(metrics.deferral, counting.deferral),
      request: both(metrics.request, counting.request),
      accepted: both(metrics.accepted, counting.accepted),
      sendError: both(metrics.sendError, counting.sendError),
    }),
    keepOnly(names) {
      networks.keepOnly(names.networks);
      centrals.keepOnly(names.centrals);
    },
  };
}

/** A function that does what both do. */
function both<Args extends unknown[]>(
  first: (...args: Args) => void,
  second: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    first(...args);
    second(...args);
  };
}

/** More names than any site has. What lies beyond is counted as one. */
const namesMax = 1000;

interface Shelf<T> {
  entries: ReadonlyMap<string, T>;
  get(name: string): T;
  keepOnly(names: ReadonlySet<string>): void;
}

function createShelf<T>(make: () => T): Shelf<T> {
  const entries = new Map<string, T>();
  return {
    entries,
    get(wanted) {
      const name = entries.has(wanted) || entries.size < namesMax ? wanted : 'others';
      const entry = entries.get(name) ?? make();
      entries.set(name, entry);
      return entry;
    },
    keepOnly(names) {
      for (const name of entries.keys()) if (!names.has(name)) entries.delete(name);
    },
  };
}
