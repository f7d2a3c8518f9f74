// An operator's gateway as a script: a small HTTP server that checks what central signs and answers as told, signed,
// or in one of the ways a broken gateway would. It wakes nobody.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Clock } from '../../shared/clock.js';
import { checkContentDigest, contentDigest } from '../../shared/wakeup/digest.js';
import type { NamedKey } from '../../shared/wakeup/keys.js';
import {
  freshnessProblem,
  requestComponents,
  signAnswer,
  signatureParams,
} from '../../shared/wakeup/profile.js';
import {
  networksPath,
  parseWakeups,
  type ServedNetwork,
  signsPath,
  type Wakeup,
  type WakeupResult,
  type WakeupSign,
  wakeupsPath,
} from '../../shared/wakeup/request.js';
import {
  coversAll,
  fieldValue,
  headerFields,
  readSignatures,
  type SignableMessage,
  verifyMessage,
} from '../../shared/wakeup/signature.js';

/** How a gateway may fail central. */
export type Misbehaviour =
  | 'unsigned'
  | 'wrong-key'
  | 'answer-of-another-request'
  | 'altered-body'
  | 'silent'
  | 'hang-up'
  | 'endless'
  | { status: number; type?: string; isUnsigned?: true }
  | { body: string };

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** How many of its signatures are by the keys of central, cover what they must and are fresh. */
  validSignatures: number;
  wakeups: Wakeup[];
}

export interface ScriptedGateway {
  url: string;
  /** What `GET /v1/networks` tells; a test may replace it. */
  networks: ServedNetwork[];
  /** What `GET /v1/signs` tells; a test may replace it. */
  signs: WakeupSign[];
  /** The result of one wakeup; `undefined` leaves it out of the answer. A test may replace it. */
  resultOf: (wakeup: Wakeup) => Omit<WakeupResult, 'id'> | undefined;
  /** Asked before each answer; a test may replace it. */
  misbehave: (request: ReceivedRequest) => Misbehaviour | undefined;
  /** Answers to wakeups wait for it; a test may replace it. */
  held: Promise<void> | undefined;
  /** Every wakeup that arrived, in order. */
  wakeups: Wakeup[];
  requests: ReceivedRequest[];
  /** The next `POST /v1/wakeups` that no test has asked for yet. */
  nextBatch(): Promise<Wakeup[]>;
  /** Resolves when this many `GET /v1/networks` came in all. */
  polled(times: number): Promise<void>;
  /** Resolves when this many `GET /v1/signs` came in all. */
  askedForSigns(times: number): Promise<void>;
  close(): Promise<void>;
}

export interface ScriptedGatewayOptions {
  key: NamedKey;
  /** Public keys of central. */
  callers: readonly NamedKey[];
  clock: Clock;
  networks?: ServedNetwork[];
  port?: number;
}

/** A network as a gateway tells of it. */
export function served(changes: Partial<ServedNetwork> = {}): ServedNetwork {
  return {
    network: '214-07',
    netid: '214-07.default',
    ranges: ['10.0.0.0/8', '127.0.0.0/8', 'fd12:3456:7::/48'],
    protocols: ['udp', 'tcp'],
    online: true,
    ...changes,
  };
}

