// systemd-dropin: the policy's ranges as IPAddressAllow= lines. The unit denies every other address, so that not
// even a bug of ours can send there. Ports are not its business; `nftables` writes those too.

import type { ExitCode, Output } from '../../shared/output.js';
import { type FenceOptions, policyRanges, printFence, type Site } from './fence.js';

export interface DropinOptions extends FenceOptions {
  /** For the socket unit, which decides who may call; what handsets there are is not its business. */
  socket?: boolean;
}

export function systemdDropin(
  options: DropinOptions,
  env: NodeJS.ProcessEnv,
  output: Output,
): ExitCode {
  const write = options.socket === true ? socketLines : serviceLines;
  return printFence(options, { env, output, write });
}

function serviceLines({ file, config, centrals }: Site): string[] {
  return [
    `# The addresses of ${file}, by reveille-gateway systemd-dropin: write it anew when the ranges change.`,
    '[Service]',
    '# handsets',
    ...policyRanges(config).map(allow),
    '# centrals',
    ...centrals.map(allow),
  ];
}

function socketLines({ file, centrals }: Site): string[] {
  return [
    `# Who may call the gateway of ${file}, by reveille-gateway systemd-dropin --socket.`,
    '[Socket]',
    ...centrals.map(allow),
  ];
}

function allow(range: string): string {
  return `IPAddressAllow=${range}`;
}
