// The operator's own policy: which wakeups may leave this host. It trusts nothing that a request says
// and knows nothing of requests, keys or sockets.
import {
  type Address,
  contains,
  containsAny,
  isBroadcastOf,
  type Prefix,
  parseAddress,
} from '../../shared/address.js';
import { type NetworkKey, type NetworkScope, parseNetworkKey } from '../../shared/network.js';
import type { DatagramWords } from '../../shared/wakeup/datagram.js';
import {
  type Protocol,
  protocols,
  type Urgency,
  urgencies,
  type WakeupClaim,
} from '../../shared/wakeup/request.js';
import { blockOf } from './always-refused.js';
import { wordsOf } from './words.js';

/** What may be woken in one network. */
export interface NetworkRules {
  key: NetworkKey;
  ranges: readonly Prefix[];
  ports: readonly { first: number; last: number }[];
  protocols: readonly Protocol[];
}

/** Why a wakeup is refused, in the order in which the rules are asked. */
export const refusalReasons = [
  'network-unknown',
  'network-not-allowed',
  'address-malformed',
  'address-always-refused',
  'address-infrastructure',
  'address-out-of-range',
  'address-broadcast',
  'port-malformed',
  'port-not-allowed',
  'protocol-unknown',
  'protocol-not-allowed',
  'urgency-unknown',
  'bad-words',
  'dry-run',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** A wakeup that the policy lets through. */
export interface Target {
  network: NetworkKey;
  /** In its canonical form. */
  address: Address;
  port: number;
  protocol: Protocol;
  urgency: Urgency;
  /** What its datagram says beside the address. */
  words: DatagramWords;
}

export type Verdict =
  | { target: Target; refused?: never; rule: string }
  | { target?: never; refused: RefusalReason; rule: string };

export interface Policy {
  /** Judges one wakeup. `rule` says what decided, for the operator only: it names configured ranges. */
  decide(claim: Omit<WakeupClaim, 'id'>, scope: NetworkScope): Verdict;
  /** The network of a text as it is served here, for a metric's label. */
  servedNetwork(network: unknown): NetworkKey | undefined;
  /** The first network whose ranges hold an address. */
  networkHolding(ip: string): NetworkKey | undefined;
}

export function createPolicy(options: {
  networks: readonly NetworkRules[];
  /** The operator's own hosts, which are no handsets though they may lie among them. */
  infrastructure: readonly Prefix[];
  allowLoopbackTargets: boolean;
}): Policy {
  const served = new Map(options.networks.map((rules) => [rules.key, rules]));

  function rulesOf(network: unknown): NetworkRules | undefined {
    const key = parseNetworkKey(network);
    return key === undefined ? undefined : served.get(key);
  }

  /** The address in its canonical form, when it lies in the network and in no refused block. */
  function judgeAddress(ip: unknown, rules: NetworkRules): { address: Address } | Refused {
    const address = parseAddress(ip);
    if (!address) return refuse('address-malformed', 'ip is no address in its plain form');
    const block = blockOf(address, options.allowLoopbackTargets);
    if (block) return refuse('address-always-refused', `${block.prefix.text}, ${block.name}`);
    const own = options.infrastructure.find((candidate) => contains(candidate, address));
    if (own) return refuse('address-infrastructure', `${own.text} of infrastructure`);
    if (!containsAny(rules.ranges, address)) {
      return refuse('address-out-of-range', `no range of ${rules.key} holds it`);
    }
    const range = rules.ranges.find((candidate) => isBroadcastOf(candidate, address));
    if (range) return refuse('address-broadcast', `broadcast address of ${range.text}`);
    return { address };
  }

  return {
    servedNetwork: (network) => rulesOf(network)?.key,
    networkHolding(ip) {
      const address = parseAddress(ip);
      const holds = ({ ranges }: NetworkRules) => address && containsAny(ranges, address);
      return options.networks.find(holds)?.key;
    },
    decide({ network, ip, port, protocol = 'udp', urgency, nonce, auth }, scope) {
      const rules = rulesOf(network);
      if (!rules) return refuse('network-unknown', 'no such network is configured');
      if (scope && !scope.has(rules.key)) {
        return refuse('network-not-allowed', `the central may not use ${rules.key}`);
      }
      const judged = judgeAddress(ip, rules);
      if ('refused' in judged) return judged;
      const { address } = judged;
      if (!isPort(port)) return refuse('port-malformed', 'port is no whole number from 1 to 65535');
      const ports = rules.ports.find(({ first, last }) => port >= first && port <= last);
      if (!ports) return refuse('port-not-allowed', `no port range of ${rules.key} holds it`);
      const known = protocols.find((name) => name === protocol);
      if (known === undefined) {
        return refuse('protocol-unknown', `protocol is none of ${protocols.join(', ')}`);
      }
      if (!rules.protocols.includes(known)) {
        return refuse('protocol-not-allowed', `${rules.key} allows ${rules.protocols.join(', ')}`);
      }
      const urgent = urgencyOf(urgency);
      if (urgent === undefined) {
        return refuse('urgency-unknown', `urgency is none of ${urgencies.join(', ')}`);
      }
      const words = wordsOf({ nonce, auth });
      if (!words) return refuse('bad-words', 'nonce or auth is of another form, or both are there');
      return {
        target: { network: rules.key, address, port, protocol: known, urgency: urgent, words },
        get rule() {
          const range = rules.ranges.find((candidate) => contains(candidate, address));
          return `range ${range?.text}, ports ${ports.first}-${ports.last}, ${known} of ${rules.key}`;
        },
      };
    },
  };
}

/** The urgency a claim names, `normal` where it names none; `undefined` for one that is none. */
export function urgencyOf(urgency: unknown): Urgency | undefined {
  return urgency === undefined ? 'normal' : urgencies.find((name) => name === urgency);
}

type Refused = Extract<Verdict, { refused: RefusalReason }>;

function refuse(refused: RefusalReason, rule: string): Refused {
  return { refused, rule };
}

function isPort(port: unknown): port is number {
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535;
}
