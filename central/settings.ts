// A configuration with the keys and certificates it names: what a start and a reload are made from.
import { loadConfig } from '../shared/config.js';
import { CodedError, messageOf } from '../shared/errors.js';
import {
  readBytesFile,
  readPrivateKeyFile,
  readPublicKeyFile,
  readTextFile,
  readTlsFiles,
  type TlsMaterial,
} from '../shared/key-files.js';
import { networkKeyOf } from '../shared/network.js';
import type { NamedKey } from '../shared/wakeup/keys.js';
import { type CentralConfig, envPrefix, type NetworkConfig, schemaFor } from './config.js';
import { secretKeyBytes } from './protocol/ids.js';

export interface Settings {
  config: CentralConfig;
  secretKey: Buffer;
  signingKeys: readonly NamedKey[];
  tls: TlsMaterial | undefined;
  /** By the URL of the gateway. */
  gateways: ReadonlyMap<string, GatewayFiles>;
}

export interface GatewayFiles {
  publicKeys: readonly NamedKey[];
  tls: { ca?: string; cert?: string; key?: string };
}

export type SettingsResult = { settings: Settings } | { settings?: never; problems: string[] };

/** Reads a configuration file and the files it names. Never throws; tells all problems at once. */
export function loadSettings(
  file: string,
  env: Record<string, string | undefined>,
): SettingsResult {
  const { config, problems } = loadConfig({ schemaFor, file, envPrefix, env });
  if (config === undefined) return { problems };
  const found: string[] = duplicates(config.networks);
  const tell = <T>(key: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      found.push(`${key}: ${messageOf(error)}`);
      return undefined;
    }
  };
  const secretKey = tell('secretKeyFile', () => readSecretKey(config.secretKeyFile));
  const signingKeys = tell('signingKeyFile', () => readPrivateKeyFile(config.signingKeyFile));
  const tls =
    config.tls && tell('tls', () => readTlsFiles(config.tls ?? { keyFile: '', certFile: '' }));
  const gateways = new Map<string, GatewayFiles>();
  config.networks.forEach((network, i) => {
    network.gateways.forEach((gateway, j) => {
      const files = tell(`networks[${i}].gateways[${j}]`, () => readGatewayFiles(gateway));
      if (files) gateways.set(gateway.url, files);
    });
  });
  if (!secretKey || !signingKeys || found.length > 0) return { problems: found };
  return { settings: { config, secretKey, signingKeys, tls, gateways } };
}

function readSecretKey(file: string): Buffer {
  const bytes = readBytesFile(file);
  if (bytes.length === secretKeyBytes) return bytes;
  const message = `${file}: must hold ${secretKeyBytes} random bytes, it has ${bytes.length}; make one with keygen`;
  throw new CodedError('bad-key', message);
}

function readGatewayFiles(gateway: NetworkConfig['gateways'][number]): GatewayFiles {
  const { publicKeyFile, caFile, certFile, keyFile } = gateway;
  const tls: GatewayFiles['tls'] = {};
  if (caFile !== undefined) tls.ca = readTextFile(caFile);
  if (certFile !== undefined && keyFile !== undefined) {
    const { key, cert } = readTlsFiles({ keyFile, certFile });
    Object.assign(tls, { key, cert });
  }
  return { publicKeys: readPublicKeyFile(publicKeyFile), tls };
}

function duplicates(networks: readonly NetworkConfig[]): string[] {
  const keys = networks.map(({ network, netid }) => networkKeyOf(network, netid));
  return keys.flatMap((key, i) =>
    keys.indexOf(key) === i
      ? []
      : [`networks[${i}]: ${key} is listed twice; put its gateways together`],
  );
}
