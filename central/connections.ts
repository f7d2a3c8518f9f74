// How many TCP connections the public listener holds that are no devices' sockets: requests of app servers, and
// peers that have yet to say what they want. It knows nothing of what is said on them.
import type { Socket } from 'node:net';
import { containsAny, type Prefix, parseAddress, subscriberOf } from '../shared/address.js';
import { createTally } from '../shared/tally.js';
import { plainAddress } from './peer.js';

export interface ConnectionLimits {
  connectionsMax: number;
  connectionsPerAddressMax: number;
  /** Behind them are many peers: their own addresses have no limit. */
  trustedProxies: readonly Prefix[];
}

export const connectionRefusals = ['connections', 'connections-per-address'] as const;
export type ConnectionRefusal = (typeof connectionRefusals)[number];

export interface Connections {
  /** Counts a connection until it closes, or closes it where there are too many. One it knows is not counted again. */
  enter(tcp: Socket): void;
  /** It is a device's socket from now on, and counted as such. Over TLS this takes the inner socket, too. */
  leave(tcp: Socket): void;
  size(): number;
}

export function createConnections(options: {
  limits: ConnectionLimits;
  countRefused: (why: ConnectionRefusal) => void;
}): Connections {
  const { limits, countRefused } = options;
  /** Whose each connection is, by its ends; `undefined`: a proxy's. At most `connectionsMax`. */
  const subscribers = new Map<string, string | undefined>();
  const perAddress = createTally();

  function refusal(subscriber: string | undefined): ConnectionRefusal | undefined {
    if (subscribers.size >= limits.connectionsMax) return 'connections';
    const ofSubscriber = subscriber === undefined ? 0 : perAddress.of(subscriber);
    return ofSubscriber >= limits.connectionsPerAddressMax ? 'connections-per-address' : undefined;
  }

  function forget(ends: string): void {
    const subscriber = subscribers.get(ends);
    if (subscribers.delete(ends) && subscriber !== undefined) perAddress.remove(subscriber);
  }

  return {
    enter(tcp) {
      const ends = endsOf(tcp);
      if (subscribers.has(ends)) return;
      const subscriber = subscriberBehind(tcp, limits.trustedProxies);
      const why = refusal(subscriber);
      if (why) {
        countRefused(why);
        tcp.destroy();
        return;
      }
      subscribers.set(ends, subscriber);
      if (subscriber !== undefined) perAddress.add(subscriber);
      tcp.once('close', () => forget(ends));
    },
    leave: (tcp) => forget(endsOf(tcp)),
    size: () => subscribers.size,
  };
}

/** The same for a TCP socket and for the TLS socket upon it, and no other connection's while both ends stand. */
function endsOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

function subscriberBehind({ remoteAddress = '' }: Socket, proxies: readonly Prefix[]) {
  const address = parseAddress(plainAddress(remoteAddress));
  // A peer that has left already has no address.
  if (!address || containsAny(proxies, address)) return undefined;
  return subscriberOf(address.text);
}
