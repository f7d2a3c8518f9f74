// What can be read of the running gateway at any time: fill levels, dates, and which networks are held back.
// Metrics and the operations page read the same.
import type { Levels } from '../metrics.js';
import type { Activity } from './activity.js';
import type { ConfigurationHistory } from './in-force.js';

/** What an operator has stopped by hand. */
export interface PauseState {
  /** Since when nothing at all is sent, in Unix milliseconds. */
  allSinceMs: number | undefined;
  /** Since when nothing is sent in each of these networks. */
  networks: ReadonlyMap<string, number>;
  /** `state-file`: nobody paused it, but what was paused before the start is not known. */
  cause: 'operator' | 'state-file';
}

type Sized = Pick<
  Levels,
  | 'replayGuard'
  | 'replayGuardMax'
  | 'results'
  | 'pacing'
  | 'connections'
  | 'connectionsMax'
  | 'underWay'
  | 'signSockets'
  | 'signSocketsMax'
  | 'signTargets'
>;

export function createLevels(
  parts: Sized & {
    activity: Activity;
    configuration: ConfigurationHistory;
    pause: () => PauseState;
  },
): Levels {
  const { activity, configuration, pause } = parts;
  const config = () => configuration.current().settings.config;
  return {
    ...parts,
    credentials: () => configuration.current().credentials,
    centrals: () =>
      config().centrals.map(({ id }) => [id, activity.centrals.get(id)?.last ?? {}] as const),
    networks() {
      const { networks, dryRun } = config();
      const { allSinceMs, networks: pausedSinceMs } = pause();
      return networks.map(({ key, dryRun: isNetworkDryRun }) => ({
        network: key,
        isDryRun: dryRun || isNetworkDryRun,
        isPaused: allSinceMs !== undefined || pausedSinceMs.has(key),
      }));
    },
  };
}
