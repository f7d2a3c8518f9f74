// The admin listener of a program: metrics, health, readiness, and what else it offers its own operators.
import { createServer, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Registry } from 'prom-client';
import { messageOf } from './errors.js';
import {
  type Answer,
  closeServer,
  isLoopbackHost,
  json,
  type ListenAddress,
  listen,
  pathOf,
  send,
  text,
} from './http.js';
import type { Log } from './log.js';
import { traces } from './traces.js';

/** Why a program cannot do its job now; `undefined` when it can. */
export type Readiness = () => string | undefined;

/** An operator's page or command: `GET /networks` → handler. */
export type AdminRoutes = Record<string, (request: IncomingMessage) => Promise<Answer>>;

export interface Admin {
  url: string;
  close(deadlineMs: number): Promise<void>;
}

/**
 * Opens the admin listener: plain HTTP, for it belongs on loopback or a management network. On loopback a request
 * must name it by an address, `localhost` or the host it was configured with; another name may be that of a site
 * that has an operator's browser ask here (DNS rebinding).
 */
export async function openAdmin(options: {
  listen: ListenAddress;
  registry: Registry;
  readiness: Readiness;
  log: Log;
  routes?: AdminRoutes;
}): Promise<Admin> {
  const { registry, readiness, log } = options;
  const routes: AdminRoutes = {
    'GET /metrics': async () => text(200, await registry.metrics(), registry.contentType),
    'GET /healthz': async () => text(200, 'ok\n'),
    'GET /readyz': async () => {
      const reason = readiness();
      return reason === undefined ? text(200, 'ready\n') : text(503, `${reason}\n`);
    },
    ...options.routes,
  };
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const isForUs = isOwnName(request.headers.host, options.listen);
    (isForUs ? answer(routes, request) : misdirected())
      .catch((error: unknown) => {
        log(traces.taskFailed, { task: 'admin', error: messageOf(error) });
        return text(500, 'failed; the log says why\n');
      })
      .then((result) => send(response, result));
  });
  const url = await listen(server, options.listen, 'http');
  return { url, close: (deadlineMs) => closeServer(server, deadlineMs) };
}

function isOwnName(authority: string | undefined, { host }: ListenAddress): boolean {
  // A browser always names a host; a probe in HTTP/1.0 may not.
  if (authority === undefined || !isLoopbackHost(host)) return true;
  const name = authority.replace(/:[0-9]*$/, '').toLowerCase();
  return isIP(unbracketed(name)) > 0 || name === 'localhost' || name === host.toLowerCase();
}

function unbracketed(name: string): string {
  return name.replace(/^\[(.*)\]$/, '$1');
}

async function misdirected(): Promise<Answer> {
  return text(421, 'use the address of this listener, or the name it was configured with\n');
}

async function answer(routes: AdminRoutes, request: IncomingMessage): Promise<Answer> {
  const path = pathOf(request);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const handle = routes[`${method} ${path}`];
  if (handle) return handle(request);
  const allowed = Object.keys(routes).filter((route) => route.endsWith(` ${path}`));
  if (allowed.length === 0)
    return text(404, `not found; there is ${Object.keys(routes).join(', ')}\n`);
  const allow = allowed.map((route) => route.split(' ')[0]).join(', ');
  return json(405, { error: `use ${allow}` }, { allow });
}
