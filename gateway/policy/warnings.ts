// What a configuration allows in words but the policy never lets through, or lets through too widely:
// not wrong enough to refuse a start, worth a line to the operator.
import type { Prefix } from '../../shared/address.js';
import { blockCovering } from './always-refused.js';
import type { NetworkRules } from './policy.js';

export function policyWarnings(options: {
  networks: readonly NetworkRules[];
  allowLoopbackTargets: boolean;
  dryRun: boolean;
}): string[] {
  const { networks, allowLoopbackTargets, dryRun } = options;
  const warnings = networks.flatMap(({ key, ranges }) =>
    ranges
      .map((range) => rangeWarning(range, allowLoopbackTargets))
      .filter((text) => text !== undefined)
      .map((text) => `networks ${key}: ${text}`),
  );
  if (allowLoopbackTargets) {
    warnings.push('allowLoopbackTargets: loopback addresses may be woken; for development only');
  }
  if (dryRun) warnings.push('dryRun: nothing is sent; set it to false to wake devices');
  return warnings;
}

function rangeWarning(range: Prefix, allowLoopbackTargets: boolean): string | undefined {
  if (range.bits === 0) {
    return `range ${range.text} is every address; write the ranges that are yours`;
  }
  const block = blockCovering(range, allowLoopbackTargets);
  return (
    block &&
    `range ${range.text} is always refused (${block.prefix.text}, ${block.name}); take it out`
  );
}
