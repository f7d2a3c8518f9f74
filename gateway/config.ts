// The gateway's configuration: every key with its type, default, check and one sentence.
// docs/configuration.md, check-config and the environment's names are made from this schema.
import assert from 'node:assert';
import { z } from 'zod';
import { type Prefix, parsePrefix } from '../shared/address.js';
import { expiryProblem } from '../shared/certificates.js';
import { type Clock, systemClock } from '../shared/clock.js';
import { amount, filePath, listenAddress, logSchema } from '../shared/config.js';
import { messageOf } from '../shared/errors.js';
import {
  problemOf,
  readPrivateKeyFile,
  readPublicKeyFile,
  readTlsFiles,
  type TlsFiles,
} from '../shared/key-files.js';
import { networkKey, networkKeyOf, networkParts, parseNetworkKey } from '../shared/network.js';
import { type PortRange, parsePortRange, protocols } from '../shared/wakeup/request.js';
import { overlapProblem, rangeProblem, withRules } from './config-rules.js';

/** Variables of the environment that start with this are keys. */
export const envPrefix = 'REVEILLE_GATEWAY_';

/** Turns a text into what it means, or tells what to write instead. */
function parsed<In extends z.ZodType, T>(
  source: In,
  read: (value: z.output<In>) => T | undefined,
  help: string,
) {
  return source.transform((value, context): T => {
    const result = read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: help });
    return z.NEVER;
  });
}

const range = z.string().transform((text, context): Prefix => {
  const prefix = parsePrefix(text);
  const problem = rangeProblem(prefix);
  if (problem === undefined && typeof prefix !== 'string') return prefix;
  context.addIssue({ code: 'custom', message: problem ?? '' });
  return z.NEVER;
});

const portRange = parsed(
  z.union([z.int(), z.string()]),
  parsePorts,
  'write a port or a range of ports from 1 to 65535, such as 9000 or 1024-65535',
);

function parsePorts(value: number | string): PortRange | undefined {
  const text = String(value);
  return parsePortRange(text.includes('-') ? text : `${text}-${text}`);
}

// A page goes to every cell of a handset's tracking area, and a cell has room for some hundred pages a second, calls
// included. 2500 a second over a hundred areas are 25 for each cell; a network of a few areas wants less. Of these,
// wakeups without an urgency get the 2000 that one central may send by default. Three seconds: RFC 8085 section 3.1.3, for a sender that knows no round-trip time. A /24
// takes 85 a second at that interval; 50 spread a full one over five seconds.
const paceKeys = {
  maxPerSecond: amount(2500, 1, 1_000_000).describe(
    'page budget: wakeups a second in this network, of all centrals together',
  ),
  prefixMaxPerSecond: amount(50, 1, 1_000_000).describe(
    'wakeups a second in each /24, or each /56 of IPv6, where 256 handsets are',
  ),
  handsetIntervalMs: amount(3000, 0, 3_600_000).describe(
    'shortest time between two wakeups of one IPv4 address, or one /64 of IPv6, in milliseconds; 0 is none',
  ),
};

const networkSchema = z
  .strictObject({
    network: z
      .string()
      .refine((text) => networkKeyOf(text) !== undefined, {
        error: 'write the MCC and the MNC with a dash, such as 214-07',
      })
      .describe('MCC-MNC of the network, such as 214-07'),
    netid: z
      .string()
      .refine((netid) => networkKey('000', '00', netid) !== undefined, {
        error: 'use up to 64 letters, digits, dots, dashes, colons and underscores',
      })
      .optional()
      .describe('which address pool of the network; by default <mcc>-<mnc>.default'),
    ranges: z
      .array(range)
      .min(1)
      .superRefine((ranges, context) => {
        const message = overlapProblem(ranges);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      })
      .describe('addresses that may be woken, as CIDR prefixes'),
    ports: z
      .array(portRange)
      .min(1)
      .prefault(['1024-65535'])
      .describe('ports that may be woken: n or a-b'),
    protocols: z
      .array(z.enum(protocols))
      .min(1)
      .default(['udp'])
      .describe('protocols that may be used'),
    ...paceKeys,
    dryRun: z
      .boolean()
      .default(false)
      .describe('the same as the key of this name, for one network'),
  })
  .transform(({ network, netid, ...rest }) => {
    const key = networkKeyOf(network, netid);
    assert(key !== undefined, 'both parts of the key were checked above');
    return { network, netid: networkParts(key).netid, key, ...rest };
  });

const keyText = parsed(
  z.string(),
  parseNetworkKey,
  'write a network such as 214-07, or 214-07/net-b where its netid is not the default',
);

/** A bare key has no end of its own, so the operator writes one down. */
const renewalDate = z
  .string()
  .regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'write a date such as 2027-03-01')
  .transform((date) => new Date(`${date}T00:00:00Z`))
  .optional()
  .describe('day by which this key is to be replaced; a reminder, nothing is refused after it');

/** A file whose content is checked with the rest, so that all problems are told at once. */
function checkedFile(folder: string, read: (file: string) => unknown) {
  return filePath(folder).superRefine((file, context) => {
    const message = problemOf(() => read(file));
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

function centralSchema(folder: string) {
  return z.strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'use up to 64 letters, digits, dots, dashes')
      .describe('name of the central in the log and in commands'),
    publicKeyFile: checkedFile(folder, readPublicKeyFile).describe(
      'Ed25519 public key in PEM; two keys while one replaces the other',
    ),
    keyRenewBy: renewalDate,
    networks: z
      .array(keyText)
      .optional()
      .describe('networks it may wake; by default all that are served'),
    maxPerSecond: amount(2000, 1, 1_000_000).describe(
      'wakeups a second it may send; one second of them may come at once',
    ),
  });
}

