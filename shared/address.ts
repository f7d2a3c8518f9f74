// Addresses as numbers: one canonical form before anything is compared, and prefixes as (base, mask).
// `contains` is on the hot path: it allocates nothing.
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A parsed address: 32-bit words, most significant first; one for IPv4, four for IPv6. `text` is canonical (RFC 5952). */
export interface Address {
  family: 4 | 6;
  words: readonly number[];
  text: string;
}

/** A CIDR prefix: an address is inside when `(word & mask) === base` for each word. */
export interface Prefix {
  family: 4 | 6;
  base: readonly number[];
  mask: readonly number[];
  bits: number;
  text: string;
}

/** Reads an address in its strict text form: no zone, no port, no short or octal IPv4 form. Never throws. */
export function parseAddress(text: unknown): Address | undefined {
  if (typeof text !== 'string') return undefined;
  if (isIPv4(text)) return { family: 4, words: [wordOfIPv4(text)], text };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const groups = groupsOf(text);
  const canonical = new ipaddr.IPv6(groups).toRFC5952String();
  return { family: 6, words: wordsOf(groups), text: canonical };
}

/** Reads `10.0.0.0/8` or `fd12::/48`. Host bits must be zero, so that a range is what it looks like. */
export function parsePrefix(text: string): Prefix | 'malformed' | 'host-bits' {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const suffix = slash < 0 ? undefined : text.slice(slash + 1);
  if (!address) return 'malformed';
  const size = address.family === 4 ? 32 : 128;
  if (suffix !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(suffix)) return 'malformed';
  const bits = suffix === undefined ? size : Number(suffix);
  if (bits > size) return 'malformed';
  const mask = maskOf(address.words.length, bits);
  const hasHostBits = address.words.some((word, i) => (word & ~(mask[i] ?? 0)) !== 0);
  if (hasHostBits) return 'host-bits';
  return {
    family: address.family,
    base: address.words,
    mask,
    bits,
    text: `${address.text}/${bits}`,
  };
}

/** Like `parsePrefix`, for prefixes written in the code itself: throws on a bad one. */
export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (typeof parsed === 'string') throw new Error(`${text}: ${parsed}`);
  return parsed;
}

export function contains(range: Prefix, address: Address): boolean {
  if (range.family !== address.family) return false;
  for (let i = 0; i < address.words.length; i++) {
    if (((address.words[i] ?? 0) & (range.mask[i] ?? 0)) !== (range.base[i] ?? 0)) return false;
  }
  return true;
}

export function containsAny(ranges: readonly Prefix[], address: Address): boolean {
  for (const range of ranges) if (contains(range, address)) return true;
  return false;
}

/** Whether `inner` lies wholly inside `outer`. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  const first: Address = { family: inner.family, words: inner.base, text: inner.text };
  return outer.bits <= inner.bits && contains(outer, first);
}

/** The highest address of an IPv4 range of /30 or larger: its directed broadcast (RFC 919). */
export function isBroadcastOf(range: Prefix, address: Address): boolean {
  if (range.family !== 4 || address.family !== 4 || range.bits > 30) return false;
  return contains(range, address) && ((address.words[0] ?? 0) | (range.mask[0] ?? 0)) === -1;
}

/** What one subscriber has: an IPv4 address, or the /64 around an IPv6 one (RFC 6177). Limits count by it. */
export function subscriberOf(address: string): string {
  const parsed = address.includes(':') ? parseAddress(address) : undefined;
  return parsed ? `${parsed.words[0]}:${parsed.words[1]}` : address;
}

/** `host:port` as URLs and the wakeup payload write it: IPv6 in brackets. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** An address fit for a log line: the first half of it, never the whole (`10.1.x.x`, `fd12:3456:7::x`). */
export function cutAddress(text: string): string {
  if (isIPv4(text)) return `${text.split('.').slice(0, 2).join('.')}.x.x`;
  if (!isIPv6(text) || text.includes('%')) return 'x';
  const groups = groupsOf(text).slice(0, 3);
  return `${groups.map((group) => group.toString(16)).join(':')}::x`;
}

function wordOfIPv4(text: string): number {
  let word = 0;
  let octet = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      word = (word << 8) | octet;
      octet = 0;
    } else octet = octet * 10 + code - 48;
  }
  return (word << 8) | octet;
}

/** The eight groups of a valid IPv6 text. ipaddr.js would read `::10.1.2.3` as the mapped `::ffff:10.1.2.3`. */
function groupsOf(text: string): number[] {
  const gap = text.indexOf('::');
  if (gap < 0) return groupsIn(text);
  const head = groupsIn(text.slice(0, gap));
  const tail = groupsIn(text.slice(gap + 2));
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail];
}

function groupsIn(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const word = wordOfIPv4(group);
    return [word >>> 16, word & 0xffff];
  });
}

function wordsOf(groups: readonly number[]): number[] {
  const words: number[] = [];
  for (let i = 0; i < 8; i += 2) words.push(((groups[i] ?? 0) << 16) | (groups[i + 1] ?? 0));
  return words;
}

function maskOf(wordCount: number, bits: number): number[] {
  return Array.from({ length: wordCount }, (_, i) => {
    const own = Math.min(Math.max(bits - i * 32, 0), 32);
    return own === 0 ? 0 : -1 << (32 - own);
  });
}
