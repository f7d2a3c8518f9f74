// The listener of the wakeup API: TLS, or plain on a loopback address; bounded in connections and time.
import { createServer as createHttp, type RequestListener, type ServerOptions } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Server as TlsServer } from 'node:tls';
import { closeServer, type ListenAddress, listen, type Server, send } from '../../shared/http.js';
import type { TlsMaterial } from '../../shared/key-files.js';
import type { Scheme } from '../trust/authority.js';
import type { Router } from './router.js';

export interface ListenerOptions {
  listen: ListenAddress;
  tls: TlsMaterial | undefined;
  connectionsMax: number;
  bodyTimeoutMs: number;
  keepAliveMs: number;
  isDraining: () => boolean;
  onDropped: () => void;
}

export interface Listener {
  scheme: Scheme;
  connections(): number;
  /** Starts to accept; resolves to the URL with the real port. */
  open(router: Router): Promise<string>;
  /** New connections use these; those that stand are left alone. */
  setTls(tls: TlsMaterial): void;
  close(deadlineMs: number): Promise<void>;
}

export function createListener(options: ListenerOptions): Listener {
  const { tls, isDraining } = options;
  let router: Router = async () => undefined;
  let connectionCount = 0;
  let ca = tls?.ca;

  const onRequest: RequestListener = (request, response) => {
    router(request).then(
      (answer) => {
        if (!answer || response.destroyed) return void request.destroy();
        // What is answered last ends its connection, or the end would wait for the caller.
        if (isDraining()) response.shouldKeepAlive = false;
        send(response, answer);
      },
      () => request.destroy(),
    );
  };

  const server = createServer(options, onRequest);
  server.maxConnections = options.connectionsMax;
  server.keepAliveTimeout = options.keepAliveMs;
  server.on('drop', options.onDropped);
  server.on('connection', (socket) => {
    connectionCount += 1;
    socket.once('close', () => {
      connectionCount -= 1;
    });
  });

  return {
    scheme: tls ? 'https' : 'http',
    connections: () => connectionCount,
    open(opened) {
      router = opened;
      return listen(server, options.listen, tls ? 'https' : 'http');
    },
    setTls(next) {
      // Whether a client certificate is asked for was fixed at the start. Without the old certificates to check
      // it against, one of any public authority would do.
      ca = next.ca ?? ca;
      if (tls) (server as TlsServer).setSecureContext(contextOf({ ...next, ...(ca && { ca }) }));
    },
    close: (deadlineMs) => closeServer(server, deadlineMs),
  };
}

function createServer(options: ListenerOptions, onRequest: RequestListener): Server {
  const { tls, bodyTimeoutMs } = options;
  const limits: ServerOptions = {
    requestTimeout: bodyTimeoutMs,
    headersTimeout: bodyTimeoutMs,
    connectionsCheckingInterval: Math.min(bodyTimeoutMs, 1000),
  };
  if (!tls) return createHttp(limits, onRequest);
  const asksForCertificate = tls.ca !== undefined;
  return createHttps(
    {
      ...limits,
      ...contextOf(tls),
      handshakeTimeout: bodyTimeoutMs,
      requestCert: asksForCertificate,
      rejectUnauthorized: asksForCertificate,
    },
    onRequest,
  );
}

function contextOf(tls: TlsMaterial) {
  return { ...tls, minVersion: 'TLSv1.2' as const };
}
