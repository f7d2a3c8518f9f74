// What an address says about who pages: its handset, and the neighbours that are likely to be paged in the same
// place. An operator gives a handset one IPv4 address, or a whole /64 (RFC 6459).
import type { Address } from './address.js';

/** The handset behind an address: itself, or its /64. */
export function handsetOf(address: Address, port: number): string {
  // Loopback is for development: there many handsets share an address, and each has its port.
  if (isLoopback(address)) return `${address.text} ${port}`;
  if (address.family === 4) return address.text;
  return `${address.words[0]}:${address.words[1]}`;
}

/** The 256 handsets around one: a /24, or the /56 that holds as many /64s. None on loopback. */
export function prefixOf(address: Address): string | undefined {
  if (isLoopback(address)) return undefined;
  const [first = 0, second = 0] = address.words;
  return address.family === 4 ? String(first & ~0xff) : `${first}:${second & ~0xff}`;
}

function isLoopback({ family, words, text }: Address): boolean {
  return family === 4 ? (words[0] ?? 0) >>> 24 === 127 : text === '::1';
}
