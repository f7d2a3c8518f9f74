// The files of central and its gateways for the carrier: keys, certificates, configurations on its addresses.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { stringify } from 'yaml';
import { keygen } from '../../central/commands/keygen.js';
import { writeKeyPair } from '../../shared/keygen.js';
import { centralAddresses, devicePort, gatewayAddresses, type Pool } from './carrier-plan.js';

export const carrierNetwork = '214-07';
/** Two pools of one operator: the same addresses, told apart by their netid. */
export const netids: Record<Pool, string> = { a: `${carrierNetwork}.default`, b: 'net-b' };

const gatewayPort = 8443;

export function gatewayUrl(pool: Pool): string {
  return `https://${gatewayAddresses[pool]}:${gatewayPort}`;
}

/** Keys of the configurations that a test sets. */
export interface CarrierSettings {
  central?: Record<string, unknown>;
  gateway?: Record<string, unknown>;
  /** Keys of each gateway's one network. */
  network?: Record<string, unknown>;
}

/** Writes everything into a folder. */
export async function writeCarrierSite(options: {
  folder: string;
  pools: readonly Pool[];
  settings: CarrierSettings;
}): Promise<{ centralFile: string; gatewayFile(pool: Pool): string }> {
  const { folder, pools, settings } = options;
  keygen(folder, { print: () => {}, complain: () => {} });
  for (const pool of pools) await writeGateway(folder, pool, settings);
  const centralFile = join(folder, 'central.yaml');
  writeFileSync(centralFile, stringify({ ...centralConfig(pools), ...settings.central }));
  return { centralFile, gatewayFile: (pool) => join(folder, pool, 'gateway.yaml') };
}

async function writeGateway(folder: string, pool: Pool, settings: CarrierSettings): Promise<void> {
  const own = join(folder, pool);
  writeKeyPair(own, 'gateway');
  const ip = gatewayAddresses[pool];
  const { private: key, cert } = await generate([{ name: 'commonName', value: ip }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip }] },
    ],
  });
  writeFileSync(join(own, 'tls.key'), key, { mode: 0o600 });
  writeFileSync(join(own, 'tls.crt'), cert);
  writeFileSync(join(own, 'gateway.yaml'), stringify(gatewayConfig(pool, settings)));
}

function gatewayConfig(pool: Pool, { gateway, network }: CarrierSettings) {
  const listen = `${gatewayAddresses[pool]}:${gatewayPort}`;
  return {
    listen,
    admin: '127.0.0.1:9101',
    authorities: [listen],
    tls: { keyFile: 'tls.key', certFile: 'tls.crt' },
    keyFile: 'gateway.key.pem',
    networks: [
      {
        network: carrierNetwork,
        netid: netids[pool],
        ranges: ['10.20.0.0/16', 'fd12:3456:7::/48'],
        protocols: ['udp', 'tcp'],
        ...network,
      },
    ],
    centrals: [{ id: 'ns-1', publicKeyFile: '../central.pub.pem' }],
    // Every wakeup has a line.
    log: { level: 'debug' },
    ...gateway,
  };
}

function centralConfig(pools: readonly Pool[]) {
  return {
    // One socket for both families.
    listen: `[::]:${devicePort}`,
    admin: '127.0.0.1:9100',
    publicUrl: `http://${centralAddresses.v4}:${devicePort}`,
    secretKeyFile: 'secret.key',
    signingKeyFile: 'central.key.pem',
    store: 'sqlite:central.db',
    gatewayPollMs: 1_000,
    gatewayTimeoutMs: 1_000,
    networks: pools.map((pool) => ({
      network: carrierNetwork,
      netid: netids[pool],
      gateways: [
        {
          url: gatewayUrl(pool),
          caFile: join(pool, 'tls.crt'),
          publicKeyFile: join(pool, 'gateway.pub.pem'),
        },
      ],
    })),
  };
}
