// Central and a gateway as processes of their own, with keys, configuration files and the database in one folder.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { stringify } from 'yaml';
import { keygen } from '../../central/commands/keygen.js';
import { newKeyPair, writeNewFiles } from '../../shared/keygen.js';
import { traces } from '../../shared/traces.js';
import { type RunningProgram, startProgram } from './running-program.js';

interface Teardown {
  teardown(fn: () => unknown): unknown;
}

export interface PathFolder {
  path: string;
  centralFile: string;
  gatewayFile: string;
  /** The file of central's database. */
  database: string;
}

/** Keys of both, a certificate for the gateway, and no configuration yet. */
export async function createPathFolder(t: Teardown): Promise<PathFolder> {
  const path = mkdtempSync(join(tmpdir(), 'reveille-path-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  keygen(path, { print: () => {}, complain: () => {} });
  writeNewFiles(path, newKeyPair('gateway'));
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'gateway' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  writeFileSync(join(path, 'tls.key'), key);
  writeFileSync(join(path, 'tls.crt'), cert);
  return {
    path,
    centralFile: join(path, 'central.yaml'),
    gatewayFile: join(path, 'gateway.yaml'),
    database: join(path, 'central.db'),
  };
}

/** A gateway with TLS that serves network 214-07 on loopback. */
export function startGatewayProgram(
  t: Teardown,
  { gatewayFile }: PathFolder,
  changes: Record<string, unknown> = {},
): Promise<RunningProgram> {
  const config = {
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    tls: { keyFile: 'tls.key', certFile: 'tls.crt' },
    keyFile: 'gateway.key.pem',
    networks: [{ network: '214-07', ranges: ['127.0.0.0/8'], protocols: ['udp', 'tcp'] }],
    centrals: [{ id: 'ns-1', publicKeyFile: 'central.pub.pem' }],
    allowLoopbackTargets: true,
    log: { level: 'debug' },
    ...changes,
  };
  writeFileSync(gatewayFile, stringify(config));
  return startProgram(t, 'gateway', gatewayFile);
}

/** Writes central's configuration: a database in a file, and the gateways at these URLs. */
export function writeCentralConfig(
  { centralFile }: PathFolder,
  gatewayUrls: readonly string[],
  changes: Record<string, unknown> = {},
): void {
  const gateways = gatewayUrls.map((url) => ({
    url,
    caFile: 'tls.crt',
    publicKeyFile: 'gateway.pub.pem',
  }));
  const config = {
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    secretKeyFile: 'secret.key',
    signingKeyFile: 'central.key.pem',
    store: 'sqlite:central.db',
    networks: gateways.length > 0 ? [{ network: '214-07', gateways }] : [],
    drainMs: 1_000,
    ...changes,
  };
  writeFileSync(centralFile, stringify(config));
}

/** Starts central; where a gateway is configured, waits until its network can be woken. */
export async function startCentralProgram(
  t: Teardown,
  folder: PathFolder,
  { isWaking = false } = {},
): Promise<RunningProgram> {
  const central = await startProgram(t, 'central', folder.centralFile);
  // A gateway refuses what was signed in the first seconds of its life; central asks again.
  if (isWaking) await central.logged(traces.gatewayOnline);
  return central;
}

/** An endpoint URL at the address where central runs now. */
export function endpointAt(central: RunningProgram, endpoint: string): string {
  return central.url + new URL(endpoint).pathname;
}
