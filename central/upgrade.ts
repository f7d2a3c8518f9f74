// Which requests with an Upgrade field are devices, and what becomes of the others. A client may offer an upgrade
// that we do not take, such as h2c (Java's HttpClient does), and is then answered as if it had not
// (RFC 9110 section 7.8). Node hands us every such request as a raw socket, so it is given back to the server.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Server } from '../shared/http.js';

export function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Lets the server read a request again, this time without its offer to upgrade. */
export function readAgain(
  server: Server,
  { request, tcp, head }: { request: IncomingMessage; tcp: Duplex; head: Buffer },
): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? '';
    if (!offerFields.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[i + 1]}`);
  }
  // One request only: what the Connection field said of its end went with the offer.
  lines.push('Connection: close', '', '');
  tcp.unshift(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), head]));
  server.emit(eventOfNewSocket(server), tcp);
}

const offerFields = new Set(['connection', 'upgrade', 'http2-settings']);

// An HTTPS server reads requests from sockets whose handshake is done.
function eventOfNewSocket(server: Server): string {
  return 'setSecureContext' in server ? 'secureConnection' : 'connection';
}
