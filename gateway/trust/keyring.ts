// Which central holds which key, and what its key record lets it do. The record decides, never the message.
import type { KeyObject } from 'node:crypto';
import type { NetworkScope } from '../../shared/network.js';
import type { NamedKey } from '../../shared/wakeup/keys.js';

/** A caller of the gateway, as its key record describes it. */
export interface Central {
  id: string;
  networks: NetworkScope;
  maxPerSecond: number;
}

export interface Keyring {
  find(keyid: string): { central: Central; key: KeyObject } | undefined;
}

export function createKeyring(
  records: readonly { central: Central; keys: readonly NamedKey[] }[],
): Keyring {
  const byKeyid = new Map(
    records.flatMap(({ central, keys }) =>
      keys.map(({ keyid, key }) => [keyid, { central, key }] as const),
    ),
  );
  return { find: (keyid) => byKeyid.get(keyid) };
}
