// What the commands that fence this host are given: a configuration, and the addresses that may call.
import { parsePrefix } from '../../shared/address.js';
import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import type { GatewayConfig } from '../config.js';
import { loadSettings } from '../settings.js';

export interface FenceOptions {
  config: string;
  /** Addresses or CIDR ranges of the centrals. */
  central?: string[];
}

export interface Site {
  file: string;
  config: GatewayConfig;
  /** In their canonical form, one address as /32 or /128. */
  centrals: string[];
}

/** Reads the site and prints what `write` makes of it; nothing is printed when something is wrong. */
export function printFence(
  options: FenceOptions,
  {
    env,
    output,
    write,
  }: { env: NodeJS.ProcessEnv; output: Output; write: (site: Site) => string[] },
): ExitCode {
  const loaded = loadSettings(options.config, env);
  if (!loaded.settings) return complainAll(output, loaded.problems);
  const problems: string[] = [];
  const centrals = (options.central ?? []).flatMap((text) => {
    const prefix = parsePrefix(text);
    if (typeof prefix !== 'string') return prefix.text;
    problems.push(`--central ${text}: write an address or a range such as 198.51.100.10`);
    return [];
  });
  if (problems.length > 0) return complainAll(output, problems);
  if (centrals.length === 0) {
    output.complain('warning: without --central only this host itself may call the gateway');
  }
  const site = { file: options.config, config: loaded.settings.config, centrals };
  for (const line of write(site)) output.print(line);
  return exitCodes.ok;
}

/** The ranges of all networks, each once. */
export function policyRanges({ networks }: GatewayConfig): string[] {
  return [...new Set(networks.flatMap(({ ranges }) => ranges.map(({ text }) => text)))];
}
