// What a configuration says, ready to be asked: a snapshot that a reload replaces as a whole.
import assert from 'node:assert';
import type { NetworkKey } from '../shared/network.js';
import type { NamedKey } from '../shared/wakeup/keys.js';
import type { NetworkConfig } from './config.js';
import { createPolicy, type Policy } from './policy/policy.js';
import type { Settings } from './settings.js';
import { normaliseAuthority, type Scheme } from './trust/authority.js';
import { createKeyring, type Keyring } from './trust/keyring.js';

export interface Rules {
  policy: Policy;
  keyring: Keyring;
  networks: readonly NetworkConfig[];
  networkOf: (key: NetworkKey) => NetworkConfig;
  /** Whether wakeups of this network are only decided. */
  isDryRun: (key: NetworkKey) => boolean;
  signingKey: NamedKey;
  /** Configured names, normalised; empty where the listen address is the name. */
  authorities: ReadonlySet<string>;
}

export function createRules({ config, signingKey, centralKeys }: Settings, scheme: Scheme): Rules {
  const records = config.centrals.map(({ id, networks, maxPerSecond }) => ({
    central: { id, maxPerSecond, networks: networks && new Set(networks) },
    keys: centralKeys.get(id) ?? [],
  }));
  const names = config.authorities ?? [];
  const byKey = new Map(config.networks.map((network) => [network.key, network]));
  const networkOf = (key: NetworkKey): NetworkConfig => {
    const network = byKey.get(key);
    assert(network, 'only keys of this configuration are asked for');
    return network;
  };
  return {
    policy: createPolicy(config),
    keyring: createKeyring(records),
    networks: config.networks,
    networkOf,
    isDryRun: (key) => config.dryRun || networkOf(key).dryRun,
    signingKey,
    authorities: new Set(names.map((name) => normaliseAuthority(name, scheme))),
  };
}
