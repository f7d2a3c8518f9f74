// Central's public listener: one HTTP(S) server for app servers and for devices' upgrades.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { closeServer, type ListenAddress, listen } from '../shared/http.js';
import type { TlsMaterial } from '../shared/key-files.js';
import { isWebSocket, readAgain } from './upgrade.js';

export interface PublicServer {
  open(where: ListenAddress): Promise<string>;
  /** Takes a renewed certificate; connections that are open keep theirs. */
  setTls(tls: TlsMaterial): void;
  close(deadlineMs: number): Promise<void>;
}

// A peer that is slow on purpose holds a socket no longer than this.
const timeouts = { headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 60_000 };

export function createPublicServer(options: {
  tls: TlsMaterial | undefined;
  onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  onUpgrade: (request: IncomingMessage, tcp: Duplex, head: Buffer) => void;
}): PublicServer {
  const { tls, onRequest, onUpgrade } = options;
  const server = tls
    ? createTlsServer({ ...timeouts, ...tls, minVersion: 'TLSv1.2' }, onRequest)
    : createServer(timeouts, onRequest);
  server.on('upgrade', (request, tcp, head) => {
    if (isWebSocket(request)) onUpgrade(request, tcp, head);
    else readAgain(server, { request, tcp, head });
  });
  return {
    open: (where) => listen(server, where, tls ? 'https' : 'http'),
    setTls: (next) => {
      if (tls) (server as TlsServer).setSecureContext({ ...next, minVersion: 'TLSv1.2' });
    },
    close: (deadlineMs) => closeServer(server, deadlineMs),
  };
}
