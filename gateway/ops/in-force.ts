// The configuration in force: which file it is, when it was taken, and what of it waits for a restart.
import type { Clock } from '../../shared/clock.js';
import type { Settings } from '../settings.js';
import { type Credentials, credentialsOf } from './credentials.js';

export interface InForce {
  settings: Settings;
  credentials: Credentials;
  takenMs: number;
  /** Keys that were changed but take effect at a restart only. */
  waiting: readonly string[];
  /** When a configuration was last refused since this one was taken, and why. */
  refused?: { atMs: number; problems: readonly string[] };
}

export interface ConfigurationHistory {
  current(): InForce;
  take(settings: Settings, waiting: readonly string[]): void;
  refuse(problems: readonly string[]): void;
}

export function createConfigurationHistory(settings: Settings, clock: Clock): ConfigurationHistory {
  const taken = (from: Settings, waiting: readonly string[]): InForce => ({
    settings: from,
    credentials: credentialsOf(from),
    takenMs: clock.now(),
    waiting,
  });
  let current = taken(settings, []);
  return {
    current: () => current,
    take(next, waiting) {
      current = taken(next, waiting);
    },
    refuse(problems) {
      current = { ...current, refused: { atMs: clock.now(), problems } };
    },
  };
}
