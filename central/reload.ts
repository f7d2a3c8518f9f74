// Which keys of a changed configuration take effect at once, and which wait for a restart.
import type { CentralConfig } from './config.js';

const atOnce = [
  'networks',
  'log',
  'tls',
  'signingKeyFile',
  'legacyTrust',
  'gatewayPollMs',
  'gatewayTimeoutMs',
  'gatherMs',
  'wakeupsMax',
];

/** The keys that differ from those the process runs with and need a restart. */
export function keysForRestart(running: CentralConfig, next: CentralConfig): string[] {
  const keys = new Set([...Object.keys(running), ...Object.keys(next)]) as Set<keyof CentralConfig>;
  const changed = [...keys].filter(
    (key) => !atOnce.includes(key) && JSON.stringify(running[key]) !== JSON.stringify(next[key]),
  );
  const isTlsSwitched = (running.tls === undefined) !== (next.tls === undefined);
  return isTlsSwitched ? [...changed, 'tls'] : changed;
}
