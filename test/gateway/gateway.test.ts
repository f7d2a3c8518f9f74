import t from 'tap';
import { traces } from '../../shared/traces.js';
import { wakeup } from '../support/gateway-caller.js';
import { halfSent } from '../support/gateway-half-sent.js';
import { listenUdp } from '../support/gateway-handset.js';
import { baseConfig, startGateway } from '../support/gateway-setup.js';

t.test('status says ok, about is a page without addresses or keys, HEAD is like GET', async (t) => {
  const { gateway, folder } = await startGateway(t);
  const get = (path: string, method = 'GET') => fetch(gateway.url + path, { method });
  const status = await get('/status');
  t.equal(status.status, 200);
  t.same(await status.json(), { status: 'ok' });
  const about = await get('/about');
  t.match(about.headers.get('content-type'), /^text\/html/);
  const html = await about.text();
  t.match(html, /Version.*Uptime.*Networks<\/th><td>1</s);
  t.notMatch(html, /127\.0|214-07|ns-1/);
  t.notMatch(html, new RegExp(folder.centralKey.keyid));
  for (const path of ['/status', '/about']) {
    const head = await get(path, 'HEAD');
    t.equal(head.status, 200);
    t.equal(await head.text(), '');
    t.equal((await get(path, 'POST')).status, 405);
  }
  t.equal((await get('/')).status, 404);
  t.equal((await get('/metrics')).status, 404, 'metrics are on the admin listener alone');
});

t.test('the admin listener tells health, readiness and metrics', async (t) => {
  const { gateway, caller } = await startGateway(t);
  await caller.send();
  await caller.send({ target: '/v1/nothing' });
  const get = async (path: string) => (await fetch(gateway.adminUrl + path)).text();
  t.equal(await get('/healthz'), 'ok\n');
  t.equal(await get('/readyz'), 'ready\n');
  const metrics = await get('/metrics');
  for (const line of [
    'reveille_gateway_requests_total{result="accepted"} 1',
    'reveille_gateway_requests_total{result="not-found"} 1',
    'reveille_gateway_replay_guard_entries 1',
    'reveille_gateway_config_reload_successful 1',
    'reveille_gateway_sends_under_way{protocol="tcp"} 0',
    'process_cpu_seconds_total ',
  ]) {
    t.match(metrics, line);
  }
});

t.test('draining, the gateway answers what is under way, refuses the rest and ends', async (t) => {
  const running = await startGateway(t);
  const { gateway, caller, metric } = running;
  const early = await halfSent(running);
  const closed = gateway.close();
  t.equal((await fetch(`${gateway.adminUrl}/readyz`)).status, 503);
  t.equal(await metric('reveille_gateway_connections'), 1);
  await t.rejects(caller.send(), 'no new connection');
  early.finish();
  t.match(await early.answered, { status: 200, connection: 'close' });
  await closed;
  await t.rejects(fetch(`${gateway.adminUrl}/healthz`));
  t.equal(gateway.close(), closed, 'closing twice is closing once');
});

t.test('a request that does not come to its end is cut after drainMs', async (t) => {
  const running = await startGateway(t, { drainMs: 50 });
  const { answered } = await halfSent(running);
  await Promise.all([t.rejects(answered), running.gateway.close()]);
});

t.test('a reload takes policy, centrals and pace, and keeps nonces and results', async (t) => {
  const running = await startGateway(t);
  const { gateway, caller, folder, lines } = running;
  const ears = await listenUdp(t);
  const asked = wakeup({ port: ears.port });
  const wire = caller.signed({ body: JSON.stringify({ wakeups: [asked] }) });
  t.equal((await caller.sendWire(wire)).status, 200);
  await ears.next();

  folder.write({
    ...baseConfig(),
    networks: [{ network: '214-07', ranges: ['::1/128'] }],
  });
  t.ok(gateway.reload());
  t.ok(lines.some(({ trace }) => trace === traces.reloaded));
  t.equal((await caller.wake(wakeup({ port: ears.port })))[0]?.reason, 'address-out-of-range');
  t.equal((await caller.wake(asked))[0]?.outcome, 'triggered', 'the first result of the id');
  t.equal((await caller.sendWire(wire)).problem, 'nonce-replayed');
  t.equal(ears.heard.length, 1);

  folder.addKey('ns-2');
  folder.write({ ...baseConfig(), centrals: [{ id: 'ns-2', publicKeyFile: 'ns-2.pub.pem' }] });
  t.ok(gateway.reload());
  t.equal((await caller.send()).problem, 'key-unknown');
});

