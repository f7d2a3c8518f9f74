// What a handset can be told at its start, with the default of each limit, checked before anything is opened.
import { X509Certificate } from 'node:crypto';
import { parseAddress } from '../shared/address.js';
import { type Clock, systemClock } from '../shared/clock.js';
import { CodedError } from '../shared/errors.js';
import { networkKey } from '../shared/network.js';
import { type Protocol, protocols } from '../shared/wakeup/request.js';
import { channelIdCharsMax } from './messages.js';

/** Limits and times, all in the unit their name ends with. */
export interface HandsetLimits {
  /** The first wait after a loss is at most this; it doubles with each further loss. */
  backoffBaseMs: number;
  backoffCapMs: number;
  /** After a close 1012 or 1013, which a whole crowd hears at once, even the first wait may be this long. */
  crowdSpreadMs: number;
  /** A server that names the time of our return is believed up to this; half of it may come on top, as jitter. */
  retryAfterMaxMs: number;
  /** From dialling to the answer to hello. */
  connectTimeoutMs: number;
  /** For the answer to register, unregister and a keep-alive. */
  requestTimeoutMs: number;
  /** Silence of the server after which the handset asks for a sign of life. */
  pingIntervalMs: number;
  /** Sleep after which it reconnects by itself, so that the server does not forget its address. */
  refreshMs: number;
  /** A wakeup this shortly before a close 4774 was meant for the sleep that the close begins. */
  wakeOverlapMs: number;
  /** Nonces returned in a minute; more are ignored. */
  proofsPerMinuteMax: number;
  /** How long a TCP wakeup may take to say its line. */
  wakeReadMs: number;
  wakeConnectionsMax: number;
  /** How long a goodbye may take. Real time, as it is the WebSocket library that waits. */
  closeTimeoutMs: number;
  /** Channels of one handset; their list has to fit into a hello of 20 KiB. */
  channelsMax: number;
  /** Longest frame taken from the server. */
  frameBytesMax: number;
}

export const defaultLimits: HandsetLimits = {
  backoffBaseMs: 1_000,
  backoffCapMs: 60_000,
  crowdSpreadMs: 10_000,
  retryAfterMaxMs: 3_600_000,
  connectTimeoutMs: 30_000,
  requestTimeoutMs: 10_000,
  pingIntervalMs: 30 * 60_000,
  refreshMs: 6 * 3_600_000,
  wakeOverlapMs: 2_000,
  proofsPerMinuteMax: 10,
  wakeReadMs: 5_000,
  wakeConnectionsMax: 16,
  closeTimeoutMs: 2_000,
  channelsMax: 256,
  frameBytesMax: 1024 * 1024,
};

export interface HandsetOptions extends Partial<HandsetLimits> {
  /** The notification server: a `ws:` or `wss:` URL. */
  central: string;
  /** The mobile network this handset is in. Without it nobody can wake the handset, and it never listens. */
  network?: { mcc: string; mnc: string; netid?: string | undefined } | undefined;
  /** Where to listen for wakeups, and what to announce. Default: this host's address on the route to central. */
  ip?: string | undefined;
  /** Default 0: a free one. */
  port?: number | undefined;
  /** Default udp. */
  protocol?: Protocol | undefined;
  /** Default true: returns the nonces of wakeups, so that the server knows of wakeups that arrive. */
  proof?: boolean | undefined;
  /** Default true: asks for signed wakeups, and ignores forged and repeated ones where the server signs. */
  auth?: boolean | undefined;
  /** From an earlier run. */
  uaid?: string | undefined;
  /** All channels of that uaid. When only the uaid is given, the server's list stands. */
  channelIDs?: readonly string[] | undefined;
  /** Certificates to trust instead of the system's, in PEM. */
  ca?: string | Buffer | undefined;
  clock?: Clock | undefined;
  /** From 0 to less than 1, as `Math.random`: the jitter. */
  random?: (() => number) | undefined;
}

export interface HandsetSettings extends HandsetLimits {
  central: string;
  network: { mcc: string; mnc: string; netid?: string } | undefined;
  ip: string | undefined;
  port: number;
  protocol: Protocol;
  proof: boolean;
  auth: boolean;
  uaid: string | undefined;
  channelIDs: readonly string[] | undefined;
  ca: string | Buffer | undefined;
  clock: Clock;
  random: () => number;
}

/** Timers of Node end early beyond twice this, and a jitter comes on top of a wait. */
const timerMsMax = 2 ** 30;

/** Checks the options and fills in the defaults. Throws a CodedError `bad-option` that names the option. */
export function readOptions(options: HandsetOptions): HandsetSettings {
  const { network, ip, port = 0, protocol = 'udp', channelIDs } = options;
  if (!isWebSocketUrl(options.central))
    throw bad('central', 'a ws: or wss: URL without a fragment');
  if (network && networkKey(network.mcc, network.mnc, network.netid) === undefined) {
    throw bad('network', 'mcc of 3 digits, mnc of 2 or 3, and a netid of letters, digits and ._:-');
  }
  if (ip !== undefined && !parseAddress(ip)) throw bad('ip', 'an IPv4 or IPv6 address');
  if (!isWhole(port, 0, 65535)) throw bad('port', 'a whole number from 0 to 65535');
  if (!protocols.includes(protocol)) throw bad('protocol', protocols.join(' or '));
  if (options.ca !== undefined && !isCertificate(options.ca)) throw bad('ca', 'a PEM certificate');
  if (options.uaid === '') throw bad('uaid', 'the text that the server gave');
  const limits = readLimits(options);
  if (channelIDs && channelIDs.length > limits.channelsMax) {
    throw bad('channelIDs', `at most channelsMax (${limits.channelsMax}) channels`);
  }
  channelIDs?.forEach(checkChannelID);
  return {
    ...limits,
    central: options.central,
    network: network && { mcc: network.mcc, mnc: network.mnc, ...netidOf(network.netid) },
    ip: parseAddress(ip)?.text,
    port,
    protocol,
    proof: options.proof ?? true,
    auth: options.auth ?? true,
    uaid: options.uaid,
    channelIDs,
    ca: options.ca,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

/** What is not of the protocol at all; whether an id pleases the server is the server's to say. */
export function checkChannelID(channelID: string): void {
  if (channelID.length > 0 && channelID.length <= channelIdCharsMax) return;
  throw bad('channelID', `1 to ${channelIdCharsMax} characters, such as a UUID`);
}

function readLimits(options: HandsetOptions): HandsetLimits {
  const limits = { ...defaultLimits };
  for (const name of Object.keys(defaultLimits) as (keyof HandsetLimits)[]) {
    const value = options[name] ?? defaultLimits[name];
    if (!isWhole(value, 1, timerMsMax)) throw bad(name, 'a whole number above 0');
    limits[name] = value;
  }
  return limits;
}

function isWebSocketUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hash } = new URL(text);
  // RFC 6455 section 3: no fragment.
  return (protocol === 'ws:' || protocol === 'wss:') && hash === '';
}

function isCertificate(pem: string | Buffer): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    // Whatever else it is, it cannot be trusted for anything.
    return false;
  }
}

function netidOf(netid: string | undefined): { netid?: string } {
  return netid ? { netid } : {};
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function bad(option: string, wanted: string): CodedError<'bad-option'> {
  return new CodedError('bad-option', `${option}: must be ${wanted}`);
}
