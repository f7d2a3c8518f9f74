// The bodies of the wakeup API (docs/wakeup-api.md): what central writes and the gateway reads, and back.
import { CodedError } from '../errors.js';
import { isUuidV7 } from '../id.js';
import type { DatagramWords } from './datagram.js';

export const wakeupsPath = '/v1/wakeups';
export const networksPath = '/v1/networks';
export const signsPath = '/v1/signs';
/** Limits of one request. */
export const wakeupsPerRequestMax = 1000;
export const requestBytesMax = 256 * 1024;
/** Signs in one answer; the newest ones. */
export const signsPerAnswerMax = 1000;
/** Port ranges read of one network. */
const portRangesMax = 1000;
/** The longest `retryAfterMs`; a reader leaves out another one. */
const retryAfterMsMax = 86_400_000;

export const protocols = ['udp', 'tcp'] as const;
export type Protocol = (typeof protocols)[number];

/** RFC 8030 section 5.3; `normal` when absent. */
export const urgencies = ['very-low', 'low', 'normal', 'high'] as const;
export type Urgency = (typeof urgencies)[number];

/** One wakeup as central asks for it, with what its datagram says beside the address. */
export type Wakeup = DatagramWords & {
  /** UUIDv7. Repeating it within its life time returns the first result and sends nothing. */
  id: string;
  network: string;
  ip: string;
  port: number;
  protocol: Protocol;
  urgency?: Urgency;
};

/** One wakeup as the gateway reads it: its id is proved, everything else is judged by the policy. */
export interface WakeupClaim {
  id: string;
  network: unknown;
  ip: unknown;
  port: unknown;
  protocol: unknown;
  urgency: unknown;
  nonce?: unknown;
  auth?: unknown;
}

/** `triggered`: it left the gateway, never that it arrived. `deferred`: not now, the same id may try again. */
export const outcomes = ['triggered', 'refused', 'deferred', 'failed'] as const;
export type Outcome = (typeof outcomes)[number];

export interface WakeupResult {
  id: string;
  outcome: Outcome;
  reason?: string;
  retryAfterMs?: number;
}

/**
 * What a network said against a wakeup after it had left: nobody listens there (ICMP port unreachable, or a TCP
 * reset). Told only of targets that an earlier wakeup of the same central had seemed to reach.
 */
export interface WakeupSign {
  /** Of the wakeup. */
  id: string;
  sign: 'unreachable';
}

/** What a gateway serves, as `GET /v1/networks` tells one central. */
export interface ServedNetwork {
  /** MCC-MNC. */
  network: string;
  netid: string;
  ranges: string[];
  protocols: Protocol[];
  /** Each `<first>-<last>`. Absent: any port, as far as one can know. */
  ports?: string[];
  online: boolean;
}

export interface PortRange {
  first: number;
  last: number;
}

/** Reads `<first>-<last>`, both from 1 to 65535. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^([0-9]{1,5})-([0-9]{1,5})$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  return first >= 1 && first <= last && last <= 65535 ? { first, last } : undefined;
}

/** Reads the body of `POST /v1/wakeups`. Throws `bad-request` naming the place, never the value. */
export function parseWakeups(body: Uint8Array): WakeupClaim[] {
  const { wakeups } = parseObject(body, 'the body');
  if (!Array.isArray(wakeups)) throw bad('wakeups must be an array');
  if (wakeups.length > wakeupsPerRequestMax) {
    throw bad(
      `wakeups has more than ${wakeupsPerRequestMax} items; send the rest in another request`,
    );
  }
  return wakeups.map((item: unknown, i) => {
    if (!isObject(item)) throw bad(`wakeups[${i}] must be an object`);
    const { id, network, ip, port, protocol, urgency, nonce, auth } = item;
    if (!isUuidV7(id)) throw bad(`wakeups[${i}].id must be a UUIDv7`);
    return { id: id.toLowerCase(), network, ip, port, protocol, urgency, nonce, auth };
  });
}

/** Reads the answer to `POST /v1/wakeups`. Throws `bad-request`. */
export function parseResults(body: Uint8Array): WakeupResult[] {
  const { results } = parseObject(body, 'the answer');
  if (!Array.isArray(results)) throw bad('results must be an array');
  return results.map((item: unknown, i) => {
    if (!isObject(item) || typeof item.id !== 'string') throw bad(`results[${i}] has no id`);
    const outcome = outcomes.find((known) => known === item.outcome);
    if (outcome === undefined) throw bad(`results[${i}] has no known outcome`);
    const result: WakeupResult = { id: item.id, outcome };
    if (typeof item.reason === 'string') result.reason = item.reason;
    if (isWait(item.retryAfterMs)) result.retryAfterMs = item.retryAfterMs;
    return result;
  });
}

/** Reads the answer to `GET /v1/signs`; signs of a kind that is not known are left out. Throws `bad-request`. */
export function parseSigns(body: Uint8Array): WakeupSign[] {
  const { signs } = parseObject(body, 'the answer');
  if (!Array.isArray(signs)) throw bad('signs must be an array');
  return signs.slice(0, signsPerAnswerMax).flatMap((item: unknown, i): WakeupSign[] => {
    if (!isObject(item) || typeof item.id !== 'string') throw bad(`signs[${i}] has no id`);
    return item.sign === 'unreachable' ? [{ id: item.id, sign: item.sign }] : [];
  });
}

/** Reads the answer to `GET /v1/networks`. Throws `bad-request`. */
export function parseNetworks(body: Uint8Array): ServedNetwork[] {
  const { networks } = parseObject(body, 'the answer');
  if (!Array.isArray(networks)) throw bad('networks must be an array');
  return networks.map((item: unknown, i) => {
    if (!isObject(item)) throw bad(`networks[${i}] must be an object`);
    const { network, netid, ranges, online } = item;
    if (typeof network !== 'string' || typeof netid !== 'string' || typeof online !== 'boolean') {
      throw bad(`networks[${i}] needs network, netid and online`);
    }
    const served = Array.isArray(item.protocols) ? item.protocols : [];
    return {
      network,
      netid,
      online,
      ranges: texts(ranges),
      protocols: protocols.filter((protocol) => served.includes(protocol)),
      ...(item.ports === undefined ? {} : { ports: portRanges(item.ports) }),
    };
  });
}

function parseObject(body: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new CodedError('bad-request', `${what} is not JSON in UTF-8`, { cause });
  }
  if (!isObject(value)) throw bad(`${what} must be a JSON object`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON has numbers that no timer takes: 1e999 is Infinity, and a wait beyond 24 days ends at once. */
function isWait(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= retryAfterMsMax;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

/** Ports that cannot be read are not served: only a network without the member takes any. */
function portRanges(value: unknown): string[] {
  return texts(value)
    .slice(0, portRangesMax)
    .filter((text) => parsePortRange(text) !== undefined);
}

function bad(detail: string): CodedError {
  return new CodedError('bad-request', detail);
}
