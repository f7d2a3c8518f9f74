// Addresses that are never woken, whatever the configuration says: none of them is a handset's own.
// A block that holds another stands after it, so that the closest name is told.
import { type Address, contains, covers, type Prefix, prefix } from '../../shared/address.js';

export interface RefusedBlock {
  prefix: Prefix;
  /** What the block is, for `explain` and the documentation. */
  name: string;
}

const loopback = 'loopback';

const table: readonly (readonly [cidr: string, name: string])[] = [
  ['0.0.0.0/8', 'this host (RFC 1122)'],
  ['127.0.0.0/8', loopback],
  ['169.254.0.0/16', 'link-local (RFC 3927)'],
  ['192.0.0.0/24', 'CLAT and protocol assignments (RFC 7335, RFC 6890)'],
  ['192.0.2.0/24', 'documentation (RFC 5737)'],
  ['198.51.100.0/24', 'documentation (RFC 5737)'],
  ['203.0.113.0/24', 'documentation (RFC 5737)'],
  ['198.18.0.0/15', 'benchmarking (RFC 2544)'],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['255.255.255.255/32', 'broadcast (RFC 919)'],
  ['240.0.0.0/4', 'reserved (RFC 1112)'],
  ['::/128', 'this host (RFC 4291)'],
  ['::1/128', loopback],
  ['::/96', 'IPv4-compatible (RFC 4291)'],
  ['::ffff:0:0/96', 'IPv4-mapped (RFC 4291)'],
  ['::ffff:0:0:0/96', 'IPv4-translated (RFC 2765)'],
  ['64:ff9b::/96', 'NAT64 (RFC 6052)'],
  ['64:ff9b:1::/48', 'NAT64 (RFC 8215)'],
  ['100::/64', 'discard-only (RFC 6666)'],
  ['2001::/32', 'Teredo (RFC 4380)'],
  ['2001:2::/48', 'benchmarking (RFC 5180)'],
  ['2001:db8::/32', 'documentation (RFC 3849)'],
  ['2002::/16', '6to4 (RFC 3056)'],
  ['3fff::/20', 'documentation (RFC 9637)'],
  ['fe80::/10', 'link-local (RFC 4291)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
];

const blocks: readonly RefusedBlock[] = table.map(([cidr, name]) => ({
  prefix: prefix(cidr),
  name,
}));

/** The refused block an address lies in. Loopback alone can be allowed, for development only. */
export function blockOf(address: Address, allowLoopbackTargets: boolean): RefusedBlock | undefined {
  for (const block of blocks) {
    // The first match decides: ::1 lies in the IPv4-compatible block too.
    if (contains(block.prefix, address)) return allowed(block, allowLoopbackTargets);
  }
  return undefined;
}

/** The refused block a whole range lies in. */
export function blockCovering(
  range: Prefix,
  allowLoopbackTargets: boolean,
): RefusedBlock | undefined {
  const block = blocks.find((candidate) => covers(candidate.prefix, range));
  return block && allowed(block, allowLoopbackTargets);
}

function allowed(block: RefusedBlock, allowLoopbackTargets: boolean): RefusedBlock | undefined {
  return allowLoopbackTargets && block.name === loopback ? undefined : block;
}