export async function openScriptedGateway(
  t: { teardown(fn: () => unknown): unknown },
  options: ScriptedGatewayOptions,
): Promise<ScriptedGateway> {
  const server = createServer();
  const batches = createQueue<Wakeup[]>();
  const polls = createCounter();
  const signReads = createCounter();
  const gateway: ScriptedGateway = {
    url: '',
    networks: options.networks ?? [served()],
    signs: [],
    resultOf: () => ({ outcome: 'triggered' }),
    misbehave: () => undefined,
    held: undefined,
    wakeups: [],
    requests: [],
    nextBatch: batches.take,
    polled: polls.reached,
    askedForSigns: signReads.reached,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  const answer = createAnswering(gateway, options);
  server.on('request', async (request: IncomingMessage, response: ServerResponse) => {
    const { received, message, body } = await receive(request, options);
    gateway.requests.push(received);
    gateway.wakeups.push(...received.wakeups);
    if (received.path !== wakeupsPath) {
      answer({ received, message, body, response });
      (received.path === signsPath ? signReads : polls).count();
      return;
    }
    batches.put(received.wakeups);
    if (gateway.held) await gateway.held;
    answer({ received, message, body, response });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.teardown(() => gateway.close());
  return gateway;
}

interface Exchange {
  received: ReceivedRequest;
  message: SignableMessage;
  body: Buffer;
  response: ServerResponse;
}

function createAnswering(gateway: ScriptedGateway, { key, clock }: ScriptedGatewayOptions) {
  const strangeKey: NamedKey = { keyid: key.keyid, key: generateKeyPairSync('ed25519').privateKey };
  let previous: SignableMessage | undefined;

  return ({ received, message, response }: Exchange): void => {
    const how = gateway.misbehave(received);
    const another = previous;
    previous = message;
    if (how === 'silent') return;
    if (how === 'hang-up') return void response.destroy();
    const { status, body } = contentOf(gateway, received, how);
    const request = how === 'answer-of-another-request' && another ? another : message;
    const headers = new Map([
      ['content-type', [status === 200 ? 'application/json' : 'application/problem+json']],
      ['content-digest', [contentDigest(Buffer.from(body))]],
    ]);
    const isUnsigned = how === 'unsigned' || (typeof how === 'object' && 'isUnsigned' in how);
    const signature = isUnsigned
      ? {}
      : signAnswer({
          message: { status, headers },
          request,
          requestLabel: 'wakeup',
          key: how === 'wrong-key' ? strangeKey : key,
          nowMs: clock.now(),
        });
    const fields = [...headers].map(([name, [line]]) => [name, line ?? ''] as const);
    response.writeHead(status, { ...Object.fromEntries(fields), ...signature });
    if (how === 'endless') pourInto(response);
    else response.end(how === 'altered-body' ? body.replace('{', '{ ') : body);
  };
}

/** Writes for as long as somebody reads. */
function pourInto(response: ServerResponse): void {
  const chunk = Buffer.alloc(65_536, ' ');
  const pour = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  pour();
}

function contentOf(
  gateway: ScriptedGateway,
  { path, wakeups }: ReceivedRequest,
  how: Misbehaviour | undefined,
): { status: number; body: string } {
  if (typeof how === 'object' && 'body' in how) return { status: 200, body: how.body };
  if (typeof how === 'object') {
    const type = `urn:reveille:problem:${how.type ?? 'draining'}`;
    return { status: how.status, body: JSON.stringify({ type, status: how.status }) };
  }
  if (path === networksPath) {
    return { status: 200, body: JSON.stringify({ networks: gateway.networks }) };
  }
  if (path === signsPath) return { status: 200, body: JSON.stringify({ signs: gateway.signs }) };
  const results = wakeups.flatMap((wakeup) => {
    const result = gateway.resultOf(wakeup);
    return result ? [{ id: wakeup.id, ...result }] : [];
  });
  return { status: 200, body: JSON.stringify({ results }) };
}

async function receive(request: IncomingMessage, { callers, clock }: ScriptedGatewayOptions) {
  const body = await buffer(request);
  const { method = '', url = '/' } = request;
  const message: SignableMessage = {
    method,
    path: url,
    query: '?',
    authority: request.headers.host ?? '',
    headers: headerFields(request.rawHeaders),
  };
  const digest = checkContentDigest(fieldValue(message.headers, 'content-digest'), body);
  let validSignatures = 0;
  for (const found of readSignatures(message.headers)) {
    const { keyid, created, expires, nonce } = signatureParams(found);
    const key = callers.find((caller) => caller.keyid === keyid);
    if (!key || nonce === undefined || digest !== 'ok') continue;
    if (freshnessProblem(created, expires, clock.now()) !== undefined) continue;
    if (!coversAll(found.input, requestComponents(method))) continue;
    if (await verifyMessage(found, key.key, { message })) validSignatures += 1;
  }
  const wakeups = url === wakeupsPath ? (parseWakeups(body) as Wakeup[]) : [];
  const received = { method, path: url, headers: request.headers, validSignatures, wakeups };
  return { received: received satisfies ReceivedRequest, message, body };
}

function createQueue<T>(): { put(item: T): void; take(): Promise<T> } {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put(item) {
      const taker = takers.shift();
      if (taker) taker(item);
      else items.push(item);
    },
    take() {
      const item = items.shift();
      return item === undefined
        ? new Promise((resolve) => takers.push(resolve))
        : Promise.resolve(item);
    },
  };
}

function createCounter(): { count(): void; reached(n: number): Promise<void> } {
  let counted = 0;
  const waiting: { n: number; resolve: () => void }[] = [];
  return {
    count() {
      counted += 1;
      for (const { n, resolve } of waiting) if (counted >= n) resolve();
    },
    reached: (n) =>
      counted >= n ? Promise.resolve() : new Promise((resolve) => waiting.push({ n, resolve })),
  };
}
