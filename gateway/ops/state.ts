// How the gateway is, in one word and a few sentences: the band at the top of the operations page.
import type { PauseSnapshot } from '../policy/pause.js';
import type { Facts } from './facts.js';
import { moment, span } from './format.js';

/** The worst first. */
export const stateNames = ['draining', 'problem', 'paused', 'dry-run', 'ok'] as const;
export type StateName = (typeof stateNames)[number];

export interface StateFact {
  /** All that holds, the worst first; `ok` alone. */
  names: StateName[];
  /** What an operator must know about these, a sentence each. */
  reasons: string[];
  /** What is not yet a problem. */
  warnings: string[];
}

const dayMs = 86_400_000;
/** From when on an end date is told. */
const nearMs = 14 * dayMs;
/** A replay guard this full is told before it refuses. */
const nearlyFull = 0.8;
/** A central's clock may be 30 s behind and 5 s ahead before its requests are refused. */
const skewSeconds = { min: -15, max: 2 };

export function stateOf(
  facts: Omit<Facts, 'state'>,
  { isDraining, pause }: { isDraining: () => boolean; pause: () => PauseSnapshot },
): StateFact {
  const held = [
    ...(isDraining() ? [{ name: 'draining' as const, reason: 'Stopping: no new requests.' }] : []),
    ...problemsOf(facts).map((reason) => ({ name: 'problem' as const, reason })),
    ...pausesOf(facts, pause()).map((reason) => ({ name: 'paused' as const, reason })),
    ...dryRunsOf(facts).map((reason) => ({ name: 'dry-run' as const, reason })),
  ];
  const names = [...new Set(held.map(({ name }) => name))];
  return {
    names: names.length > 0 ? names : ['ok'],
    reasons: held.map(({ reason }) => reason),
    warnings: warningsOf(facts),
  };
}

type Known = Omit<Facts, 'state'>;

function problemsOf({ atMs, replayGuard, configuration, certificates, outcomes }: Known): string[] {
  const problems: string[] = [];
  if (replayGuard.entries >= replayGuard.max) {
    problems.push('The replay guard is full: requests are refused until old nonces expire.');
  }
  if (configuration.refused) {
    problems.push('The last reload failed: the configuration from before stays in force.');
  }
  for (const { use, usableUntilMs } of certificates) {
    if (usableUntilMs <= atMs)
      problems.push(`The ${use} certificate has ended: callers cannot connect.`);
  }
  const { triggered, failed } = outcomes;
  // A tenth of them over the last minute, and more than a stray one.
  if (failed.perSecond > 0.1 && failed.perSecond * 9 > triggered.perSecond) {
    problems.push('Many sends fail: see the errors below, and the route of this host.');
  }
  return problems;
}

function pausesOf({ atMs, networks }: Known, pause: PauseSnapshot): string[] {
  const { allSinceMs, cause } = pause;
  const sinceMs: ReadonlyMap<string, number> = pause.networks;
  if (allSinceMs !== undefined) {
    const why = cause === 'operator' ? 'by an operator' : 'because the state file cannot be read';
    return [`Paused ${why} ${sinceText(allSinceMs, atMs)}: no wakeup is sent.`];
  }
  return networks
    .filter(({ isPaused }) => isPaused)
    .map(({ network }) => `${network} is paused ${sinceText(sinceMs.get(network) ?? atMs, atMs)}.`);
}

function sinceText(sinceMs: number, nowMs: number): string {
  return `since ${moment(sinceMs)} UTC (${span(nowMs - sinceMs)})`;
}

function dryRunsOf({ networks }: Known): string[] {
  const known = networks.filter(({ network }) => network !== 'unknown');
  const dry = known.filter(({ isDryRun }) => isDryRun).map(({ network }) => network);
  if (dry.length === 0) return [];
  const where = dry.length === known.length ? 'everywhere' : `in ${dry.join(', ')}`;
  return [`Dry run ${where}: wakeups are decided and counted, but not sent.`];
}

function warningsOf(facts: Known): string[] {
  const { atMs, replayGuard, certificates, keys, centrals, configuration } = facts;
  const warnings: string[] = [];
  const { entries, max } = replayGuard;
  if (entries >= max * nearlyFull && entries < max) {
    warnings.push(
      'The replay guard is nearly full: a central asks too often, or replayGuardMax is small.',
    );
  }
  for (const { use, notAfterMs, usableUntilMs } of certificates) {
    const leftMs = notAfterMs - atMs;
    if (leftMs <= 0 && usableUntilMs > atMs)
      warnings.push(`A certificate in the ${use} file has ended; others there have not.`);
    if (leftMs > 0 && leftMs < nearMs)
      warnings.push(`The ${use} certificate ends in ${days(leftMs)}.`);
  }
  for (const { role, central, renewByMs } of keys) {
    if (renewByMs === undefined || renewByMs - atMs >= nearMs) continue;
    const whose = role === 'gateway' ? "this gateway's key" : `the key of ${central}`;
    const leftMs = renewByMs - atMs;
    warnings.push(
      leftMs > 0 ? `Replace ${whose} within ${days(leftMs)}.` : `Replace ${whose}: it is due.`,
    );
  }
  for (const { central, clockSkewSeconds: skew = 0 } of centrals) {
    if (skew > skewSeconds.max || skew < skewSeconds.min) {
      warnings.push(`The clock of ${central} differs from ours by ${Math.round(skew)} s.`);
    }
  }
  if (configuration.waiting.length > 0) {
    warnings.push(`Changed, but waiting for a restart: ${configuration.waiting.join(', ')}.`);
  }
  return [...warnings, ...configuration.warnings];
}

function days(ms: number): string {
  const count = Math.ceil(ms / dayMs);
  return count === 1 ? '1 day' : `${count} days`;
}
