// A folder with everything central and gateways of one network need on loopback: keys, a certificate, configurations.
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
  /** Writes the configuration of one more gateway, with a key of its own, and returns the file. */
  furtherGatewayFile(name: string): Promise<string>;
  /** Writes central's configuration for the gateways at these URLs and returns the file. */
  centralFile(...gateways: GatewayPlace[]): string;
}

/** Where central reaches a gateway; its name is that of a further gateway. */
export interface GatewayPlace {
  url: string;
  name?: string;
}

/** Lines that a story adds to the configurations. */
export interface Additions {
  central?: string;
  /** Of the network in the gateway's configuration. */
  gatewayNetwork?: string;
}

/** Makes a folder ready; keys and certificates that are there are kept. */
export async function prepareSite(
  folder: string,
  ports: Ports,
  additions: Additions = {},
): Promise<Site> {
  mkdirSync(folder, { recursive: true });
  await ensureKeys(folder, 'central', 'central.key.pem');
  await ensureKeys(folder, 'gateway', 'gateway.key.pem');
  if (!existsSync(join(folder, 'tls.crt'))) await writeCertificate(folder);
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const gatewayYamlFor = (keyFile: string) => gatewayYaml({ ports, keyFile, additions });
  return {
    gatewayFile: write('gateway.yaml', gatewayYamlFor('gateway.key.pem')),
    async furtherGatewayFile(name) {
      await ensureKeys(join(folder, name), 'gateway', 'gateway.key.pem');
      return write(`${name}.yaml`, gatewayYamlFor(`${name}/gateway.key.pem`));
    },
    centralFile: (...gateways) =>
      write('central.yaml', `${centralYaml(ports, gateways)}${additions.central ?? ''}`),
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

function gatewayYaml(options: { ports: Ports; keyFile: string; additions: Additions }): string {
  const { ports, keyFile, additions } = options;
  return `listen: 127.0.0.1:${ports.gateway}
admin: 127.0.0.1:${ports.gatewayAdmin}
tls: { keyFile: tls.key, certFile: tls.crt }
keyFile: ${keyFile}
networks:
  - network: ${demoNetwork}
    ranges: [127.0.0.0/8]
    protocols: [udp, tcp]
${additions.gatewayNetwork ?? ''}centrals:
  - id: ns-1
    publicKeyFile: central.pub.pem
allowLoopbackTargets: true # development only
`;
}

function centralYaml(ports: Ports, gateways: readonly GatewayPlace[]): string {
  return `listen: 127.0.0.1:${ports.central}
admin: 127.0.0.1:${ports.centralAdmin}
secretKeyFile: secret.key
signingKeyFile: central.key.pem
store: sqlite:central.db
networks:
  - network: ${demoNetwork}
    gateways:
${gateways.map(gatewayLines).join('')}`;
}

function gatewayLines({ url, name }: GatewayPlace): string {
  const publicKeyFile = name === undefined ? 'gateway.pub.pem' : `${name}/gateway.pub.pem`;
  return `      - url: ${url}
        caFile: tls.crt
        publicKeyFile: ${publicKeyFile}
`;
}
