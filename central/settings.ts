// A configuration with the keys and certificates it names: what a start and a reload are made from.
import { loadConfig } from '../shared/config.js';
import { CodedError, messageOf } from '../shared/errors.js';
import {
  readBytesFile,
  readCertificateFile,
  readPrivateKeyFile,
  readPublicKeyFile,
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
  const found = [...duplicates(config.networks), ...contradictions(config.networks)];
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
  const { tls: tlsFiles } = config;
  const tls = tlsFiles && tell('tls', () => readTlsFiles(tlsFiles));
  const gateways = new Map<string, GatewayFiles>();
  config.networks.forEach((network, i) => {
    network.gateways.forEach((gateway, j) => {
      const place = `networks[${i}].gateways[${j}]`;
      gateways.set(
        gateway.url,
        readGatewayFiles(gateway, (read) => tell(place, read)),
      );
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

function readGatewayFiles(
  { publicKeyFile, caFile, certFile, keyFile }: NetworkConfig['gateways'][number],
  tell: <T>(read: () => T) => T | undefined,
): GatewayFiles {
  const publicKeys = tell(() => readPublicKeyFile(publicKeyFile)) ?? [];
  const ca = caFile === undefined ? undefined : tell(() => readCertificateFile(caFile));
  const hasOwn = certFile !== undefined && keyFile !== undefined;
  const own = hasOwn ? tell(() => readTlsFiles({ keyFile, certFile })) : undefined;
  return { publicKeys, tls: { ...own, ...(ca === undefined ? {} : { ca }) } };
}

function duplicates(networks: readonly NetworkConfig[]): string[] {
  const keys = networks.map(({ network, netid }) => networkKeyOf(network, netid));
  return keys.flatMap((key, i) =>
    keys.indexOf(key) === i
      ? []
      : [`networks[${i}]: ${key} is listed twice; put its gateways together`],
  );
}

/** A gateway serves all its networks with the same keys and certificates, for it has one client here. */
function contradictions(networks: readonly NetworkConfig[]): string[] {
  const first = new Map<string, string>();
  return networks.flatMap(({ gateways }, i) =>
    gateways.flatMap((gateway, j) => {
      const text = JSON.stringify(gateway);
      const before = first.get(gateway.url) ?? text;
      first.set(gateway.url, before);
      const place = `networks[${i}].gateways[${j}]`;
      return before === text
        ? []
        : [`${place}: ${gateway.url} is listed above with other files; give it the same ones`];
    }),
  );
}
