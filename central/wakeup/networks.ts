// Which networks can be woken now, and through which gateways: what the gateways said, narrowed by our own settings.
import { containsAny, type Prefix, parsePrefix } from '../../shared/address.js';
import { type NetworkKey, networkKeyOf } from '../../shared/network.js';
import {
  type PortRange,
  type Protocol,
  parsePortRange,
  type ServedNetwork,
} from '../../shared/wakeup/request.js';
import type { WakeupAddress } from '../protocol/messages.js';
import type { GatewayClient } from './gateway-client.js';

/** A network of the configuration with its gateways, in order of preference. */
export interface NetworkSetting {
  key: NetworkKey;
  /** Narrows what the gateways say; `undefined` does not. */
  ranges: readonly Prefix[] | undefined;
  gateways: readonly GatewayClient[];
}

export interface NetworkReport {
  network: NetworkKey;
  isOnline: boolean;
  gateways: { url: string; isReachable: boolean; error: string | undefined; askedAtMs: number }[];
  ranges: string[];
  protocols: Protocol[];
}

export interface Networks {
  /** Whether a wakeup for this address would be handed to a gateway now. */
  isWakeable(address: WakeupAddress): boolean;
  /** The gateways to try, the same one first for the same address. */
  gatewaysFor(address: WakeupAddress): GatewayClient[];
  /** All gateways, each once. */
  gateways(): GatewayClient[];
  /** A gateway told what it serves. Returns whether it was unreachable before. */
  noteServed(gateway: GatewayClient, served: readonly ServedNetwork[], nowMs: number): boolean;
  /** A gateway could not be used. Returns whether it was reachable before. */
  noteFailure(gateway: GatewayClient, error: string, nowMs: number): boolean;
  report(): NetworkReport[];
}

interface Served {
  ranges: Prefix[];
  protocols: readonly Protocol[];
  /** `undefined` is any port. */
  ports: readonly PortRange[] | undefined;
  isOnline: boolean;
}

interface GatewayState {
  isReachable: boolean;
  error: string | undefined;
  askedAtMs: number;
  served: Map<NetworkKey, Served>;
}

export function createNetworks(settings: readonly NetworkSetting[]): Networks {
  const byKey = new Map(settings.map((setting) => [setting.key, setting]));
  const states = new Map<GatewayClient, GatewayState>();
  for (const { gateways } of settings) {
    for (const gateway of gateways) states.set(gateway, unasked());
  }

  function servedBy(gateway: GatewayClient, key: NetworkKey): Served | undefined {
    const state = states.get(gateway);
    const served = state?.isReachable ? state.served.get(key) : undefined;
    return served?.isOnline ? served : undefined;
  }

  function gatewaysFor(wanted: WakeupAddress): GatewayClient[] {
    const { network, address } = wanted;
    const setting = byKey.get(network);
    if (!setting || (setting.ranges && !containsAny(setting.ranges, address))) return [];
    const able = setting.gateways.filter((gateway) => {
      const served = servedBy(gateway, network);
      return served !== undefined && takes(served, wanted);
    });
    // One handset's wakeups go through one gateway, so that its pacing sees them all.
    const first = able.length > 1 ? Math.abs(address.words.at(-1) ?? 0) % able.length : 0;
    return [...able.slice(first), ...able.slice(0, first)];
  }

  function note(gateway: GatewayClient, change: Partial<GatewayState>): boolean {
    const state = states.get(gateway);
    const wasReachable = state?.isReachable ?? false;
    if (state) Object.assign(state, change);
    return wasReachable;
  }

  return {
    gatewaysFor,
    isWakeable: (address) => gatewaysFor(address).length > 0,
    gateways: () => [...states.keys()],
    noteServed(gateway, served, nowMs) {
      const change = {
        isReachable: true,
        error: undefined,
        askedAtMs: nowMs,
        served: readServed(served),
      };
      return !note(gateway, change);
    },
    noteFailure: (gateway, error, nowMs) =>
      note(gateway, { isReachable: false, error, askedAtMs: nowMs }),
    report: () =>
      settings.map(({ key, gateways }) => {
        const online = gateways
          .map((gateway) => servedBy(gateway, key))
          .filter((s) => s !== undefined);
        return {
          network: key,
          isOnline: online.length > 0,
          ranges: [...new Set(online.flatMap(({ ranges }) => ranges.map(({ text }) => text)))],
          protocols: [...new Set(online.flatMap(({ protocols }) => protocols))],
          gateways: gateways.map((gateway) => {
            const { isReachable, error, askedAtMs } = states.get(gateway) ?? unasked();
            return { url: gateway.url, isReachable, error, askedAtMs };
          }),
        };
      }),
  };
}

function unasked(): GatewayState {
  return { isReachable: false, error: 'not asked yet', askedAtMs: 0, served: new Map() };
}

function takes(
  { ranges, protocols, ports }: Served,
  { address, port, protocol }: WakeupAddress,
): boolean {
  const isPortServed = ports?.some(({ first, last }) => port >= first && port <= last) ?? true;
  return isPortServed && protocols.includes(protocol) && containsAny(ranges, address);
}

function readServed(listed: readonly ServedNetwork[]): Map<NetworkKey, Served> {
  const served = new Map<NetworkKey, Served>();
  for (const { network, netid, ranges, protocols, ports, online } of listed) {
    const key = networkKeyOf(network, netid);
    if (!key) continue;
    const prefixes = ranges.map(parsePrefix).filter((range) => typeof range !== 'string');
    served.set(key, {
      ranges: prefixes,
      protocols,
      ports: ports?.map(parsePortRange).filter((range) => range !== undefined),
      isOnline: online,
    });
  }
  return served;
}
