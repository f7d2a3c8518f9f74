#!/usr/bin/env node
// The command reveille-gateway: parses its arguments and exits. What a command does stands in commands/.
import { Command } from 'commander';
import { version } from '../shared/version.js';
import { checkConfig } from './commands/check-config.js';
import { type ExplainOptions, explain } from './commands/explain.js';
import { keygen } from './commands/keygen.js';
import type { ExitCode, Output } from './commands/output.js';
import { type SendOptions, sendOne } from './commands/send.js';
import { serve } from './commands/serve.js';

const output: Output = {
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
};
const { env } = process;

const program = new Command('reveille-gateway')
  .description("the wakeup gateway in an operator's network")
  .version(version);

function command(name: string, description: string): Command {
  return program.command(name).description(description).version(version);
}

function exitWith(code: ExitCode | undefined): void {
  if (code !== undefined) process.exitCode = code;
}

const configOption = ['--config <file>', 'configuration file in YAML'] as const;
const protocolOption = ['--protocol <protocol>', 'udp or tcp', 'udp'] as const;

command('serve', 'run the gateway')
  .requiredOption(...configOption)
  .action(async ({ config }: { config: string }) => exitWith(await serve(config, env, output)));

command('check-config', 'print every problem of a configuration, or ok')
  .requiredOption(...configOption)
  .action(({ config }: { config: string }) => exitWith(checkConfig(config, env, output)));

command('explain', 'say whether the policy would let a wakeup through, and which rule decides')
  .requiredOption(...configOption)
  .requiredOption('--central <id>', 'whose rights count')
  .requiredOption('--network <network>', 'such as 214-07, or 214-07/net-b')
  .requiredOption('--ip <address>', "the handset's address")
  .requiredOption('--port <port>', "the handset's port")
  .option(...protocolOption)
  .addHelpText(
    'after',
    '\nExit code: 0 allowed, 3 refused, 1 bad configuration or unknown central.',
  )
  .action((options: ExplainOptions) => exitWith(explain(options, env, output)));

command('send', 'send one test wakeup from this host, through the policy')
  .requiredOption(...configOption)
  .option('--network <network>', 'by default the first whose ranges hold the address')
  .requiredOption('--ip <address>', "the handset's address")
  .requiredOption('--port <port>', "the handset's port")
  .option(...protocolOption)
  .addHelpText('after', '\nExit code: 0 sent, 3 refused, 1 failed.')
  .action(async (options: SendOptions) => exitWith(await sendOne(options, env, output)));

command('keygen', 'write a new key pair: gateway.key.pem and gateway.pub.pem')
  .requiredOption('--out <folder>', 'folder for the files; nothing in it is overwritten')
  .action(({ out }: { out: string }) => exitWith(keygen(out, output)));

await program.parseAsync();
