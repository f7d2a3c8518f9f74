#!/usr/bin/env node
// The command reveille-gateway: parses its arguments and exits. What a command does stands in commands/.
import { Command, Option } from 'commander';
import type { ExitCode, Output } from '../shared/output.js';
import { version } from '../shared/version.js';
import { checkConfig } from './commands/check-config.js';
import { type ExplainOptions, explain } from './commands/explain.js';
import type { FenceOptions } from './commands/fence.js';
import { keygen } from './commands/keygen.js';
import { nftables } from './commands/nftables.js';
import { type PauseOptions, throwSwitch } from './commands/pause.js';
import { type SendOptions, sendOne } from './commands/send.js';
import { serve } from './commands/serve.js';
import { type DropinOptions, systemdDropin } from './commands/systemd-dropin.js';
import { pauseActions } from './pause-routes.js';

const output: Output = {
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
};
const { env } = process;

const program = new Command('reveille-gateway')
  .description("the wakeup gateway in an operator's network")
  .version(version);

/** A command with the options it needs. */
function command(name: string, description: string, ...needed: [string, string][]): Command {
  const made = program.command(name).description(description).version(version);
  const options = needed.map(([flags, help]) => new Option(flags, help));
  for (const option of options) made.addOption(option);
  // Not commander's requiredOption, which complains of what is missing before it names a misspelt one.
  return made.hook('preAction', () => {
    for (const option of options) {
      if (made.getOptionValue(option.attributeName()) !== undefined) continue;
      made.error(`error: required option '${option.flags}' not specified`);
    }
  });
}

function exitWith(code: ExitCode | undefined): void {
  if (code !== undefined) process.exitCode = code;
}

const configOption: [string, string] = ['--config <file>', 'configuration file in YAML'];
const ipOption: [string, string] = ['--ip <address>', "the handset's address"];
const portOption: [string, string] = ['--port <port>', "the handset's port"];
const protocolOption = ['--protocol <protocol>', 'udp or tcp', 'udp'] as const;

command('serve', 'run the gateway', configOption).action(async ({ config }: { config: string }) =>
  exitWith(await serve(config, env, output)),
);

command('check-config', 'print every problem of a configuration, or ok', configOption).action(
  ({ config }: { config: string }) => exitWith(checkConfig(config, env, output)),
);

command(
  'explain',
  'say whether the policy would let a wakeup through, and which rule decides',
  configOption,
  ['--central <id>', 'whose rights count'],
  ['--network <network>', 'such as 214-07, or 214-07/net-b'],
  ipOption,
  portOption,
)
  .option(...protocolOption)
  .addHelpText(
    'after',
    '\nExit code: 0 allowed, 3 refused, 1 bad configuration or unknown central.',
  )
  .action((options: ExplainOptions) => exitWith(explain(options, env, output)));

command(
  'send',
  'send one test wakeup from this host, through the policy',
  configOption,
  ipOption,
  portOption,
)
  .option('--network <network>', 'by default the first whose ranges hold the address')
  .option(...protocolOption)
  .addHelpText('after', '\nExit code: 0 sent, 3 refused, 1 failed.')
  .action(async (options: SendOptions) => exitWith(await sendOne(options, env, output)));

const pauseHelp = { pause: 'stop sending', resume: 'send again what pause had stopped' };
for (const action of pauseActions) {
  command(action, `${pauseHelp[action]}, at once and over restarts`, configOption)
    .option('--network <network>', 'such as 214-07; by default everything')
    .action(async (options: PauseOptions) =>
      exitWith(await throwSwitch(action, options, { env, output })),
    );
}

command('keygen', 'write a new key pair: gateway.key.pem and gateway.pub.pem', [
  '--out <folder>',
  'folder for the files; nothing in it is overwritten',
]).action(({ out }: { out: string }) => exitWith(keygen(out, output)));

const callersOption: [string, string] = [
  '--central <range...>',
  'address or range that a central calls from; may be repeated',
];

command(
  'systemd-dropin',
  "print the policy's addresses as IPAddressAllow= lines for the unit",
  configOption,
)
  .option(...callersOption)
  .option('--socket', 'for the socket unit: the callers alone')
  .action((options: DropinOptions) => exitWith(systemdDropin(options, env, output)));

command('nftables', "print the policy as an nftables ruleset for the service's user", configOption)
  .option(...callersOption)
  .action((options: FenceOptions) => exitWith(nftables(options, env, output)));

await program.parseAsync();
