// What else there is on central's listener: pages, preflights, and what is not there.
import t from 'tap';
import { problem } from '../../../shared/http.js';
import { openApp } from '../../support/central-app.js';
import { ask, exchange } from '../../support/central-app-server.js';

const origin = { 'access-control-allow-origin': '*' };

t.test('a browser may PUT from any origin', async (t) => {
  const { url, pathFor, meet } = await openApp(t);
  const endpoint = url + pathFor(await meet());
  const asks = {
    origin: 'https://app.example',
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'content-type',
  };
  for (const target of [endpoint, `${url}/v1/notify/x`]) {
    const reply = await ask(target, { method: 'OPTIONS', headers: asks });
    t.match(reply, { status: 204, body: '' });
    t.match(reply.headers, origin);
    t.match(reply.headers['access-control-allow-methods'], /PUT/);
    t.match(reply.headers['access-control-allow-headers'], /content-type/);
  }
  t.match((await ask(endpoint, { body: 'version=1' })).headers, origin);
});

t.test('an endpoint takes PUT alone', async (t) => {
  const { url, pathFor, meet, store } = await openApp(t);
  const device = await meet();
  for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'PATCH', 'PROPFIND', 'TRACE']) {
    const reply = await ask(url + pathFor(device), { method });
    t.equal(reply.status, 405, method);
    t.match(reply.headers, { allow: 'PUT, OPTIONS', ...origin });
    if (method === 'HEAD') t.equal(reply.body, '');
    else t.match(JSON.parse(reply.body), { type: 'urn:reveille:problem:method-not-allowed' });
  }
  t.same(await store.pending(device), []);
});

t.test('every resource tells what it takes, to browsers too', async (t) => {
  const { url } = await openApp(t);
  const resources = [
    ['/v1/notify/x', 'PUT, OPTIONS'],
    ['/wpush/v1/x', 'POST, OPTIONS'],
    ['/wpush/v1/messages/x', 'GET, HEAD, DELETE, OPTIONS'],
    ['/wpush/v1/receipts/x', 'GET, HEAD, OPTIONS'],
  ] as const;
  const asked =
    'authorization content-encoding content-type crypto-key encryption link prefer push-receipt topic ttl urgency';
  for (const [path, allow] of resources) {
    const refused = await ask(url + path, { method: 'PATCH' });
    t.match(refused, { status: 405, headers: { allow, ...origin } }, path);
    const { status, headers } = await ask(url + path, { method: 'OPTIONS' });
    t.match(
      { status, ...headers },
      { status: 204, 'access-control-allow-methods': allow, ...origin },
    );
    t.same(String(headers['access-control-allow-headers']).split(', '), asked.split(' '));
    const exposed = String(headers['access-control-expose-headers']).split(', ');
    for (const name of ['location', 'ttl', 'link', 'retry-after']) t.ok(exposed.includes(name));
  }
});

t.test('/status and /about are read with GET or HEAD', async (t) => {
  const { url } = await openApp(t);
  const status = await ask(`${url}/status?x=1`, { method: 'GET' });
  t.match(status, { status: 200, body: '{"status":"ok"}' });
  const head = await ask(`${url}/status`, { method: 'HEAD' });
  t.match(head, { status: 200, body: '' });
  t.equal(head.headers['content-length'], status.headers['content-length']);
  t.match(await ask(`${url}/about`, { method: 'GET' }), { status: 200, body: 'about' });
  for (const method of ['PUT', 'POST', 'DELETE', 'OPTIONS']) {
    const reply = await ask(`${url}/about`, { method, body: 'x' });
    t.match(reply, { status: 405, headers: { allow: 'GET, HEAD' } }, method);
  }
});

t.test('every other path is not there', async (t) => {
  const { url, port } = await openApp(t);
  const paths = [
    '/',
    '/v1',
    '/v1/notify',
    '/v2/notify/x',
    '/status/',
    '/About',
    '//about',
    '/metrics',
  ];
  for (const path of [...paths, '/__proto__', '/constructor', '/about%00']) {
    for (const method of ['GET', 'PUT']) {
      const reply = await ask(url + path, { method });
      t.equal(reply.status, 404, `${method} ${path}`);
      t.match(JSON.parse(reply.body), { type: 'urn:reveille:problem:not-found', status: 404 });
    }
  }
  for (const line of [
    'OPTIONS *',
    'GET http://other.example/x',
    'GET /../about',
    'GET /%2e%2e/about',
  ]) {
    const all = await exchange(port, `${line} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`);
    t.match(all, /^HTTP\/1\.1 404 /, line);
  }
});

t.test('a page that fails ends its own connection and is logged', async (t) => {
  const fails = () => Promise.reject(new Error('no page today'));
  const { url, lines } = await openApp(t, { pages: { '/fails': fails } });
  await t.rejects(ask(`${url}/fails`, { method: 'GET' }));
  t.match(lines, [{ trace: { id: '2016' }, fields: { error: 'no page today' } }]);
  t.equal((await ask(`${url}/status`, { method: 'GET' })).status, 200);
});

t.test('a page may answer with a problem', async (t) => {
  const answer = problem({ status: 503, type: 'stopping', title: 'Stopping' });
  const { url } = await openApp(t, { pages: { '/status': () => answer } });
  t.equal((await ask(`${url}/status`, { method: 'GET' })).status, 503);
});
