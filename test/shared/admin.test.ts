import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { Gauge } from 'prom-client';
import t from 'tap';
import { type AdminRoutes, openAdmin } from '../../shared/admin.js';
import { json, text } from '../../shared/http.js';
import type { LogFields } from '../../shared/log.js';
import { createRegistry } from '../../shared/metrics.js';
import { type Trace, traces } from '../../shared/traces.js';
import { version } from '../../shared/version.js';

type Tap = { teardown(fn: () => Promise<void>): void };

async function setUp(t: Tap, routes: AdminRoutes = {}) {
  const lines: { trace: Trace; fields: LogFields | undefined }[] = [];
  const write = (trace: Trace, fields?: LogFields) => void lines.push({ trace, fields });
  const state: { reason?: string } = {};
  const registry = createRegistry('reveille_test');
  const admin = await openAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    registry,
    readiness: () => state.reason,
    log: Object.assign(write, { setLevel() {} }),
    routes,
  });
  t.teardown(() => admin.close(0));
  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(admin.url + path, { method });
    return { status: answer.status, headers: answer.headers, body: await answer.text() };
  };
  return { admin, ask, lines, registry, state };
}

t.test('metrics are in the text format, with the version and the process', async (t) => {
  const { ask, registry } = await setUp(t);
  new Gauge({ name: 'reveille_test_devices', help: 'x', registers: [registry] }).set(3);
  const { status, headers, body } = await ask('/metrics');
  t.equal(status, 200);
  t.match(headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  t.match(body, 'reveille_test_devices 3');
  t.match(body, `reveille_test_build_info{version="${version}"} 1`);
  t.match(body, /^process_cpu_seconds_total /m);
  t.notMatch(body, /^# TYPE \S+_total gauge$/m, 'no gauge has a name that ends in _total');
});

t.test('two registries of one process do not get in each other’s way', async (t) => {
  t.match(await createRegistry('a').metrics(), 'a_build_info');
  t.match(await createRegistry('b').metrics(), 'b_build_info');
});

t.test('healthz says that the process is up', async (t) => {
  const { ask, state } = await setUp(t);
  state.reason = 'no store';
  t.match(await ask('/healthz'), { status: 200, body: 'ok\n' });
});

t.test('readyz says whether it can do its job, and why not', async (t) => {
  const { ask, state } = await setUp(t);
  t.match(await ask('/readyz'), { status: 200, body: 'ready\n' });
  state.reason = 'no store';
  t.match(await ask('/readyz'), { status: 503, body: 'no store\n' });
  delete state.reason;
  t.match(await ask('/readyz'), { status: 200, body: 'ready\n' });
});

t.test('a program adds its own routes', async (t) => {
  const { ask } = await setUp(t, {
    'GET /networks': async () => json(200, []),
    'POST /wake': async (request) => text(200, String(request.url)),
  });
  t.match(await ask('/networks?all'), { status: 200, body: '[]' });
  t.match(await ask('/wake?x', 'POST'), { status: 200, body: '/wake?x' });
});

t.test('a path that is not there names those that are', async (t) => {
  const { ask } = await setUp(t, { 'GET /networks': async () => json(200, []) });
  const there = 'not found; there is GET /metrics, GET /healthz, GET /readyz, GET /networks\n';
  for (const path of ['/', '/metrics/', '/Metrics', '/__proto__', '/networks%00', '//healthz']) {
    t.match(await ask(path), { status: 404, body: there }, path);
  }
});

t.test('another method is told which one to use', async (t) => {
  const { ask } = await setUp(t, {
    'GET /x': async () => text(200, 'get'),
    'POST /x': async () => text(200, 'post'),
  });
  const answer = await ask('/x', 'DELETE');
  t.match(answer, { status: 405, body: '{"error":"use GET, POST"}' });
  t.equal(answer.headers.get('allow'), 'GET, POST');
  t.equal((await ask('/metrics', 'POST')).headers.get('allow'), 'GET');
});

t.test('HEAD is answered like GET, without the body', async (t) => {
  const { ask } = await setUp(t);
  const head = await ask('/healthz', 'HEAD');
  t.match(head, { status: 200, body: '' });
  t.equal(head.headers.get('content-length'), '3');
});

t.test('a route that fails is a 500 and a line of the log, and the listener goes on', async (t) => {
  const { ask, lines } = await setUp(t, {
    'GET /rejects': () => Promise.reject(new Error('a secret')),
    'GET /throws': () => {
      throw new TypeError('at once');
    },
  });
  for (const path of ['/rejects', '/throws']) {
    t.match(await ask(path), { status: 500, body: 'failed; the log says why\n' });
  }
  t.same(lines, [
    { trace: traces.taskFailed, fields: { task: 'admin', error: 'a secret' } },
    { trace: traces.taskFailed, fields: { task: 'admin', error: 'at once' } },
  ]);
  t.match(await ask('/healthz'), { status: 200 });
});

t.test('on loopback a request that names another host is refused, whatever its path', async (t) => {
  const { admin } = await setUp(t);
  const { port } = new URL(admin.url);
  const statusFor = (host: string, path = '/healthz') =>
    new Promise<number>((resolve, reject) => {
      const asked = get({ host: '127.0.0.1', port, path, headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      asked.on('error', reject);
    });
  for (const host of ['127.0.0.1', `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST', '10.0.0.1']) {
    t.equal(await statusFor(host), 200, host);
  }
  for (const host of ['site.example', `site.example:${port}`, '127.0.0.1.site.example']) {
    t.equal(await statusFor(host), 421, host);
    t.equal(await statusFor(host, '/nowhere'), 421, host);
  }
});

t.test('a peer that is gone before its answer does no harm', async (t) => {
  let isAsked = () => {};
  let goOn = () => {};
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  const gone = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { admin, ask } = await setUp(t, {
    'GET /slow': async (request) => {
      request.on('close', () => goOn());
      isAsked();
      await gone;
      return text(200, 'x'.repeat(100_000));
    },
  });
  const socket = connect(Number(new URL(admin.url).port), '127.0.0.1');
  socket.write('GET /slow HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  await asked;
  socket.destroy();
  await once(socket, 'close');
  await gone;
  t.match(await ask('/healthz'), { status: 200 });
});

t.test('what is not HTTP is answered 400', async (t) => {
  const { admin, ask } = await setUp(t);
  const socket = connect(Number(new URL(admin.url).port), '127.0.0.1');
  socket.write('\x16\x03\x01 hello\r\n\r\n');
  const [chunk] = await once(socket, 'data');
  t.match(String(chunk), /^HTTP\/1\.1 400 /);
  socket.destroy();
  t.match(await ask('/healthz'), { status: 200 });
});
