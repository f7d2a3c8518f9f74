// nftables: the policy as a ruleset for the service's own user: addresses, protocols and ports out, centrals in.
// It touches what this user sends and who reaches the listener, and nothing else of the host.

import type { ExitCode, Output } from '../../shared/output.js';
import type { NetworkConfig } from '../config.js';
import { type FenceOptions, printFence, type Site } from './fence.js';

/** The unit's name is its user's name, too (systemd.exec(5), DynamicUser=). */
const user = 'reveille-gateway';
const table = 'inet reveille_gateway';

export function nftables(options: FenceOptions, env: NodeJS.ProcessEnv, output: Output): ExitCode {
  return printFence(options, { env, output, write: ruleset });
}

function ruleset({ file, config, centrals }: Site): string[] {
  const { listen, admin, infrastructure, networks } = config;
  return [
    `# The policy of ${file}, by reveille-gateway nftables. Its table is replaced as a whole, so that loading it`,
    '# again is safe. The user is looked up while it is loaded: load it when the service starts.',
    `table ${table}`,
    `delete table ${table}`,
    `table ${table} {`,
    ...chain('output', [
      'type filter hook output priority filter; policy accept;',
      `meta skuid "${user}" goto gateway`,
    ]),
    ...chain('gateway', [
      '# answers to callers',
      `tcp sport { ${[...new Set([listen.port, admin.port])].join(', ')} } accept`,
      ...infrastructure.map(({ text }) => `${addressField('daddr', text)} counter drop`),
      ...networks.flatMap(wakeupRules),
      'counter drop',
    ]),
    ...chain('input', [
      'type filter hook input priority filter; policy accept;',
      `tcp dport ${listen.port} goto callers`,
    ]),
    ...chain('callers', [
      'ip saddr 127.0.0.0/8 accept',
      'ip6 saddr ::1 accept',
      ...centrals.map((central) => `${addressField('saddr', central)} accept`),
      'counter drop',
    ]),
    '}',
  ];
}

function wakeupRules({ key, ranges, ports, protocols }: NetworkConfig): string[] {
  const targets = ranges.flatMap(({ text }) =>
    protocols.flatMap((protocol) =>
      ports.map(
        ({ first, last }) =>
          `${addressField('daddr', text)} ${protocol} dport ${first}-${last} accept`,
      ),
    ),
  );
  return [`# ${key}`, ...targets];
}

function addressField(side: 'saddr' | 'daddr', range: string): string {
  return `${range.includes(':') ? 'ip6' : 'ip'} ${side} ${range}`;
}

function chain(name: string, lines: readonly string[]): string[] {
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), '  }'];
}
