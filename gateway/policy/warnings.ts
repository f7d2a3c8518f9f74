// What a configuration allows in words but the policy never lets through, or lets through too widely:
// not wrong enough to refuse a start, worth a line to the operator.
import {
  type Address,
  contains,
  containsAny,
  covers,
  type Prefix,
  prefix,
} from '../../shared/address.js';
import { plmnOf } from '../../shared/network.js';
import { blockCovering, blockOf } from './always-refused.js';
import type { NetworkPace } from './pacing.js';
import type { NetworkRules } from './policy.js';

export interface PolicyFacts {
  networks: readonly (NetworkRules &
    Pick<NetworkPace, 'handsetIntervalMs'> & { dryRun: boolean })[];
  infrastructure: readonly Prefix[];
  allowLoopbackTargets: boolean;
  dryRun: boolean;
  /** Addresses that are known to be no handsets, and whose they are. */
  hosts: readonly { address: Address; what: string }[];
}

/** Address space that an operator may give to handsets without owning it (RFC 1918, RFC 6598, RFC 4193). */
const privateSpace = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
].map(prefix);
const firstPlainPort = 1024;

export function policyWarnings(facts: PolicyFacts): string[] {
  const { networks, allowLoopbackTargets, dryRun } = facts;
  const warnings = networks.flatMap((network) =>
    networkWarnings(network, facts).map((text) => `networks ${network.key}: ${text}`),
  );
  warnings.push(...sharedRanges(networks));
  if (allowLoopbackTargets) {
    warnings.push('allowLoopbackTargets: loopback addresses may be woken; for development only');
  }
  if (dryRun) warnings.push('dryRun: nothing is sent; set it to false to wake devices');
  return warnings;
}

function networkWarnings(network: PolicyFacts['networks'][number], facts: PolicyFacts): string[] {
  const { ranges, ports, handsetIntervalMs, dryRun } = network;
  const warnings = ranges.flatMap((range) => rangeWarnings(range, facts));
  for (const { first, last } of ports) {
    if (first >= firstPlainPort) continue;
    warnings.push(`ports ${first}-${last} begin below 1024, where no handset listens for wakeups`);
  }
  if (handsetIntervalMs === 0) {
    warnings.push('handsetIntervalMs is 0; a handset may be woken again and again without a pause');
  }
  if (dryRun) warnings.push('dryRun: nothing is sent in it; set it to false to wake devices');
  return warnings;
}

function rangeWarnings(range: Prefix, facts: PolicyFacts): string[] {
  const { infrastructure, allowLoopbackTargets } = facts;
  const block = blockCovering(range, allowLoopbackTargets);
  if (block) {
    const why = `${block.prefix.text}, ${block.name}`;
    return [`range ${range.text} is always refused (${why}); take it out`];
  }
  const own = infrastructure.find((candidate) => covers(candidate, range));
  if (own) return [`range ${range.text} lies in ${own.text} of infrastructure; take it out`];
  const warnings = hostsIn(range, facts).map(
    ({ address, what }) =>
      `range ${range.text} holds ${address.text} (${what}); list it under infrastructure`,
  );
  if (!isPrivate(range, allowLoopbackTargets)) {
    warnings.push(`range ${range.text} is not all private; make sure that it is yours`);
  }
  return warnings;
}

/** Hosts that could be woken though they are no handsets. */
function hostsIn(range: Prefix, { hosts, infrastructure }: PolicyFacts): PolicyFacts['hosts'] {
  return hosts.filter(
    ({ address }) =>
      contains(range, address) && !containsAny(infrastructure, address) && !blockOf(address, false),
  );
}

function isPrivate(range: Prefix, allowLoopbackTargets: boolean): boolean {
  // With loopback allowed, a loopback range is warned about by its own key.
  const isLoopback = allowLoopbackTargets && blockCovering(range, false) !== undefined;
  return isLoopback || privateSpace.some((space) => covers(space, range));
}

/** Pools of one MCC-MNC may overlap, which is rare and easily a slip of the pen. */
function sharedRanges(networks: readonly NetworkRules[]): string[] {
  return networks.flatMap((network, i) =>
    networks
      .slice(i + 1)
      .filter((other) => plmnOf(other.key) === plmnOf(network.key))
      .flatMap((other) => {
        const shared = network.ranges.find((a) =>
          other.ranges.some((b) => covers(a, b) || covers(b, a)),
        );
        return shared
          ? [
              `networks ${network.key} and ${other.key} share addresses of ${shared.text}; see that these are two pools`,
            ]
          : [];
      }),
  );
}
