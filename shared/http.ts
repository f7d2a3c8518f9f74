// What every HTTP listener here does alike: read a bounded body, answer in JSON or problem+json, open and close.
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { type AddressInfo, isIPv6 } from 'node:net';
import { hostPort, parseAddress } from './address.js';
import { CodedError } from './errors.js';

export type Server = HttpServer | HttpsServer;

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Where a listener listens: `0.0.0.0:8443`, `[::1]:8080`, `localhost:0`. */
export interface ListenAddress {
  host: string;
  port: number;
  /** A listening socket that this process was given; it is used instead. */
  fd?: number | undefined;
}

const listenPattern = /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/;

/** Reads `host:port`; `undefined` when it is not of that form. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = listenPattern.exec(text);
  if (!match) return undefined;
  const [, bracketed, plain] = match;
  const port = Number(match[3]);
  const host = bracketed ?? plain;
  if (host === undefined || port > 65535) return undefined;
  return bracketed === undefined || isIPv6(bracketed) ? { host, port } : undefined;
}

/** Where a command of this host reaches a listener without TLS. */
export function urlHere({ host, port }: ListenAddress): string {
  // A listener on all addresses is asked on loopback.
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${hostPort(reachable, port)}`;
}

/** Whether only this machine can reach a listener there. */
export function isLoopbackHost(host: string): boolean {
  const address = parseAddress(host);
  if (!address) return host === 'localhost';
  return address.family === 4 ? (address.words[0] ?? 0) >>> 24 === 127 : address.text === '::1';
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(value),
  };
}

export function text(status: number, body: string, type = 'text/plain; charset=utf-8'): Answer {
  return { status, headers: { 'content-type': type, 'cache-control': 'no-store' }, body };
}

/** An HTML page that may load nothing from elsewhere. */
export function page(status: number, html: string): Answer {
  const answer = text(status, html, 'text/html; charset=utf-8');
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  return { ...answer, headers: { ...answer.headers, 'content-security-policy': policy } };
}

/** RFC 9457. `type` becomes `urn:reveille:problem:<type>` and is documented with the API it belongs to. */
export interface Problem {
  status: number;
  type: string;
  title: string;
  /** For the reader of the answer: what to do. Never an address, a token or a key. */
  detail?: string;
  headers?: Record<string, string>;
  /** Extension members (RFC 9457 section 3.2). */
  extra?: Record<string, unknown>;
}

export function problem({ status, type, title, detail, headers, extra }: Problem): Answer {
  const body = { type: `urn:reveille:problem:${type}`, title, status, detail, ...extra };
  return json(status, body, { 'content-type': 'application/problem+json', ...headers });
}

/** Writes an answer. To a HEAD request only its headers. */
export function send(response: ServerResponse, answer: Answer): void {
  // RFC 9110 section 8.6: a 204 has no Content-Length.
  const length = answer.status === 204 ? {} : { 'content-length': Buffer.byteLength(answer.body) };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  response.end(response.req.method === 'HEAD' ? undefined : answer.body);
}

/** The body of a request, or why there is none: more than `bytesMax`, or the peer went away. */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Buffer | 'too-large' | 'aborted'> {
  return new Promise((resolve) => {
    // Its events are over when the peer left before anybody read.
    if (request.destroyed) return resolve('aborted');
    const chunks: Buffer[] = [];
    let size = 0;
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) {
      request.resume();
      resolve('too-large');
      return;
    }
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // The rest is read and dropped, so that the peer reads our answer instead of a reset.
      if (size <= bytesMax) chunks.push(chunk);
      else resolve('too-large');
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', () => resolve('aborted'));
    request.on('close', () => resolve('aborted'));
  });
}

/** Whether a body is declared as JSON, which a form or a script of another web site cannot do. */
export function isJson({ headers }: IncomingMessage): boolean {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1);
  return type.trim().toLowerCase() === 'application/json';
}

/** The path of a request line, without its query. */
export function pathOf(request: IncomingMessage): string {
  const [target = ''] = (request.url ?? '/').split('?', 1);
  // RFC 9112 section 3.2.2: a server takes a whole URL, too, as clients write it to a proxy.
  const whole = /^https?:\/\/[^/]*(.*)$/i.exec(target);
  return whole ? whole[1] || '/' : target;
}

/** Starts listening; resolves to the URL with the real port. Rejects with `cannot-listen` and what to do. */
export function listen(server: Server, where: ListenAddress, scheme: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const place = hostPort(where.host, where.port);
      const why = `cannot listen on ${place} (${cause.code})`;
      const advice = 'stop what holds it or configure another address';
      reject(new CodedError('cannot-listen', `${why}; ${advice}`, { cause }));
    };
    server.once('error', fail);
    const { fd, host, port } = where;
    server.listen(fd === undefined ? { host, port } : { fd }, () => {
      server.off('error', fail);
      const opened = server.address() as AddressInfo;
      const openedHost = fd === undefined ? host : opened.address;
      resolve(`${scheme}://${hostPort(openedHost, opened.port)}`);
    });
  });
}

const idleSweepMs = 50;

/** Stops accepting, lets answers under way end, and cuts what is left after `deadlineMs`. */
export function closeServer(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
    // A kept-alive connection becomes idle when its answer has ended, and tells nobody.
    const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
    server.close(() => {
      clearTimeout(deadline);
      clearInterval(sweep);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** Text as HTML shows it, in content and in quoted attributes. */
export function escapeHtml(value: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return value.replace(/[&<>"']/g, (char) => entities[char] ?? char);
}