t.test('a reload that throws changes nothing, says so, and the gateway goes on', async (t) => {
  const running = await startGateway(t);
  const { gateway, caller, lines, metric } = running;
  running.onLoad(() => {
    throw new Error('the disk is gone');
  });
  t.equal(gateway.reload(), false);
  t.match(lines.at(-1), {
    trace: traces.reloadFailed,
    fields: { problems: ['the disk is gone'] },
  });
  t.equal(await metric('reveille_gateway_config_reload_successful'), 0);
  t.equal((await caller.send()).status, 200);
});

t.test('a clock that was set back to before the start is told as not ready', async (t) => {
  const { gateway, clock } = await startGateway(t);
  const ready = async () => {
    const answer = await fetch(`${gateway.adminUrl}/readyz`);
    return { status: answer.status, body: await answer.text() };
  };
  clock.advance(-60_000);
  t.same(await ready(), { status: 503, body: 'the clock was set back to before the start\n' });
  clock.advance(60_000);
  t.same(await ready(), { status: 200, body: 'ready\n' });
});

t.test('a bad configuration at a reload changes nothing and says so', async (t) => {
  const { gateway, caller, folder, lines, metric, clock } = await startGateway(t);
  const stamp = 'reveille_gateway_config_reload_timestamp_seconds';
  const takenAt = await metric(stamp);
  clock.advance(1000);
  folder.write({ ...baseConfig(), networks: [] });
  t.notOk(gateway.reload());
  t.match(lines.at(-1), { trace: traces.reloadFailed, fields: { problems: [/^networks: /] } });
  t.equal(await metric('reveille_gateway_config_reload_successful'), 0);
  t.equal(await metric(stamp), takenAt);
  t.equal((await caller.send()).status, 200);
  folder.write(baseConfig());
  t.ok(gateway.reload());
  t.equal(await metric('reveille_gateway_config_reload_successful'), 1);
  t.equal(await metric(stamp), clock.now() / 1000);
});

t.test('keys that need a restart are named when they change', async (t) => {
  const { gateway, folder, lines, caller } = await startGateway(t);
  folder.write({ ...baseConfig(), listen: '127.0.0.1:1', tcpMax: 7 });
  t.ok(gateway.reload());
  const ignored = lines.find(({ trace }) => trace === traces.reloadIgnored);
  t.same(ignored?.fields, { keys: ['listen', 'tcpMax'] });
  t.equal((await caller.send()).status, 200);
});

t.test(
  'one line at info tells of each request, and lines of wakeups are for debugging',
  async (t) => {
    const { caller, lines } = await startGateway(t);
    const from = lines.length;
    await caller.wake(wakeup({ port: 80 }), wakeup({ port: 80 }), wakeup({ ip: 'x' }));
    await caller.send({ nowMs: 0 });
    const told = lines.slice(from).filter(({ trace }) => trace.level !== 'debug');
    t.match(told, [
      {
        trace: traces.requestAccepted,
        fields: { central: 'ns-1', route: '/v1/wakeups', refused: 3 },
      },
      { trace: traces.requestRefused, fields: { result: 'signature-stale' } },
    ]);
    t.equal(told.length, 2);
  },
);

t.test('over connectionsMax a connection is refused and counted', async (t) => {
  const running = await startGateway(t, { connectionsMax: 1 });
  t.equal((await running.caller.send()).status, 200);
  const other = running.callerWith(running.folder.centralKey);
  await t.rejects(other.send());
  t.equal(await running.metric('reveille_gateway_connections_dropped_total'), 1);
});
