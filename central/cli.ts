#!/usr/bin/env node
// The command reveille-central: parses its arguments and exits. What a command does stands in commands/.
import { Command } from 'commander';
import type { ExitCode, Output } from '../shared/output.js';
import { version } from '../shared/version.js';
import { showDarkDevices, showNetworks, wakeDevice } from './commands/ask.js';
import { checkConfig } from './commands/check-config.js';
import { keygen } from './commands/keygen.js';
import { serve } from './commands/serve.js';

const output: Output = {
  print: (line) => void process.stdout.write(`${line}\n`),
  complain: (line) => void process.stderr.write(`${line}\n`),
};
const { env } = process;

const program = new Command('reveille-central')
  .description('the notification server: devices connect to it, app servers PUT to it')
  .version(version);

function command(name: string, description: string): Command {
  return program.command(name).description(description).version(version);
}

function exitWith(code: ExitCode | undefined): void {
  if (code !== undefined) process.exitCode = code;
}

const configOption = ['--config <file>', 'configuration file in YAML'] as const;

command('serve', 'run central')
  .requiredOption(...configOption)
  .action(async ({ config }: { config: string }) => exitWith(await serve(config, env, output)));

command('check-config', 'print every problem of a configuration, or ok')
  .requiredOption(...configOption)
  .action(({ config }: { config: string }) => exitWith(checkConfig(config, env, output)));

command('keygen', 'write new keys: central.key.pem, central.pub.pem and secret.key')
  .requiredOption('--out <folder>', 'folder for the files; nothing in it is overwritten')
  .action(({ out }: { out: string }) => exitWith(keygen(out, output)));

command(
  'networks',
  'show networks, their gateways and their state, as the running central sees them',
)
  .requiredOption(...configOption)
  .action(async ({ config: file }: { config: string }) =>
    exitWith(await showNetworks({ file, env, output })),
  );

command('devices', 'show devices that nothing can wake, as the running central knows them')
  .requiredOption(...configOption)
  .requiredOption('--dark', 'those that are dark: deaf until they say hello')
  .action(async ({ config: file }: { config: string }) =>
    exitWith(await showDarkDevices({ file, env, output })),
  );

command('wake', 'wake one device now, through the running central, and print the outcome')
  .requiredOption(...configOption)
  .argument('<uaid>', 'the uaid that the device was given')
  .action(async (uaid: string, { config: file }: { config: string }) =>
    exitWith(await wakeDevice({ file, env, output }, uaid)),
  );

await program.parseAsync();
