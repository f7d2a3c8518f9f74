// Requests that offer an upgrade which is none of ours, over real sockets.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import t, { type Test } from 'tap';
import { createPublicServer } from '../../central/server.js';
import { sampleConnections } from '../support/central-samples.js';

async function exchange(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(request);
  await once(socket, 'close');
  return answer;
}

async function serverFor(
  t: Test,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
  onUpgrade: (request: IncomingMessage, tcp: Duplex) => void,
): Promise<number> {
  const server = createPublicServer({
    ...{ tls: undefined, onRequest, connections: sampleConnections() },
    onUpgrade: (request, tcp) => {
      onUpgrade(request, tcp);
      return false;
    },
  });
  t.teardown(() => server.close(0));
  return Number(new URL(await server.open({ host: '127.0.0.1', port: 0 })).port);
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => response.end(`${request.method} ${request.url} ${body}`));
}

t.test('a PUT that offers h2c is answered as if it had not', async (t) => {
  const port = await serverFor(t, echo, () => t.fail('taken for a device'));
  const head =
    'PUT /v1/notify/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n' +
    'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 9\r\n\r\n';
  t.match(await exchange(port, `${head}version=1`), /200 OK[\s\S]*PUT \/v1\/notify\/x version=1$/);
});

t.test('a WebSocket upgrade goes to the devices', async (t) => {
  const onRequest = () => t.fail('taken for a request');
  const port = await serverFor(t, onRequest, (_request, tcp) => void tcp.end('taken'));
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  t.equal(await exchange(port, head), 'taken');
});
