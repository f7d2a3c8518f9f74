// The plan of the carrier: an internet with central, and radio networks, each behind its gateway and its NAT.
//
//   central ──┐ internet: 198.51.100.0/24, 2001:db8:100::/64
//             ├── gateway-a ──┐ ran-a: 10.20.0.0/16, fd12:3456:7::/64
//             ├── nat-a ──────┴── handset-udp, handset-tcp, handset-v6 (which has no IPv4)
//             ├── gateway-b ──┐ ran-b: the same addresses once more
//             └── nat-b ──────┴── handset-b, with the address of handset-udp
//
// Every link ends in the switch, which is a namespace like the others: no packet has a way out.
import { centralRules, gatewayRules, handsetRules, natRules } from './carrier-rules.js';

export type Pool = 'a' | 'b';
export type HandsetName = keyof typeof handsetAddresses;
export type NodeName = 'central' | `gateway-${Pool}` | `nat-${Pool}` | HandsetName;

export const handsetAddresses = {
  'handset-udp': '10.20.5.6',
  'handset-tcp': '10.20.5.7',
  'handset-v6': 'fd12:3456:7::5:6',
  'handset-b': '10.20.5.6',
} as const;

const poolOf: Record<HandsetName, Pool> = {
  'handset-udp': 'a',
  'handset-tcp': 'a',
  'handset-v6': 'a',
  'handset-b': 'b',
};

export const centralAddresses = { v4: '198.51.100.10', v6: '2001:db8:100::10' };
export const gatewayAddresses: Record<Pool, string> = { a: '198.51.100.20', b: '198.51.100.40' };
const natAddresses = {
  a: { v4: '198.51.100.30', v6: '2001:db8:100::30' },
  b: { v4: '198.51.100.50', v6: '2001:db8:100::50' },
};
/** A gateway's leg in its radio network: where wakeups come from. */
export const gatewayInside = { v4: '10.20.0.2', v6: 'fd12:3456:7::2' };
/** Where the default routes of handsets lead. */
export const natInside = { v4: '10.20.0.1', v6: 'fd12:3456:7::1' };
const ranPrefixes = { v4: '10.20.0.0/16', v6: 'fd12:3456:7::/64' };
/** All destinations there are. */
export const prefixes = {
  v4: ['198.51.100.0/24', ranPrefixes.v4],
  v6: ['2001:db8:100::/64', ranPrefixes.v6],
};

export const devicePort = 8080;
/** Where every handset waits for its wakeups. */
export const wakePort = 9000;

export interface Node {
  /** Addresses with their prefix length, by the bridge that the leg is plugged into. */
  legs: Record<string, readonly string[]>;
  routes: readonly string[];
  isRouter: boolean;
  rules: string;
}

/** Every node of a carrier with these pools. */
export function nodesOf(pools: readonly Pool[]): [NodeName, Node][] {
  const handsets = Object.keys(handsetAddresses) as HandsetName[];
  return [
    ['central', central()],
    ...pools.flatMap((pool): [NodeName, Node][] => [
      [`gateway-${pool}`, gateway(pool)],
      [`nat-${pool}`, nat(pool)],
    ]),
    ...handsets
      .filter((name) => pools.includes(poolOf[name]))
      .map((name): [NodeName, Node] => [name, handset(name)]),
  ];
}

function central(): Node {
  const { v4, v6 } = centralAddresses;
  const nats = Object.values(natAddresses).flatMap((nat) => [nat.v4, nat.v6]);
  return {
    legs: { internet: [`${v4}/24`, `${v6}/64`] },
    // The worst case: whoever holds central has routes to the handsets.
    routes: [
      `${ranPrefixes.v4} via ${natAddresses.a.v4}`,
      `${ranPrefixes.v6} via ${natAddresses.a.v6}`,
    ],
    isRouter: false,
    rules: centralRules(nats, devicePort),
  };
}

function gateway(pool: Pool): Node {
  const inside = [`${gatewayInside.v4}/16`, `${gatewayInside.v6}/64`];
  return {
    legs: { internet: [`${gatewayAddresses[pool]}/24`], [`ran-${pool}`]: inside },
    routes: [],
    isRouter: false,
    rules: gatewayRules(centralAddresses.v4),
  };
}

function nat(pool: Pool): Node {
  const { v4, v6 } = natAddresses[pool];
  const inside = [`${natInside.v4}/16`, `${natInside.v6}/64`];
  return {
    legs: { internet: [`${v4}/24`, `${v6}/64`], [`ran-${pool}`]: inside },
    routes: [],
    isRouter: true,
    rules: natRules,
  };
}

function handset(name: HandsetName): Node {
  const ip = handsetAddresses[name];
  const isIPv6 = ip.includes(':');
  const payload = isIPv6 ? `NOTIFY [${ip}]:${wakePort}` : `NOTIFY ${ip}:${wakePort}`;
  return {
    legs: { [`ran-${poolOf[name]}`]: [`${ip}/${isIPv6 ? 64 : 16}`] },
    routes: [`default via ${isIPv6 ? natInside.v6 : natInside.v4}`],
    isRouter: false,
    rules: handsetRules(payload, wakePort),
  };
}
