// Which keys of a changed configuration take effect at once, and which wait for a restart.
import type { GatewayConfig } from './config.js';

/** Keys that were read once, when the parts were built. */
const atStart = [
  'listen',
  'admin',
  'replayGuardMax',
  'resultsMax',
  'resultLifeMs',
  'pacingEntriesMax',
  'stateFile',
  'udpMax',
  'signWaitMs',
  'signSocketsMax',
  'signTargetsMax',
  'signTargetLifeMs',
  'signLifeMs',
  'tcpMax',
  'tcpDeadlineMs',
  'connectionsMax',
  'bodyTimeoutMs',
  'keepAliveMs',
  'drainMs',
] as const satisfies readonly (keyof GatewayConfig)[];

/** The keys that differ from those the process runs with and need a restart. */
export function keysForRestart(running: GatewayConfig, next: GatewayConfig): string[] {
  const changed: string[] = atStart.filter(
    (key) => JSON.stringify(running[key]) !== JSON.stringify(next[key]),
  );
  if ((running.tls === undefined) !== (next.tls === undefined)) changed.push('tls');
  else if ((running.tls?.clientCaFile === undefined) !== (next.tls?.clientCaFile === undefined)) {
    changed.push('tls.clientCaFile');
  }
  return changed;
}
