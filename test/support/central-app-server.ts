// An app server as a test wants it: whole requests, or bytes as they are.
import { once } from 'node:events';
import { type Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request on a connection of its own, or on the agent's. */
export async function ask(
  url: string,
  options: { method?: string; body?: string | Uint8Array; headers?: object; agent?: Agent } = {},
): Promise<Reply> {
  const { method = 'PUT', body, headers, agent = false } = options;
  // Node frames the body of a DELETE only when its length is told.
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const isChunked = headers !== undefined && 'transfer-encoding' in headers;
  const allHeaders = { ...(isChunked ? {} : length), ...headers };
  const request = httpRequest(url, { method, agent, headers: allHeaders });
  request.end(body);
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, body: text };
}

/** Writes parts one after the other, each once the one before is on its way; resolves to all that comes back. */
export async function exchange(port: number, ...parts: (string | Uint8Array)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  for (const part of parts) await new Promise((done) => socket.write(part, done));
  let all = '';
  for await (const chunk of socket.setEncoding('latin1')) all += chunk;
  return all;
}

/** Says a part of a request and leaves: with FIN, or with RST. */
export async function abandon(port: number, part: string, how: 'end' | 'reset'): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  await new Promise((done) => socket.write(part, done));
  if (how === 'reset') socket.resetAndDestroy();
  else socket.destroySoon();
  await once(socket, 'close');
}
