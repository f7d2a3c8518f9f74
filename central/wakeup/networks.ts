// Which networks can be woken now, and through which gateways: what the gateways said, narrowed by our own settings.
import { containsAny, type Prefix, parseAddress, parsePrefix } from '../../shared/address.js';
import { type NetworkKey, networkKeyOf } from '../../shared/network.js';
import { handsetOf, prefixOf } from '../../shared/places.js';
import {
  type PortRange,
  type Protocol,
  parsePortRange,
  type ServedNetwork,
} from '../../shared/wakeup/request.js';
import type { WakeupAddress } from '../protocol/messages.js';
import type { GatewayClient } from './gateway-client.js';

/** A network of the configuration. The order of its gateways says nothing. */
export interface NetworkSetting {
  key: NetworkKey;
  /** Narrows what the gateways say; `undefined` does not. */
  ranges: readonly Prefix[] | undefined;
  /** Whether the word of a device that can prove nothing is taken for its address. */
  legacyTrust: LegacyTrust;
  /** Where the network's devices come from, as seen from central. */
  egress: readonly Prefix[];
  wakeupsPerSecond: number;
  gateways: readonly GatewayClient[];
}

/**
 * Whose word is taken where no proof can be had: `range` of anyone whose address is in range, `egress` of those
 * whose socket comes out of the network, `never` nobody's.
 */
export const legacyTrusts = ['range', 'egress', 'never'] as const;
export type LegacyTrust = (typeof legacyTrusts)[number];

export interface NetworkReport {
  network: NetworkKey;
  isOnline: boolean;
  gateways: { url: string; isReachable: boolean; error: string | undefined; askedAtMs: number }[];
  ranges: string[];
  protocols: Protocol[];
}

export interface Networks {
  /** Those that are configured. */
  keys(): NetworkKey[];
  /** Whether a gateway of this network is well and wakes. */
  isOnline(network: NetworkKey): boolean;
  /** Wakeups a second that may leave for this network. */
  paceOf(network: NetworkKey): number;
  /** Whether a wakeup for this address would be handed to a gateway now. */
  isWakeable(address: WakeupAddress): boolean;
  /** Whether an address is taken from a device that cannot prove it; `peer` is where its socket comes from. */
  isTrusted(network: NetworkKey, peer: string): boolean;
  /** The gateways to try: for one neighbourhood of addresses the same one first, as long as it is well. */
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
    return able.length > 1 ? ranked(able, neighbourhoodOf(wanted)) : able;
  }

  function note(gateway: GatewayClient, change: Partial<GatewayState>): boolean {
    const state = states.get(gateway);
    const wasReachable = state?.isReachable ?? false;
    if (state) Object.assign(state, change);
    return wasReachable;
  }

  return {
    gatewaysFor,
    keys: () => [...byKey.keys()],
    isOnline: (network) =>
      byKey.get(network)?.gateways.some((gateway) => servedBy(gateway, network)) ?? false,
    paceOf: (network) => byKey.get(network)?.wakeupsPerSecond ?? 0,
    isTrusted(network, peer) {
      const { legacyTrust = 'never', egress = [] } = byKey.get(network) ?? {};
      const address = parseAddress(peer);
      const isInside = address !== undefined && containsAny(egress, address);
      return legacyTrust === 'range' || (legacyTrust === 'egress' && isInside);
    },
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

/**
 * Gateways in the order of a hash of each with the name (rendezvous hashing): when one falls out, only what it had
 * moves to others, and comes back with it.
 */
function ranked(gateways: readonly GatewayClient[], name: string): GatewayClient[] {
  return gateways
    .map((gateway) => ({ gateway, weight: hash(`${name} ${gateway.url}`) }))
    .sort((a, b) => b.weight - a.weight)
    .map(({ gateway }) => gateway);
}

/** What a gateway paces together. On loopback each port is a handset. */
function neighbourhoodOf({ address, port }: WakeupAddress): string {
  return prefixOf(address) ?? handsetOf(address, port);
}

/** FNV-1a, 32 bits, with a final mixing so that names that differ in the last letter lie far apart. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
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
