// What a configuration allows in words but the policy never lets through, or lets through too widely:
// not wrong enough to refuse a start, worth a line to the operator.
import { covers, type Prefix } from '../../shared/address.js';
import { refusedBlocks } from './always-refused.js';
import type { NetworkRules } from './policy.js';

export function policyWarnings(options: {
  networks: readonly NetworkRules[];
  allowLoopbackTargets: boolean;
  dryRun: boolean;
}): string[] {
  const blocks = refusedBlocks(options.allowLoopbackTargets);
  const warnings = options.networks.flatMap(({ key, ranges }) =>
    ranges.flatMap((range) =>
      rangeWarnings(range, blocks).map((text) => `networks ${key}: ${text}`),
    ),
  );
  if (options.allowLoopbackTargets) {
    warnings.push('allowLoopbackTargets: loopback addresses may be woken; for development only');
  }
  if (options.dryRun) warnings.push('dryRun: nothing is sent; set it to false to wake devices');
  return warnings;
}

function rangeWarnings(range: Prefix, blocks: ReturnType<typeof refusedBlocks>): string[] {
  if (range.bits === 0) {
    return [`range ${range.text} is every address; write the ranges that are yours`];
  }
  return blocks
    .filter(({ prefix }) => covers(prefix, range))
    .slice(0, 1)
    .map(
      ({ prefix, name }) =>
        `range ${range.text} is always refused (${prefix.text}, ${name}); take it out`,
    );
}
