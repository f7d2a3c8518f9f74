// A central as the gateway sees one: signs requests as the profile says, or on purpose not quite so.
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../shared/clock.js';
import { uuidV7 } from '../../shared/id.js';
import { contentDigest } from '../../shared/wakeup/digest.js';
import type { NamedKey } from '../../shared/wakeup/keys.js';
import { signRequest } from '../../shared/wakeup/profile.js';
import {
  networksPath,
  parseResults,
  parseSigns,
  signsPath,
  type WakeupResult,
  type WakeupSign,
  wakeupsPath,
} from '../../shared/wakeup/request.js';
import {
  type HeaderFields,
  headerFields,
  type SignableMessage,
} from '../../shared/wakeup/signature.js';

/** A request as it goes over the wire; a test may change anything of it after it was signed. */
export interface WireRequest {
  method: string;
  /** Path and query. */
  target: string;
  headers: Record<string, string | string[]>;
  body: Buffer;
}

export interface WireAnswer {
  status: number;
  headers: HeaderFields;
  body: Buffer;
  /** The body as JSON; `undefined` when it is none. */
  json: Record<string, unknown> | undefined;
  /** The problem type without its prefix. */
  problem: string | undefined;
  request: WireRequest;
}

export interface SendOptions {
  method?: string;
  target?: string;
  body?: string | Buffer;
  contentType?: string;
  /** When the request says it was made; by default now. */
  nowMs?: number;
  /** Changes the request after it was signed. */
  alter?: (request: WireRequest) => void;
}

export interface Caller {
  authority: string;
  /** Builds and signs a request without sending it. */
  signed(options?: SendOptions): WireRequest;
  /** Sends a request as it is. */
  sendWire(request: WireRequest): Promise<WireAnswer>;
  send(options?: SendOptions): Promise<WireAnswer>;
  /** Sends wakeups and reads their results. */
  wake(...wakeups: Record<string, unknown>[]): Promise<WakeupResult[]>;
  networks(): Promise<WireAnswer>;
  signs(): Promise<WakeupSign[]>;
  close(): void;
}

export interface CallerOptions {
  url: string;
  keys: readonly NamedKey[];
  clock: Clock;
  tls?: { ca: string; key?: string; cert?: string };
}

/** A wakeup that the base configuration lets through, with a new id. */
export function wakeup(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const id = uuidV7(Date.now());
  return { id, network: '214-07', ip: '127.0.0.1', port: 40_000, protocol: 'udp', ...changes };
}

export function createCaller({ url, keys, clock, tls }: CallerOptions): Caller {
  const { protocol, host, hostname, port } = new URL(url);
  const isTls = protocol === 'https:';
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, ...tls })
    : new HttpAgent({ keepAlive: true });
  const start = isTls ? httpsRequest : httpRequest;

  function signed(options: SendOptions = {}): WireRequest {
    const { method = 'POST', target = wakeupsPath, contentType = 'application/json' } = options;
    const body = Buffer.from(options.body ?? '{"wakeups":[]}');
    const wire: WireRequest = { method, target, body, headers: { host } };
    if (method !== 'GET') wire.headers['content-type'] = contentType;
    wire.headers['content-digest'] = contentDigest(body);
    Object.assign(wire.headers, signRequest(signableOf(wire), keys, options.nowMs ?? clock.now()));
    options.alter?.(wire);
    return wire;
  }

  function sendWire(wire: WireRequest): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      const { method, target: path, body } = wire;
      const hasBody = method !== 'GET' && method !== 'HEAD';
      const headers = {
        ...wire.headers,
        ...(hasBody && { 'content-length': String(body.length) }),
      };
      const request = start({
        hostname: hostname.replace(/^\[|\]$/g, ''),
        port,
        agent,
        method,
        path,
        headers,
        setHost: false,
      });
      answerTo(request, wire).then(resolve, reject);
      request.end(hasBody ? body : undefined);
    });
  }

  const send = (options: SendOptions = {}) => sendWire(signed(options));
  return {
    authority: host,
    signed,
    sendWire,
    send,
    async wake(...wakeups) {
      const answer = await send({ body: JSON.stringify({ wakeups }) });
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
      return parseResults(answer.body);
    },
    networks: () => send({ method: 'GET', target: networksPath, body: '' }),
    async signs() {
      return parseSigns((await send({ method: 'GET', target: signsPath, body: '' })).body);
    },
    close: () => agent.destroy(),
  };
}

function answerTo(request: ClientRequest, wire: WireRequest): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        const json = jsonOf(body);
        resolve({
          status: response.statusCode ?? 0,
          headers: headerFields(response.rawHeaders),
          body,
          json,
          problem:
            typeof json?.type === 'string'
              ? json.type.replace('urn:reveille:problem:', '')
              : undefined,
          request: wire,
        });
      });
    });
  });
}

/** A request as its signature sees it. */
export function signableOf({ method, target, headers }: WireRequest): SignableMessage {
  const [path = '', query] = target.split(/\?(.*)/s);
  const fields = Object.entries(headers).map(([name, value]) => [name, [value].flat()] as const);
  const host = [headers.host].flat()[0];
  return {
    method,
    path,
    query: `?${query ?? ''}`,
    headers: new Map(fields),
    ...(host !== undefined && { authority: host.toLowerCase() }),
  };
}

function jsonOf(body: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    // Pages and plain texts are answers too.
    return undefined;
  }
}
