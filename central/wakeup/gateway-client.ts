// One gateway as central talks to it: signed requests, many wakeups in each, answers verified against its pinned key.
import { Pool } from 'undici';
import type { Clock } from '../../shared/clock.js';
import { CodedError, messageOf } from '../../shared/errors.js';
import { checkContentDigest, contentDigest } from '../../shared/wakeup/digest.js';
import type { NamedKey } from '../../shared/wakeup/keys.js';
import { signRequest, verifyAnswer } from '../../shared/wakeup/profile.js';
import {
  networksPath,
  parseNetworks,
  parseResults,
  parseSigns,
  type ServedNetwork,
  signsPath,
  type Wakeup,
  type WakeupResult,
  type WakeupSign,
  wakeupsPath,
  wakeupsPerRequestMax,
} from '../../shared/wakeup/request.js';
import { fieldValue, headerFields, type SignableMessage } from '../../shared/wakeup/signature.js';

/**
 * `gateway-down`: it answers that it cannot work now, with an HTTP status of 500 or above. `gateway-down-unsigned`:
 * somebody answers so in its place, such as a proxy before it; what became of the request only that one knows.
 */
export const gatewayCodes = [
  'gateway-unreachable',
  'gateway-down',
  'gateway-down-unsigned',
  'gateway-refused',
  'gateway-not-trusted',
  'gateway-busy',
] as const;
export type GatewayError = CodedError<(typeof gatewayCodes)[number]>;

export interface GatewayOptions {
  url: string;
  /** The gateway's public keys: one, or two during a rotation. */
  publicKeys: readonly NamedKey[];
  /** Central's own keys; a request carries a signature by each. */
  signingKeys: readonly NamedKey[];
  tls: { ca?: string; cert?: string; key?: string };
  /** Of one exchange, from its sending on. */
  timeoutMs: number;
  /** How long wakeups gather into one request, and longer while `requestsMax` requests are under way. */
  gatherMs: number;
  /** Wakeups that may wait or be under way; beyond, they fail with `gateway-busy`. */
  wakeupsMax: number;
  clock: Clock;
}

export interface GatewayClient {
  url: string;
  /** What the gateway serves for us. Rejects with a GatewayError. */
  networks(): Promise<ServedNetwork[]>;
  /** What the network said against wakeups of ours lately. Rejects with a GatewayError. */
  signs(): Promise<WakeupSign[]>;
  /** Hands over one wakeup; it travels with others. Rejects with a GatewayError. */
  wake(wakeup: Wakeup): Promise<WakeupResult>;
  close(): Promise<void>;
}

interface Waiting {
  wakeup: Wakeup;
  resolve: (result: WakeupResult) => void;
  reject: (error: GatewayError) => void;
}

/** Requests with wakeups under way at a time, each on a connection of its own. */
const requestsMax = 4;
/** One more, so that asking for networks never waits behind wakeups. */
const connectionsMax = requestsMax + 1;
/** Longest answer taken: 1000 results are a tenth of it. */
const answerBytesMax = 1024 * 1024;

export function createGatewayClient(options: GatewayOptions): GatewayClient {
  const { clock, gatherMs, wakeupsMax } = options;
  const exchange = createExchange(options);
  const gathering: Waiting[] = [];
  /** The wakeups have gathered for long enough and wait for a request to end. */
  let isDue = false;
  let load = 0;
  let requests = 0;
  let closed: Promise<void> | undefined;

  function sendGathered(atATime = requestsMax): void {
    while (gathering.length > 0 && requests < atATime) {
      void sendBatch(gathering.splice(0, wakeupsPerRequestMax));
    }
    isDue = gathering.length > 0;
  }

  async function sendBatch(batch: Waiting[]): Promise<void> {
    requests += 1;
    try {
      const body = JSON.stringify({ wakeups: batch.map(({ wakeup }) => wakeup) });
      settle(batch, parseResults(await exchange.send('POST', wakeupsPath, body)));
    } catch (error) {
      fail(batch, asGatewayError(error));
    } finally {
      requests -= 1;
      if (isDue) sendGathered();
    }
  }

  function settle(batch: Waiting[], results: WakeupResult[]): void {
    load -= batch.length;
    const byId = new Map(results.map((result) => [result.id, result]));
    for (const { wakeup, resolve, reject } of batch) {
      const result = byId.get(wakeup.id);
      if (result) resolve(result);
      else reject(gatewayError('gateway-refused', 'the answer leaves out a wakeup'));
    }
  }

  function fail(batch: Waiting[], error: GatewayError): void {
    // What waits behind a request without an answer would wait in vain: another gateway could be asked meanwhile.
    const isStuck = isDue && error.code === 'gateway-unreachable';
    const unsent = isStuck ? gathering.splice(0) : [];
    load -= batch.length + unsent.length;
    for (const { reject } of batch) reject(error);
    const stuck = gatewayError('gateway-down', 'an earlier request is without an answer');
    for (const { reject } of unsent) reject(stuck);
  }

  async function ask<T>(path: string, parse: (body: Buffer) => T): Promise<T> {
    try {
      return parse(await exchange.send('GET', path, ''));
    } catch (error) {
      throw asGatewayError(error);
    }
  }

  return {
    url: options.url,
    networks: () => ask(networksPath, parseNetworks),
    signs: () => ask(signsPath, parseSigns),
    wake(wakeup) {
      if (load >= wakeupsMax) {
        return Promise.reject(gatewayError('gateway-busy', `${wakeupsMax} wakeups are under way`));
      }
      load += 1;
      return new Promise((resolve, reject) => {
        gathering.push({ wakeup, resolve, reject });
        if (gathering.length === 1) clock.after(gatherMs, () => sendGathered());
      });
    },
    close() {
      // What was taken to be handed over is handed over, all at once: nothing is sent on a pool that closes.
      sendGathered(Number.POSITIVE_INFINITY);
      closed ??= exchange.close();
      return closed;
    },
  };
}

