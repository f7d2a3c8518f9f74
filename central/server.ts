// Central's public listener: one HTTP(S) server for app servers and for devices' upgrades.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { closeServer, type ListenAddress, listen } from '../shared/http.js';
import type { TlsMaterial } from '../shared/key-files.js';
import type { Connections } from './connections.js';
import { isWebSocket, readAgain } from './upgrade.js';

export interface PublicServer {
  open(where: ListenAddress): Promise<string>;
  /** Takes a renewed certificate; connections that are open keep theirs. */
  setTls(tls: TlsMaterial): void;
  close(deadlineMs: number): Promise<void>;
}

export function createPublicServer(options: {
  tls: TlsMaterial | undefined;
  onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Tells whether it became a device's socket. */
  onUpgrade: (request: IncomingMessage, tcp: Duplex, head: Buffer) => boolean;
  connections: Connections;
  /** How long a handshake may take, and the head of a request. */
  patienceMs?: number;
}): PublicServer {
  const { tls, onRequest, onUpgrade, connections, patienceMs = 10_000 } = options;
  // A peer that is slow on purpose, or says nothing, holds a connection no longer than this.
  const timeouts = {
    headersTimeout: patienceMs,
    requestTimeout: 1.5 * patienceMs,
    // Node looks for those that took too long every 30 s unless it is told otherwise.
    connectionsCheckingInterval: Math.min(patienceMs, 1_000),
    keepAliveTimeout: 60_000,
  };
  const server = tls
    ? createTlsServer(
        { ...timeouts, handshakeTimeout: patienceMs, ...tls, minVersion: 'TLSv1.2' },
        onRequest,
      )
    : createServer(timeouts, onRequest);
  server.on('connection', connections.enter);
  server.on('upgrade', (request, tcp, head) => {
    if (!isWebSocket(request)) readAgain(server, { request, tcp, head });
    else if (onUpgrade(request, tcp, head)) connections.leave(request.socket);
  });
  return {
    open: (where) => listen(server, where, tls ? 'https' : 'http'),
    setTls: (next) => {
      if (tls) (server as TlsServer).setSecureContext({ ...next, minVersion: 'TLSv1.2' });
    },
    close: (deadlineMs) => closeServer(server, deadlineMs),
  };
}
