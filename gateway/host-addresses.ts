// Addresses that this host knows and that are no handsets: its own, and its name servers.
import { getServers } from 'node:dns';
import { networkInterfaces } from 'node:os';
import { type Address, parseAddress } from '../shared/address.js';
import type { GatewayConfig } from './config.js';

export interface HostAddress {
  address: Address;
  /** Whose it is, for a warning. */
  what: string;
}

export function hostAddresses({ listen, admin }: GatewayConfig): HostAddress[] {
  const own = Object.entries(ownInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map(({ address }) => ({ text: address, what: `this host's own, of ${name}` })),
  );
  // A listen address may be one that this host has only later.
  const listeners = [
    { text: listen.host, what: 'where listen is' },
    { text: admin.host, what: 'where admin is' },
  ];
  const servers = getServers().map((text) => ({ text, what: "this host's name server" }));
  const known = new Map<string, HostAddress>();
  for (const { text, what } of [...own, ...listeners, ...servers]) {
    const address = parseAddress(text);
    if (address && !known.has(address.text)) known.set(address.text, { address, what });
  }
  return [...known.values()];
}

/** None where a sandbox forbids to ask, as that of the systemd unit does; there check-config has told the operator. */
function ownInterfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}
