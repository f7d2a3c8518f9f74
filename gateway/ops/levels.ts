// What can be read of the running gateway at any time: fill levels, dates, and which networks are held back.
// Metrics and the operations page read the same.
import type { Levels } from '../metrics.js';
import type { Pause } from '../policy/pause.js';
import type { Rules } from '../rules.js';
import type { Activity } from './activity.js';
import type { ConfigurationHistory } from './in-force.js';

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
    isPaused: Pause['isPaused'];
    rules: () => Rules;
  },
): Levels {
  const { activity, configuration, isPaused, rules } = parts;
  const config = () => configuration.current().settings.config;
  return {
    ...parts,
    credentials: () => configuration.current().credentials,
    centrals: () =>
      config().centrals.map(({ id }) => [id, activity.centrals.get(id)?.last ?? {}] as const),
    networks() {
      const { networks, isDryRun } = rules();
      return networks.map(({ key }) => ({
        network: key,
        isDryRun: isDryRun(key),
        isPaused: isPaused(key),
      }));
    },
  };
}
