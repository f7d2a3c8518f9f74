import t from 'tap';
import { wakeup } from '../support/gateway-caller.js';
import { halfSent } from '../support/gateway-half-sent.js';
import { listenUdp } from '../support/gateway-handset.js';
import { baseConfig, startGateway } from '../support/gateway-setup.js';

const loopback = { ranges: ['127.0.0.0/8'], handsetIntervalMs: 0 };
const twoNetworks = {
  networks: [
    { network: '214-07', ...loopback },
    { network: '214-08', ...loopback },
  ],
};

function post(adminUrl: string, path: string, body: unknown, type = 'application/json') {
  const headers = { 'content-type': type };
  return fetch(adminUrl + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

t.test('while everything is paused every wakeup is deferred and nothing is sent', async (t) => {
  const { gateway, caller, metric } = await startGateway(t);
  const ears = await listenUdp(t);
  const answer = await post(gateway.adminUrl, '/pause', {});
  t.match(await answer.json(), { all: /^2023-/, networks: {} });
  const asked = wakeup({ port: ears.port });
  const results = await caller.wake(asked, wakeup({ network: 'x' }), wakeup({ port: 80 }));
  t.match(results, Array(3).fill({ outcome: 'deferred', reason: 'paused', retryAfterMs: 30_000 }));
  t.equal(await metric('reveille_gateway_deferrals_total{reason="paused"}'), 3);
  t.equal(await metric('reveille_gateway_paused{network="214-07"}'), 1);

  await post(gateway.adminUrl, '/resume', {});
  t.match(await caller.wake(asked), [{ outcome: 'triggered' }], 'the same id may try again');
  await ears.next();
  t.equal(ears.heard.length, 1);
  t.equal(await metric('reveille_gateway_paused{network="214-07"}'), 0);
});

t.test('central is told that a paused network is offline, and keeps its sockets', async (t) => {
  const { gateway, caller } = await startGateway(t, twoNetworks);
  await post(gateway.adminUrl, '/pause', { network: '214-07' });
  const listed = async () => (await caller.networks()).json;
  t.match(await listed(), { networks: [{ online: false }, { online: true }] });
  await post(gateway.adminUrl, '/pause', {});
  t.match(await listed(), { networks: [{ online: false }, { online: false }] });
});

t.test('one network is paused while the others go on', async (t) => {
  const { gateway, caller } = await startGateway(t, twoNetworks);
  const ears = await listenUdp(t);
  await post(gateway.adminUrl, '/pause', { network: '214-07/214-07.default' });
  const results = await caller.wake(
    wakeup({ port: ears.port }),
    wakeup({ port: ears.port, network: '214-08' }),
  );
  t.match(results, [{ reason: 'paused' }, { outcome: 'triggered' }]);
  await ears.next();
  t.equal((await fetch(`${gateway.url}/status`)).status, 200);
  t.equal((await fetch(`${gateway.adminUrl}/readyz`)).status, 200);
});

t.test('status and readiness say paused when nothing at all is sent', async (t) => {
  const { gateway } = await startGateway(t, twoNetworks);
  for (const network of ['214-07', '214-08']) await post(gateway.adminUrl, '/pause', { network });
  const status = await fetch(`${gateway.url}/status`);
  t.equal(status.status, 503);
  t.same(await status.json(), { status: 'paused' });
  const readyz = await fetch(`${gateway.adminUrl}/readyz`);
  t.equal(readyz.status, 503);
  t.equal(await readyz.text(), 'paused by the operator\n');
  t.equal((await fetch(`${gateway.adminUrl}/healthz`)).status, 200);
});

t.test('a pause holds over a reload, and for a network that comes back', async (t) => {
  const { gateway, caller, folder } = await startGateway(t, twoNetworks);
  await post(gateway.adminUrl, '/pause', { network: '214-08' });
  folder.write({ ...baseConfig() });
  t.ok(gateway.reload());
  folder.write({ ...baseConfig(), ...twoNetworks });
  t.ok(gateway.reload());
  t.match(await caller.wake(wakeup({ network: '214-08' })), [{ reason: 'paused' }]);
});

t.test('a central learns nothing of a pause in a network it may not use', async (t) => {
  const { gateway, caller } = await startGateway(t, {
    ...twoNetworks,
    centrals: [{ id: 'ns-1', publicKeyFile: 'ns-1.pub.pem', networks: ['214-07'] }],
  });
  await post(gateway.adminUrl, '/pause', { network: '214-08' });
  const results = await caller.wake(wakeup({ network: '214-08' }));
  t.match(results, [{ reason: 'network-not-allowed' }]);
});

t.test('a request that was under way when the switch was thrown sends nothing', async (t) => {
  const running = await startGateway(t);
  const ears = await listenUdp(t);
  const body = JSON.stringify({ wakeups: [wakeup({ port: ears.port })] });
  const early = await halfSent(running, running.caller.signed({ body }));
  await post(running.gateway.adminUrl, '/pause', {});
  early.finish();
  const { text } = await early.answered;
  t.match(JSON.parse(text), { results: [{ outcome: 'deferred', reason: 'paused' }] });
  t.equal(ears.heard.length, 0);
});

t.test('the switch is thrown by JSON alone, which no page of another site can send', async (t) => {
  const { gateway } = await startGateway(t);
  const url = gateway.adminUrl;
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx']) {
    t.equal((await post(url, '/pause', {}, type)).status, 415, type);
  }
  t.equal((await fetch(`${url}/pause`)).status, 405);
  const bad = [{ netwrok: '214-07' }, { network: 7 }, { network: '' }, { network: null }, [], 'x'];
  for (const body of bad) {
    t.equal((await post(url, '/pause', body)).status, 400, JSON.stringify(body));
  }
  t.equal((await post(url, '/pause', { network: '214-09' })).status, 404);
  t.equal((await post(url, '/pause', { network: 'x'.repeat(5000) })).status, 413);
  t.equal((await fetch(`${url}/readyz`)).status, 200, 'nothing was paused');
});