type Answer = SignableMessage & { status: number };

/** Signed HTTP exchanges with one gateway. `send` resolves to the body of a verified 200. */
function createExchange({ url, publicKeys, signingKeys, tls, timeoutMs, clock }: GatewayOptions) {
  const { origin, host } = new URL(url);
  const pool = new Pool(origin, {
    connections: connectionsMax,
    connect: { ...tls, timeout: timeoutMs },
    maxResponseSize: answerBytesMax,
  });

  function signed(method: 'GET' | 'POST', path: string, body: string): SignableMessage {
    const headers = new Map<string, string[]>();
    if (method === 'POST') headers.set('content-type', ['application/json']);
    headers.set('content-digest', [contentDigest(Buffer.from(body))]);
    const request = { method, authority: host, path, query: '?', headers };
    const fields = signRequest(request, signingKeys, clock.now());
    for (const [name, value] of Object.entries(fields)) headers.set(name, [value]);
    return request;
  }

  async function send(method: 'GET' | 'POST', path: string, body: string): Promise<Buffer> {
    const request = signed(method, path, body);
    const headers = Object.fromEntries(
      [...request.headers].map(([name, [line]]) => [name, line ?? '']),
    );
    const response = await pool.request({
      method,
      path,
      headers,
      body: method === 'POST' ? body : null,
      responseHeaders: 'raw',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const received = Buffer.from(await response.body.arrayBuffer());
    const raw = response.headers as unknown as Buffer[] | string[];
    const answer = { status: response.statusCode, headers: headerFields(raw.map(String)) };
    await trust(answer, received, request);
    if (answer.status === 200) return received;
    const code = answer.status >= 500 ? 'gateway-down' : 'gateway-refused';
    throw gatewayError(code, problemOf(answer.status, received));
  }

  async function trust(answer: Answer, body: Buffer, request: SignableMessage) {
    const digest = checkContentDigest(fieldValue(answer.headers, 'content-digest'), body);
    const isTrusted =
      digest === 'ok' &&
      (await verifyAnswer({ message: answer, request, keys: publicKeys, nowMs: clock.now() }));
    if (isTrusted) return;
    const isDown = answer.status >= 500;
    const advice = isDown
      ? 'is the gateway behind its proxy up? Else check publicKeyFile, and the clocks of both machines'
      : 'check publicKeyFile, and the clocks of both machines';
    throw gatewayError(
      isDown ? 'gateway-down-unsigned' : 'gateway-not-trusted',
      `HTTP ${answer.status} without its signature; ${advice}`,
    );
  }

  return { send, close: () => pool.close() };
}

/** The last part of a problem's type and nothing else of a peer's text. */
function problemOf(status: number, body: Buffer): string {
  try {
    const { type } = JSON.parse(body.toString()) as { type?: unknown };
    const name = typeof type === 'string' ? /[a-z-]+$/.exec(type)?.[0] : undefined;
    return name ? `HTTP ${status} ${name}` : `HTTP ${status}`;
  } catch {
    // An answer that is no problem document still has its status.
    return `HTTP ${status}`;
  }
}

function asGatewayError(error: unknown): GatewayError {
  if (error instanceof CodedError && error.code.startsWith('gateway-'))
    return error as GatewayError;
  return new CodedError('gateway-unreachable', messageOf(error), { cause: error });
}

function gatewayError(code: GatewayError['code'], message: string): GatewayError {
  return new CodedError(code, message);
}