function tlsSchema(folder: string, reading: Reading) {
  return z
    .strictObject({
      keyFile: filePath(folder).describe('private key in PEM'),
      certFile: filePath(folder).describe('certificate chain in PEM'),
      clientCaFile: filePath(folder)
        .optional()
        .describe('certificates in PEM that a client certificate must be signed by; asks for one'),
    })
    .superRefine((files, context) => {
      const message = tlsProblem(files, reading);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    });
}

/** The files are read once, for they may change at any moment. */
function tlsProblem(
  files: TlsFiles,
  { clock = systemClock, isReload = false }: Reading,
): string | undefined {
  try {
    const { cert } = readTlsFiles(files);
    return isReload ? undefined : expiryProblem(cert, clock.now());
  } catch (error) {
    return messageOf(error);
  }
}

const authority = parsed(
  z.string(),
  (text) => (/^(\[[0-9A-Fa-f:.]+\]|[^\s/:@[\]]+)(:[0-9]{1,5})?$/.test(text) ? text : undefined),
  'write host or host:port, without https:// and without a path',
);

const limits = {
  replayGuardMax: amount(200_000, 1).describe(
    'nonces remembered; when full, requests are refused until old ones expire',
  ),
  resultsMax: amount(250_000, 1).describe(
    'results remembered for each central, so that a repeated id sends nothing',
  ),
  resultLifeMs: amount(120_000, 1).describe('how long a result is remembered, in milliseconds'),
  pacingEntriesMax: amount(200_000, 2).describe(
    'handsets and prefixes remembered for their pace; when full, wakeups are deferred until old ones expire',
  ),
  udpMax: amount(10_000, 1).describe('datagrams handed to the system and not yet sent'),
  signWaitMs: amount(8000, 1, 600_000).describe(
    'how long a UDP wakeup listens for a refusal, in milliseconds; at least as long as a sleeping handset takes to answer',
  ),
  signSocketsMax: amount(4000, 0, 20_000).describe(
    'UDP wakeups that listen at a time, each with a socket of its own; further ones are sent and not listened for',
  ),
  signTargetsMax: amount(200_000, 0).describe(
    'targets remembered as reached for each central; of further ones no refusal is told',
  ),
  signTargetLifeMs: amount(86_400_000, 1).describe(
    'how long a target is remembered as reached, in milliseconds',
  ),
  signLifeMs: amount(60_000, 1, 3_600_000).describe(
    'how long a refusal is told to the central whose wakeup it was, in milliseconds',
  ),
  tcpMax: amount(512, 1, 65_535).describe('TCP wakeups under way'),
  tcpDeadlineMs: amount(3000, 1, 600_000).describe('longest life of a TCP wakeup, in milliseconds'),
  connectionsMax: amount(1000, 1, 1_000_000).describe('connections of callers at a time'),
  bodyTimeoutMs: amount(10_000, 1, 600_000).describe(
    'longest time a request may take to arrive, in milliseconds',
  ),
  keepAliveMs: amount(60_000, 1, 3_600_000).describe(
    'how long a quiet connection is kept, in milliseconds',
  ),
  drainMs: amount(5000, 1, 600_000).describe(
    'longest time to finish what is under way at the end, in milliseconds',
  ),
};

export interface Reading {
  /** Tells whether a certificate has ended. */
  clock?: Clock;
  /** A gateway that runs takes a configuration whose certificate has ended: its other changes must not wait for it. */
  isReload?: boolean;
}

/** The schema, with relative paths taken from `folder`. */
export function schemaFor(folder: string, reading: Reading = {}) {
  const shape = z.strictObject({
    listen: listenAddress('0.0.0.0:8443').describe('where the wakeup API listens'),
    admin: adminAddress(),
    authorities: z
      .array(authority)
      .min(1)
      .optional()
      .describe(
        'names of this gateway as callers sign them (host or host:port); by default the listen address where that is loopback',
      ),
    tls: tlsSchema(folder, reading)
      .optional()
      .describe('TLS of the wakeup API; may be absent where listen is a loopback address'),
    keyFile: checkedFile(folder, readPrivateKeyFile).describe(
      'Ed25519 private key in PEM (PKCS#8) that signs answers',
    ),
    keyRenewBy: renewalDate,
    networks: z.array(networkSchema).min(1).describe('what may be woken'),
    centrals: z.array(centralSchema(folder)).min(1).describe('who may wake'),
    allowLoopbackTargets: z
      .boolean()
      .default(false)
      .describe('lets loopback addresses be woken; for development only'),
    infrastructure: z
      .array(range)
      .prefault([])
      .describe('addresses of hosts that are no handsets, as CIDR prefixes; never woken'),
    dryRun: z.boolean().default(false).describe('decide, count and log, but send nothing'),
    stateFile: filePath(folder)
      .optional()
      .describe(
        "what pause and resume are remembered in; by default gateway.state.json in systemd's state directory, or else in this folder",
      ),
    ...limits,
    log: logSchema,
  });
  return withRules(shape);
}

/** The one key that commands need to reach the gateway that runs, whatever the others are like. */
export function adminSchema() {
  return z.looseObject({ admin: adminAddress() });
}

function adminAddress() {
  return listenAddress('127.0.0.1:9101').describe(
    'where metrics, health, readiness, pause and resume listen',
  );
}

export type GatewayConfig = z.output<ReturnType<typeof schemaFor>>;
/** What may be woken in one network. */
export type NetworkConfig = GatewayConfig['networks'][number];
