// The gateways of a configuration, opened: their clients, what they serve, and the probe that keeps asking.
import type { Clock } from '../../shared/clock.js';
import type { Log } from '../../shared/log.js';
import type { NamedKey } from '../../shared/wakeup/keys.js';
import { createGatewayClient, type GatewayClient, type GatewayOptions } from './gateway-client.js';
import { createNetworks, type NetworkSetting, type Networks } from './networks.js';
import { startProbe } from './probe.js';

/** A network as configured, its gateways by URL. */
export interface OperatorSetting extends Omit<NetworkSetting, 'gateways'> {
  gatewayUrls: readonly string[];
}

export interface OperatorOptions {
  settings: readonly OperatorSetting[];
  gateways: ReadonlyMap<string, Pick<GatewayOptions, 'publicKeys' | 'tls'>>;
  signingKeys: readonly NamedKey[];
  limits: Pick<GatewayOptions, 'timeoutMs' | 'gatherMs' | 'wakeupsMax'>;
  pollMs: number;
  clock: Clock;
  log: Log;
}

export interface Operators {
  networks: Networks;
  /** Resolves when every gateway was asked once, whatever it said. */
  asked: Promise<void>;
  isAsked(): boolean;
  close(): Promise<void>;
}

export function openOperators(options: OperatorOptions): Operators {
  const { settings, signingKeys, limits, pollMs, clock, log } = options;
  const clients = new Map<string, GatewayClient>();
  for (const [url, { publicKeys, tls }] of options.gateways) {
    clients.set(url, createGatewayClient({ url, publicKeys, tls, signingKeys, clock, ...limits }));
  }
  const networks = createNetworks(
    settings.map(({ gatewayUrls, ...setting }) => ({
      ...setting,
      gateways: gatewayUrls.map((url) => clients.get(url)).filter((client) => client !== undefined),
    })),
  );
  const probe = startProbe({ networks, intervalMs: pollMs, clock, log });
  return {
    networks,
    asked: probe.asked,
    isAsked: probe.isAsked,
    async close() {
      probe.close();
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}
