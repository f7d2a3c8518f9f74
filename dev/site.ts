// A folder with everything central and one gateway need on loopback: keys, a certificate, two configurations.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { runCommand } from './programs.js';

/** The operator of the demonstration: Movistar Spain's MCC-MNC, on addresses of this machine. */
export const demoNetwork = '214-07';

export interface Ports {
  central: number;
  centralAdmin: number;
  gateway: number;
  gatewayAdmin: number;
}

/** Free ports, chosen by the system. */
export const freePorts: Ports = { central: 0, centralAdmin: 0, gateway: 0, gatewayAdmin: 0 };

export interface Site {
  gatewayFile: string;
  /** Writes central's configuration for a gateway at this URL and returns the file. */
  centralFile(gatewayUrl: string): string;
}

/** Makes a folder ready; keys and certificates that are there are kept. */
export async function prepareSite(folder: string, ports: Ports): Promise<Site> {
  mkdirSync(folder, { recursive: true });
  await ensureKeys(folder, 'central', 'central.key.pem');
  await ensureKeys(folder, 'gateway', 'gateway.key.pem');
  if (!existsSync(join(folder, 'tls.crt'))) await writeCertificate(folder);
  const gatewayFile = join(folder, 'gateway.yaml');
  writeFileSync(gatewayFile, gatewayYaml(ports));
  return {
    gatewayFile,
    centralFile(gatewayUrl) {
      const file = join(folder, 'central.yaml');
      writeFileSync(file, centralYaml(ports, gatewayUrl));
      return file;
    },
  };
}

async function ensureKeys(folder: string, program: 'central' | 'gateway', file: string) {
  if (!existsSync(join(folder, file))) await runCommand(program, ['keygen', '--out', folder]);
}

async function writeCertificate(folder: string): Promise<void> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  writeFileSync(join(folder, 'tls.key'), key, { mode: 0o600 });
  writeFileSync(join(folder, 'tls.crt'), cert);
}

function gatewayYaml(ports: Ports): string {
  return `listen: 127.0.0.1:${ports.gateway}
admin: 127.0.0.1:${ports.gatewayAdmin}
tls: { keyFile: tls.key, certFile: tls.crt }
keyFile: gateway.key.pem
networks:
  - network: ${demoNetwork}
    ranges: [127.0.0.0/8]
    protocols: [udp, tcp]
centrals:
  - id: ns-1
    publicKeyFile: central.pub.pem
allowLoopbackTargets: true # development only
`;
}

function centralYaml(ports: Ports, gatewayUrl: string): string {
  return `listen: 127.0.0.1:${ports.central}
admin: 127.0.0.1:${ports.centralAdmin}
secretKeyFile: secret.key
signingKeyFile: central.key.pem
store: sqlite:central.db
networks:
  - network: ${demoNetwork}
    gateways:
      - url: ${gatewayUrl}
        caFile: tls.crt
        publicKeyFile: gateway.pub.pem
`;
}
