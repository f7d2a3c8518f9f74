// Who a peer is: the other end of TCP or, behind proxies that are trusted, whom they say they speak for.
import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import { containsAny, type Prefix, parseAddress } from '../shared/address.js';

/** The address of a request's peer in its plain form; empty when the peer is gone. */
export type PeerOf = (request: IncomingMessage) => string;

/**
 * Each proxy appends the address it was called from to `X-Forwarded-For`, so that the list is read from its right
 * end, and only as far as the trusted ones have written it: what stands before that is the peer's own word.
 */
export function createPeerOf(trustedProxies: readonly Prefix[]): PeerOf {
  const isTrusted = (address: string): boolean => {
    const parsed = parseAddress(address);
    return parsed !== undefined && containsAny(trustedProxies, parsed);
  };
  return ({ socket, headers }) => {
    let peer = plainAddress(socket.remoteAddress ?? '') ?? '';
    if (trustedProxies.length === 0) return peer;
    const said = String(headers['x-forwarded-for'] ?? '').split(',');
    while (isTrusted(peer)) {
      const before = plainAddress(said.pop()?.trim() ?? '');
      // A list that ends, or says no address, leaves the last one known.
      if (before === undefined) break;
      peer = before;
    }
    return peer;
  };
}

const mappedPrefix = '::ffff:';
// Some proxies add the port.
const withPort = /^(?:\[([^\]]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+)$/;

/** IPv4 addresses as such also where they are mapped into IPv6 (RFC 4291 section 2.5.5.2); no zone, no port. */
export function plainAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (text.startsWith(mappedPrefix) && isIPv4(text.slice(mappedPrefix.length))) {
    return text.slice(mappedPrefix.length);
  }
  const [, bracketed, ported] = withPort.exec(text) ?? [];
  const address = parseAddress((bracketed ?? ported ?? text).replace(/%.*$/, ''));
  if (address?.family !== 6) return address?.text;
  const [first, second, third, last = 0] = address.words;
  const isMapped = first === 0 && second === 0 && third === 0xffff;
  return isMapped ? [24, 16, 8, 0].map((shift) => (last >>> shift) & 255).join('.') : address.text;
}
