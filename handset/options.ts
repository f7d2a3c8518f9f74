// What a handset can be told at its start, checked before anything is opened.
import { X509Certificate } from 'node:crypto';
import { parseAddress } from '../shared/address.js';
import { type Clock, systemClock } from '../shared/clock.js';
import { CodedError } from '../shared/errors.js';
import { networkKey } from '../shared/network.js';
import { type Protocol, protocols } from '../shared/wakeup/request.js';
import { type DialectName, dialectNames } from './dialects/dialects.js';
import { defaultLimits, type HandsetLimits } from './limits.js';
import { channelIdCharsMax } from './messages.js';
import { areChannelKeys, type ChannelKeys, isPublicKey } from './push-keys.js';

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
  /** Default simplepush. A server that does not know Web Push is spoken to in Simple Push. */
  dialect?: DialectName | undefined;
  /** Web Push: the public key of the one app server that may send (VAPID), in base64url. */
  key?: string | undefined;
  /** Web Push: `Handset.keys()` of an earlier run, for the channels handed in. */
  keys?: Readonly<Record<string, ChannelKeys>> | undefined;
  /** Default true: returns the nonces of wakeups, so that the server knows of wakeups that arrive. */
  proof?: boolean | undefined;
  /** Default true: asks for signed wakeups, and ignores forged and repeated ones where the server signs. */
  auth?: boolean | undefined;
  /** From an earlier run. */
  uaid?: string | undefined;
  /**
   * All channels of that uaid. When only the uaid is given, the server's list stands; in Web Push there is none then, for
   * without their keys nothing of them can be read.
   */
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
  dialect: DialectName;
  key: string | undefined;
  keys: Readonly<Record<string, ChannelKeys>>;
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
  const { network, ip, port = 0, protocol = 'udp', dialect = 'simplepush' } = options;
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
  if (!dialectNames.includes(dialect)) throw bad('dialect', dialectNames.join(' or '));
  checkKeys(options, dialect);
  const limits = readLimits(options);
  const channelIDs = options.channelIDs ?? (dialect === 'webpush' ? [] : undefined);
  if (channelIDs && channelIDs.length > limits.channelsMax) {
    throw bad('channelIDs', `at most channelsMax (${limits.channelsMax}) channels`);
  }
  for (const channelID of channelIDs ?? []) checkChannelID(channelID, dialect);
  return {
    ...limits,
    central: options.central,
    network: network && { mcc: network.mcc, mnc: network.mnc, ...netidOf(network.netid) },
    ip: parseAddress(ip)?.text,
    port,
    protocol,
    dialect,
    key: options.key,
    keys: options.keys ?? {},
    proof: options.proof ?? true,
    auth: options.auth ?? true,
    uaid: options.uaid,
    channelIDs,
    ca: options.ca,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What is not of the protocol at all; whether an id pleases the server is the server's to say. */
export function checkChannelID(channelID: string, dialect: DialectName): void {
  // Servers of Web Push take nothing else.
  if (dialect === 'webpush' && !uuidPattern.test(channelID)) {
    throw bad('channelID', 'a UUID in lower case with hyphens, in Web Push');
  }
  if (channelID.length > 0 && channelID.length <= channelIdCharsMax) return;
  throw bad('channelID', `1 to ${channelIdCharsMax} characters, such as a UUID`);
}

function checkKeys({ key, keys }: HandsetOptions, dialect: DialectName): void {
  if (dialect !== 'webpush') {
    if (key !== undefined) throw bad('key', 'left out, unless dialect is webpush');
    if (keys !== undefined) throw bad('keys', 'left out, unless dialect is webpush');
  }
  if (key !== undefined && !isPublicKey(key)) {
    throw bad('key', 'a P-256 public key, its uncompressed point in base64url');
  }
  if (keys && !Object.values(keys).every(areChannelKeys)) {
    throw bad('keys', 'by channelID, a P-256 privateKey and an auth of 16 bytes, in base64url');
  }
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
