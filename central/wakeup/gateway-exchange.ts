// Signed HTTP exchanges with one gateway: requests carry central's signatures, answers are verified against the gateway's
// pinned key. What goes wrong is told by one of its codes.
import { Pool } from 'undici';
import type { Clock } from '../../shared/clock.js';
import { CodedError, messageOf } from '../../shared/errors.js';
import { checkContentDigest, contentDigest } from '../../shared/wakeup/digest.js';
import type { NamedKey } from '../../shared/wakeup/keys.js';
import { signRequest, verifyAnswer } from '../../shared/wakeup/profile.js';
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

export interface ExchangeOptions {
  url: string;
  /** The gateway's public keys: one, or two during a rotation. */
  publicKeys: readonly NamedKey[];
  /** Central's own keys; a request carries a signature by each. */
  signingKeys: readonly NamedKey[];
  tls: { ca?: string; cert?: string; key?: string };
  /** Of one exchange, from its sending on. */
  timeoutMs: number;
  connectionsMax: number;
  clock: Clock;
}

/** Longest answer taken: 1000 results are a tenth of it. */
const answerBytesMax = 1024 * 1024;

type Answer = SignableMessage & { status: number };

export function createExchange(options: ExchangeOptions) {
  const { url, publicKeys, signingKeys, tls, timeoutMs, connectionsMax, clock } = options;
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

  /** Resolves to the body of a verified 200. */
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

  async function read<T>(sent: Promise<Buffer>, parse: (body: Buffer) => T): Promise<T> {
    try {
      return parse(await sent);
    } catch (error) {
      throw asGatewayError(error);
    }
  }

  return {
    /** Resolves to the answer as `parse` reads it. Rejects with a GatewayError, as `post` does. */
    get: <T>(path: string, parse: (body: Buffer) => T) => read(send('GET', path, ''), parse),
    post: <T>(path: string, body: string, parse: (body: Buffer) => T) =>
      read(send('POST', path, body), parse),
    close: () => pool.close(),
  };
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

export function gatewayError(code: GatewayError['code'], message: string): GatewayError {
  return new CodedError(code, message);
}
