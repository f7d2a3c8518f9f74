// A configuration with the keys and certificates it names: what a start and a reload are made from.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { certificateWarnings } from '../shared/certificates.js';
import { systemClock } from '../shared/clock.js';
import { loadConfig } from '../shared/config.js';
import { messageOf } from '../shared/errors.js';
import { isLoopbackHost } from '../shared/http.js';
import {
  readPrivateKeyFile,
  readPublicKeyFile,
  readTlsFiles,
  type TlsMaterial,
} from '../shared/key-files.js';
import type { Environment } from '../shared/systemd.js';
import type { NamedKey } from '../shared/wakeup/keys.js';
import { envPrefix, type GatewayConfig, type Reading, schemaFor } from './config.js';
import { hostAddresses } from './host-addresses.js';
import { keyModeWarnings } from './key-modes.js';
import { policyWarnings } from './policy/warnings.js';

export interface Settings {
  config: GatewayConfig;
  /** Where the configuration stands, and the SHA-256 of that file in hexadecimal. */
  source: { file: string; sha256: string };
  signingKey: NamedKey;
  /** Public keys by the id of their central. */
  centralKeys: ReadonlyMap<string, readonly NamedKey[]>;
  tls: TlsMaterial | undefined;
  /** What pause and resume are remembered in. */
  stateFile: string;
  warnings: readonly string[];
}

export type SettingsResult = { settings: Settings } | { settings?: never; problems: string[] };

/** Reads a configuration file and the files it names. Never throws. */
export function loadSettings(
  file: string,
  env: Environment,
  reading: Reading = {},
): SettingsResult {
  try {
    const { config, problems } = loadConfig({
      schemaFor: (folder) => schemaFor(folder, reading),
      ...{ file, envPrefix, env },
    });
    if (config === undefined) return { problems };
    const stateFile = config.stateFile ?? join(stateFolder(file, env), 'gateway.state.json');
    const source = { file, sha256: sha256Of(file) };
    const read = readSettings(config);
    const warnings = warningsOf(config, {
      ...read,
      env,
      nowMs: (reading.clock ?? systemClock).now(),
    });
    return { settings: { ...read, warnings, source, stateFile } };
  } catch (error) {
    // The schema has read these files a moment ago; one that changed since then is told like the others.
    return { problems: [messageOf(error)] };
  }
}

function readSettings(config: GatewayConfig): Omit<Settings, 'source' | 'stateFile' | 'warnings'> {
  return {
    config,
    signingKey: readPrivateKeyFile(config.keyFile)[0],
    centralKeys: new Map(
      config.centrals.map(({ id, publicKeyFile }) => [id, readPublicKeyFile(publicKeyFile)]),
    ),
    tls: config.tls && readTlsFiles(config.tls),
  };
}

/** What does not stand against a start. */
function warningsOf(
  config: GatewayConfig,
  { tls, env, nowMs }: { tls: TlsMaterial | undefined; env: Environment; nowMs: number },
): string[] {
  const { authorities = [] } = config;
  return [
    ...policyWarnings({ ...config, hosts: hostAddresses(config) }),
    ...adminWarnings(config),
    ...keyModeWarnings(config, env.CREDENTIALS_DIRECTORY),
    ...(tls ? certificateWarnings(tls.cert, { nowMs, authorities }) : []),
  ];
}

/** Pause and resume need no password. */
function adminWarnings({ admin }: GatewayConfig): string[] {
  if (isLoopbackHost(admin.host)) return [];
  return [
    'admin: is no loopback address; whoever reaches it can pause, resume and read the operations page, so keep it to a management network',
  ];
}

/** Where systemd keeps what a service must remember (systemd.exec(5), StateDirectory=), or else beside the file. */
function stateFolder(file: string, env: Environment): string {
  const [folder = ''] = (env.STATE_DIRECTORY ?? '').split(':');
  return folder === '' ? dirname(resolve(file)) : folder;
}

function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
