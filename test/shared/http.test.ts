// Reading, answering, opening and closing, over real sockets.
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import t from 'tap';
import {
  closeServer,
  escapeHtml,
  isLoopbackHost,
  json,
  listen,
  page,
  parseListen,
  pathOf,
  problem,
  readBody,
  send,
  text,
} from '../../shared/http.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on a free port of loopback, ended with the test. */
async function serve(t: Tap, handler: Handler) {
  const server = createServer(handler);
  await listen(server, { host: '127.0.0.1', port: 0 }, 'http');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { server, port };
}

type Tap = { teardown(fn: () => void): void };

/** Writes bytes to a port and resolves to all that comes back. */
async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  let all = '';
  for await (const chunk of socket.setEncoding('latin1')) all += chunk;
  return all;
}

t.test('host:port is read, an IPv6 host in brackets', async (t) => {
  t.same(parseListen('127.0.0.1:8080'), { host: '127.0.0.1', port: 8080 });
  t.same(parseListen('0.0.0.0:0'), { host: '0.0.0.0', port: 0 });
  t.same(parseListen('[::1]:65535'), { host: '::1', port: 65535 });
  t.same(parseListen('[fe80::1%eth0]:80'), { host: 'fe80::1%eth0', port: 80 });
  t.same(parseListen('localhost:8080'), { host: 'localhost', port: 8080 });
  t.same(parseListen('push_1.example-x:1'), { host: 'push_1.example-x', port: 1 });
});

t.test('what is not of that form is refused', async (t) => {
  const refused = [
    '',
    ':',
    ':8080',
    '8080',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:99999',
    '127.0.0.1:-1',
    '127.0.0.1:8a',
    '127.0.0.1:080800',
    '127.0.0.1:80 ',
    '127.0.0.1:80\n',
    ' 127.0.0.1:80',
    '127.0.0.1 :80',
    '::1:80',
    '[::1]',
    '[::1]80',
    '[]:80',
    '[127.0.0.1]:80',
    '[localhost]:80',
    '[[::1]]:80',
    '[::1:80',
    'http://localhost:80',
    'user@host:80',
    'a/b:80',
    '*:80',
  ];
  for (const bad of refused) t.equal(parseListen(bad), undefined, JSON.stringify(bad));
});

t.test('loopback is what only this machine can reach', async (t) => {
  for (const host of ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1', 'localhost']) {
    t.equal(isLoopbackHost(host), true, host);
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::ffff:127.0.0.1', '127.1', '']) {
    t.equal(isLoopbackHost(host), false, host);
  }
  t.equal(isLoopbackHost('localhost.example'), false);
});

t.test('answers carry their type and are not kept by caches', async (t) => {
  t.same(json(200, { a: 1 }, { allow: 'GET' }), {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', allow: 'GET' },
    body: '{"a":1}',
  });
  t.match(text(503, 'no\n'), { status: 503, headers: { 'content-type': /^text\/plain/ } });
  t.match(page(200, '<p>'), {
    headers: {
      'content-type': /^text\/html/,
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    },
  });
});

t.test('a problem is problem+json of RFC 9457', async (t) => {
  const answer = problem({
    status: 503,
    type: 'store-down',
    title: 'The store is down',
    headers: { 'retry-after': '5' },
    extra: { serverTime: 1 },
  });
  t.equal(answer.status, 503);
  t.match(answer.headers, { 'content-type': 'application/problem+json', 'retry-after': '5' });
  t.same(JSON.parse(answer.body), {
    type: 'urn:reveille:problem:store-down',
    title: 'The store is down',
    status: 503,
    serverTime: 1,
  });
});

t.test('text is shown by HTML as it is', async (t) => {
  t.equal(
    escapeHtml(`<a href="x">&amp; 'b'</a>`),
    `&lt;a href=&quot;x&quot;&gt;&amp;amp; &#39;b&#39;&lt;/a&gt;`,
  );
  t.equal(escapeHtml(''), '');
  t.equal(escapeHtml('ü 漢'), 'ü 漢');
});

