#!/usr/bin/env node
// The command `reveille-handset`: a user agent in the terminal. Parses its options, prints every event, exits.
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CodedError, messageOf } from '../shared/errors.js';
import { networkKeyOf, networkParts, parseNetworkKey } from '../shared/network.js';
import { version } from '../shared/version.js';
import { type Protocol, protocols } from '../shared/wakeup/request.js';
import { createHandset, type Handset } from './client.js';
import { type DialectName, dialectNames } from './dialects/dialects.js';
import { printEvents } from './event-lines.js';
import { keepKeysFile, readKeysFile } from './keys-file.js';
import { defaultLimits } from './limits.js';
import type { HandsetOptions } from './options.js';

interface CliOptions {
  central: string;
  dialect: DialectName;
  key?: string;
  keys?: string;
  network?: string;
  netid?: string;
  ip?: string;
  port: number;
  protocol: Protocol;
  legacy?: true;
  uaid?: string;
  channel: string[];
  channels?: number;
  ca?: string;
  json?: true;
}

const program = new Command('reveille-handset')
  .description(
    'A user agent in the terminal: registers channels, prints every event, one line each.',
  )
  .version(version)
  .requiredOption('--central <url>', 'WebSocket URL of the notification server, ws: or wss:')
  .addOption(
    new Option('--dialect <name>', 'what it speaks; webpush is that of KaiOS 2.5 and Firefox')
      .choices(dialectNames)
      .default('simplepush'),
  )
  .option('--key <base64url>', 'with webpush: public key of the one app server that may send')
  .option(
    '--keys <file>',
    'with webpush: keep the keys of the channels there, or read those of an earlier run',
  )
  .option('--network <mcc-mnc>', 'mobile network it is in, such as 214-07; wakeable only with one')
  .option('--netid <name>', "address pool of that network (default: the network's default one)")
  .option('--ip <address>', 'listen for wakeups there (default: the address towards central)')
  .option('--port <number>', 'listen for wakeups on this port, 0 for a free one', wholeNumber, 0)
  .addOption(
    new Option('--protocol <name>', 'how it wants to be woken').choices(protocols).default('udp'),
  )
  .option(
    '--legacy',
    'be an old client, which neither proves its address nor asks for signed wakeups',
  )
  .option('--uaid <uaid>', 'identity from an earlier run')
  .option(
    '--channel <id>',
    'channel from an earlier run; repeat it for each, for those left out are unregistered',
    (id: string, ids: string[]) => [...ids, id],
    [],
  )
  .option(
    '--channels <n>',
    'new channels to register (default: 1, or 0 with --channel)',
    wholeNumber,
  )
  .option('--ca <file>', 'PEM file with the certificates to trust, for wss:')
  .option('--json', 'print one JSON object a line')
  .parse();

run(program.opts<CliOptions>());

function run(options: CliOptions): void {
  const newChannels = options.channels ?? (options.channel.length > 0 ? 0 : 1);
  const { channelsMax } = defaultLimits;
  if (newChannels + options.channel.length > channelsMax) {
    program.error(`error: --channels: at most ${channelsMax} channels in all`);
  }
  const handset = create(options);
  const { keys } = options;
  // Before the endpoints are printed: who has read one may send at once, and the keys are to outlive us.
  if (keys !== undefined) orSay('--keys', () => keepKeysFile(handset, keys));
  const write = (line: string) => void process.stdout.write(line);
  printEvents(handset, { isJson: options.json === true, write });
  // Timers of the library do not keep a process alive, and while it waits to reconnect there is nothing else.
  setInterval(() => {}, 60_000);
  const stop = () => void handset.stop().then(() => process.exit(0));
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Whoever read the lines has gone.
  process.stdout.on('error', stop);
  for (let i = 0; i < newChannels; i++) registerOne(handset);
  handset.start();
}

function registerOne(handset: Handset): void {
  handset.register().catch((error: unknown) => {
    const code = error instanceof CodedError ? error.code : 'refused';
    if (code === 'stopped') return;
    handset.emit('error', new CodedError(code, `register: ${messageOf(error)}`, { cause: error }));
  });
}

function create(options: CliOptions): Handset {
  try {
    return createHandset(handsetOptions(options));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return program.error(`error: ${error.message}`);
  }
}

function handsetOptions(options: CliOptions): HandsetOptions {
  const { central, dialect, key, keys, ip, port, protocol, uaid, channel, ca } = options;
  const isModern = options.legacy !== true;
  const channelIDs = channel.length > 0 ? channel : undefined;
  const network = networkOf(options);
  return {
    ...{ central, dialect, key, ip, port, protocol, uaid, channelIDs, network },
    keys: keys === undefined ? undefined : orSay('--keys', () => readKeysFile(keys)),
    proof: isModern,
    auth: isModern,
    ca: ca === undefined ? undefined : orSay('--ca', () => readFileSync(ca)),
  };
}

function networkOf({ network, netid }: CliOptions): HandsetOptions['network'] {
  if (network === undefined) {
    return netid === undefined ? undefined : program.error('error: --netid needs --network');
  }
  const key = netid === undefined ? parseNetworkKey(network) : networkKeyOf(network, netid);
  if (key === undefined) {
    const wanted = 'write --network 214-07, and --netid in letters, digits and ._:-';
    return program.error(`error: no such form of network: ${network}; ${wanted}`);
  }
  return networkParts(key);
}

/** What this gives; where it fails, the option is wrong. */
function orSay<T>(option: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    return program.error(`error: ${option}: ${messageOf(error)}`);
  }
}

function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('Write a whole number.');
  return Number(text);
}