t.test('an answer has the length of its bytes, and a HEAD request gets no body', async (t) => {
  const { port } = await serve(t, (_, response) => send(response, text(200, 'üü')));
  const get = await exchange(port, 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  t.match(get, /^HTTP\/1\.1 200 /);
  t.match(get, /content-length: 4\r\n/);
  t.equal(Buffer.from(get.split('\r\n\r\n')[1] ?? '', 'latin1').toString(), 'üü');
  const head = await exchange(port, 'HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  t.match(head, /content-length: 4\r\n/);
  t.equal(head.split('\r\n\r\n')[1], '');
});

t.test('a path is the request line without its query', async (t) => {
  const paths: Record<string, string> = {
    '/a/b': '/a/b',
    '/a?b?c': '/a',
    '/?': '/',
    '/a%2Fb': '/a%2Fb',
    '*': '*',
    'http://x/a/b?c': '/a/b',
    'HTTPS://x:8443/a': '/a',
    'http://x': '/',
    'http://x?c': '/',
  };
  const { port } = await serve(t, (request, response) =>
    send(response, text(200, pathOf(request))),
  );
  for (const [target, path] of Object.entries(paths)) {
    const method = target === '*' ? 'OPTIONS' : 'GET';
    const answer = await exchange(
      port,
      `${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    );
    t.equal(answer.split('\r\n\r\n')[1], path, target);
  }
});

/** A server that answers with what `readBody` made of a body of at most 10 bytes. */
function bodyServer(t: Tap) {
  return serve(t, async (request, response) => {
    const body = await readBody(request, 10);
    send(response, text(200, typeof body === 'string' ? body : `body ${body}`));
  });
}

const post = (headers: string, body: string) =>
  `POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n\r\n${body}`;
const chunked = (...chunks: string[]) =>
  post(
    'transfer-encoding: chunked',
    [...chunks, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join(''),
  );

t.test('a body is read up to its limit, in one piece or in many', async (t) => {
  const { port } = await bodyServer(t);
  const bodies: [string, string, string][] = [
    ['no body', post('x: y', ''), 'body '],
    ['an empty body', post('content-length: 0', ''), 'body '],
    ['a body at the limit', post('content-length: 10', '0123456789'), 'body 0123456789'],
    ['chunks up to the limit', chunked('01234', '56789'), 'body 0123456789'],
    ['no chunk', chunked(), 'body '],
    ['a body past the limit', post('content-length: 11', '0123456789a'), 'too-large'],
    ['a chunk past the limit', chunked('0123456789a'), 'too-large'],
    ['chunks past the limit', chunked('01234', '56789', 'a'), 'too-large'],
    ['far past the limit', chunked(...new Array(64).fill('x'.repeat(16_384))), 'too-large'],
  ];
  for (const [name, bytes, read] of bodies) {
    const answer = await exchange(port, bytes);
    t.equal(answer.split('\r\n\r\n')[1], read, name);
  }
});

t.test('a length past the limit is refused before the body comes', async (t) => {
  const { port } = await bodyServer(t);
  const socket = connect(port, '127.0.0.1');
  socket.write(post('content-length: 1000000', ''));
  const [chunk] = await once(socket, 'data');
  t.match(String(chunk), /too-large/);
  socket.destroy();
});

for (const [name, bytes] of [
  ['with a length', post('content-length: 10', '0123')],
  ['in chunks', post('transfer-encoding: chunked', '4\r\n0123\r\n')],
] as const) {
  t.test(`a peer that goes away within a body ${name} is told apart`, async (t) => {
    let told = (_: unknown) => {};
    const read = new Promise((resolve) => {
      told = resolve;
    });
    const { port } = await serve(t, (request) => {
      readBody(request, 10).then(told);
      request.once('data', () => socket.destroy());
    });
    const socket = connect(port, '127.0.0.1');
    socket.write(bytes);
    t.equal(await read, 'aborted');
  });
}

t.test('a peer that went away before the body is read is told apart too', async (t) => {
  let told = (_: unknown) => {};
  const read = new Promise((resolve) => {
    told = resolve;
  });
  const { port } = await serve(t, (request) => {
    request.on('close', () => readBody(request, 10).then(told));
    socket.destroy();
  });
  const socket = connect(port, '127.0.0.1');
  socket.write(post('content-length: 10', '0123'));
  t.equal(await read, 'aborted');
});

t.test('listening gives the URL with the real port', async (t) => {
  for (const [host, url] of [
    ['127.0.0.1', /^http:\/\/127\.0\.0\.1:[1-9][0-9]+$/],
    ['::1', /^http:\/\/\[::1\]:[1-9][0-9]+$/],
  ] as const) {
    const server = createServer();
    t.match(await listen(server, { host, port: 0 }, 'http'), url);
    await closeServer(server, 1000);
  }
});

t.test('a port that is taken is told with the address and what to do', async (t) => {
  const { port } = await serve(t, () => {});
  await t.rejects(listen(createServer(), { host: '127.0.0.1', port }, 'http'), {
    code: 'cannot-listen',
    message: `cannot listen on 127.0.0.1:${port} (EADDRINUSE); stop what holds it or configure another address`,
    cause: { code: 'EADDRINUSE' },
  });
});

t.test('closing lets an answer under way end, then its connection too', async (t) => {
  let arrived = (_: ServerResponse) => {};
  const waiting = new Promise<ServerResponse>((resolve) => {
    arrived = resolve;
  });
  const { server, port } = await serve(t, (_, response) => arrived(response));
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const call = request({ port, host: '127.0.0.1', agent }).end();
  const response = await waiting;
  const startMs = Date.now();
  const closed = closeServer(server, 60_000);
  send(response, text(200, 'done'));
  const [answer] = await once(call, 'response');
  let body = '';
  for await (const chunk of answer) body += chunk;
  t.equal(body, 'done');
  await closed;
  t.ok(Date.now() - startMs < 2000, 'a kept-alive connection does not hold the close up');
});

t.test('closing ends idle connections at once', async (t) => {
  const { server, port } = await serve(t, (_, response) => send(response, text(200, '')));
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'data');
  const ended = once(socket.resume(), 'end');
  await closeServer(server, 60_000);
  await ended;
});

t.test('closing cuts what is left after the deadline', async (t) => {
  const { server, port } = await serve(t, () => {});
  const socket = connect(port, '127.0.0.1');
  const arrived = once(server, 'request');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await arrived;
  const ended = once(
    socket.on('error', () => {}),
    'close',
  );
  await closeServer(server, 20);
  await ended;
});

t.test('closing twice, or what never listened, does no harm', async () => {
  const server = createServer();
  await closeServer(server, 1000);
  await listen(server, { host: '127.0.0.1', port: 0 }, 'http');
  await Promise.all([closeServer(server, 1000), closeServer(server, 1000)]);
});
