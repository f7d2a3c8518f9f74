// Central as a whole: its start, its reload and its end.

import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import t, { type Test } from 'tap';
import { createCentral } from '../../central/central.js';
import { loadSettings } from '../../central/settings.js';
import { systemClock } from '../../shared/clock.js';
import { traces } from '../../shared/traces.js';
import { createManualClock } from '../support/manual-clock.js';
import {
  createCentralFolder,
  createLogWatch,
  during,
  isOnline,
  networkThrough,
  startCentral,
} from '../support/running-central.js';
import { openScriptedGateway, served } from '../support/scripted-gateway.js';
import { wakeups } from '../support/sleeping-devices.js';
import { connectDevice, put, wakeable } from '../support/test-device.js';

const reloadMetric = 'reveille_central_config_reload_successful';
const netB = { mobilenetwork: { mcc: '214', mnc: '07', netid: 'net-b' } };

/** Central on one gateway, and a second gateway that serves another pool. */
async function setup(t: Test) {
  const clock = createManualClock();
  const folder = createCentralFolder(t);
  const { gatewayKey: key, centralKeys: callers } = folder;
  const gateway = await openScriptedGateway(t, { key, callers, clock });
  const other = await openScriptedGateway(t, {
    ...{ key, callers, clock },
    networks: [served({ netid: 'net-b' })],
  });
  const first = networkThrough(gateway.url);
  const second = networkThrough(other.url, { netid: 'net-b' });
  const running = await startCentral(t, { folder, clock, config: { networks: [first] } });
  await isOnline(running);
  return { ...running, clock, gateway, other, first, second };
}

/** A host and port that nobody listens on. */
async function freePlace(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return `127.0.0.1:${port}`;
}

t.test('a reload takes other networks and gateways without dropping a device', async (t) => {
  const { central, clock, url, folder, other, first, second, metric } = await setup(t);
  const device = await connectDevice(t, url);
  const { uaid, status } = await device.hello(wakeable(9000, netB));
  t.equal(status, 200);
  folder.write({ networks: [first, second] });
  t.equal(await during(clock, central.reload()), true);
  t.equal(await metric(reloadMetric), 1);
  const metrics = await (await fetch(`${central.adminUrl}/metrics`)).text();
  t.match(metrics, `${wakeups('success', '214-07/net-b')} 0\n`, 'counted from 0 on');
  t.equal((await device.hello({ uaid, ...wakeable(9000, netB) })).status, 201, 'at once');
  const endpoint = await device.register('c');
  device.socket.close();
  await device.closed;
  await put(endpoint, 1);
  t.match(await during(clock, other.nextBatch()), [{ network: '214-07/net-b', port: 9000 }]);
});

t.test('a reload without a network makes its devices not wakeable', async (t) => {
  const { central, clock, url, folder } = await setup(t);
  const device = await connectDevice(t, url);
  t.equal((await device.hello(wakeable(9000))).status, 201);
  folder.write({ networks: [] });
  await during(clock, central.reload());
  clock.advance(60_000);
  t.equal((await device.hello(wakeable(9000))).status, 200, 'its socket was kept');
});

t.test('a gateway that was replaced is asked no more', async (t) => {
  const { central, clock, folder, gateway, second, watch } = await setup(t);
  folder.write({ networks: [second] });
  await during(clock, central.reload());
  const asked = gateway.requests.length;
  for (let i = 0; i < 10; i++) {
    clock.advance(10_000);
    await during(clock, fetch(`${central.url}/about`));
  }
  t.equal(gateway.requests.length, asked);
  t.equal(watch.count(traces.gatewayOffline), 0, 'and is not said to be gone');
});

t.test(
  'of reloads at once the last one’s configuration stays, and nothing of the others',
  async (t) => {
    const { central, clock, folder, gateway, other, first, second, url } = await setup(t);
    const reloads = [first, second, first, second].map((network) => {
      folder.write({ networks: [network] });
      return central.reload();
    });
    t.same(await during(clock, Promise.all(reloads)), [true, true, true, true]);
    t.equal((await (await connectDevice(t, url)).hello(wakeable(9000, netB))).status, 201);
    t.equal((await (await connectDevice(t, url)).hello(wakeable(9000))).status, 200);
    const asked = [gateway.requests.length, other.requests.length] as const;
    clock.advance(10_000);
    await during(clock, other.polled(asked[1] + 1));
    t.equal(gateway.requests.length, asked[0]);
  },
);

t.test('a bad configuration keeps the old one and the metric says 0', async (t) => {
  const { central, clock, url, folder, first, metric, watch } = await setup(t);
  const bad: [string, () => void, RegExp][] = [
    [
      'an unknown key',
      () => folder.write({ networks: [first], idleCloseSeconds: 5 }),
      /idleCloseSeconds: unknown key/,
    ],
    [
      'a bad range',
      () => folder.write({ networks: [{ ...first, ranges: ['10.0.0.1/8'] }] }),
      /host bits/,
    ],
    ['no YAML', () => writeFileSync(folder.configFile, 'listen: [1'), /central\.yaml/],
    [
      'no signing key',
      () => folder.write({ networks: [first], signingKeyFile: 'none.pem' }),
      /none\.pem: cannot be read/,
    ],
  ];
  for (const [name, write, problem] of bad) {
    write();
    t.equal(await during(clock, central.reload()), false, name);
    t.equal(await metric(reloadMetric), 0);
    t.match(watch.lines.at(-1), { trace: traces.reloadFailed, fields: { problems: [problem] } });
    t.equal((await (await connectDevice(t, url)).hello(wakeable(9000))).status, 201);
  }
  folder.write({ networks: [first] });
  t.equal(await during(clock, central.reload()), true);
  t.equal(await metric(reloadMetric), 1);
});

t.test('a reload names the keys that wait for a restart', async (t) => {
  const { central, clock, folder, watch } = await setup(t);
  folder.write({ networks: [], idleCloseMs: 5_000, gatherMs: 7 });
  await during(clock, central.reload());
  const line = watch.lines.find(({ trace }) => trace === traces.reloadIgnored);
  t.same(line?.fields, { keys: ['idleCloseMs'] });
});

t.test('a reload takes a renewed certificate, and open sockets stay', async (t) => {
  const folder = createCentralFolder(t);
  const renew = async (): Promise<string> => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'push' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
    });
    writeFileSync(join(folder.path, 'tls.key'), key);
    writeFileSync(join(folder.path, 'tls.crt'), cert);
    return cert;
  };
  const old = await renew();
  const tls = { keyFile: 'tls.key', certFile: 'tls.crt' };
  const { central, url } = await startCentral(t, { folder, config: { tls } });
  t.match(url, /^https:/);
  const device = await connectDevice(t, url, { ca: old });
  t.equal((await device.hello()).status, 200);
  const renewed = await renew();
  t.equal(await central.reload(), true);
  await connectDevice(t, url, { ca: renewed });
  await t.rejects(connectDevice(t, url, { ca: old }));
  device.send('PING');
  t.same(await device.receive(), { text: 'PONG' });
});

t.test('takes no device before its gateways were asked', async (t) => {
  const folder = createCentralFolder(t);
  const { gatewayKey: key, centralKeys: callers } = folder;
  const gateway = await openScriptedGateway(t, { key, callers, clock: systemClock });
  const networks = [networkThrough(gateway.url)];
  for (let start = 0; start < 3; start++) {
    const { central, url } = await startCentral(t, { folder, config: { networks } });
    t.equal((await (await connectDevice(t, url)).hello(wakeable(9000))).status, 201);
    await central.close();
  }
});

t.test(
  'starts though a gateway is silent, and is not ready until it has waited for it',
  async (t) => {
    const folder = createCentralFolder(t);
    const { gatewayKey: key, centralKeys: callers } = folder;
    const gateway = await openScriptedGateway(t, { key, callers, clock: systemClock });
    gateway.misbehave = () => 'silent';
    const admin = await freePlace();
    const starting = startCentral(t, {
      folder,
      config: { admin, networks: [networkThrough(gateway.url)], gatewayTimeoutMs: 1_000 },
    });
    await gateway.polled(1);
    t.equal(await (await fetch(`http://${admin}/readyz`)).text(), 'starting\n');
    const { url } = await starting;
    t.equal((await fetch(`http://${admin}/readyz`)).status, 200);
    t.equal((await (await connectDevice(t, url)).hello(wakeable(9000))).status, 200);
  },
);

t.test('does not start when its address is taken, and leaves nothing open', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const store = 'sqlite:central.db';
  const folder = createCentralFolder(t, { listen: `127.0.0.1:${port}`, store });
  const load = () => loadSettings(folder.configFile, {});
  const { settings } = load();
  if (!settings) throw new Error('the configuration is good');
  const { log } = createLogWatch();
  await t.rejects(createCentral({ settings, load, log }), { code: 'cannot-listen' });
  t.notOk(existsSync(join(folder.path, 'central.db-wal')), 'the database was closed');
  await startCentral(t, { folder, config: { store } });
});

t.test('does not start on a database that another central has open', async (t) => {
  const folder = createCentralFolder(t);
  const config = { store: 'sqlite:central.db' };
  await startCentral(t, { folder, config });
  await t.rejects(startCentral(t, { folder, config }), { code: 'store-failed' });
});

t.test('keeps what it stored over its end and its next start', async (t) => {
  const folder = createCentralFolder(t);
  const config = { store: 'sqlite:central.db' };
  const before = await startCentral(t, { folder, config });
  const device = await connectDevice(t, before.url);
  const { uaid } = await device.hello();
  const endpoint = await device.register('c');
  device.socket.close();
  await put(endpoint, 3);
  await before.central.close();
  const after = await startCentral(t, { folder, config });
  const again = await connectDevice(t, after.url);
  t.equal((await again.hello({ uaid })).uaid, uaid);
  t.match(await again.receive(), { updates: [{ channelID: 'c', version: '3' }] });
});

t.test(
  'answers 503 with Retry-After for an unknown device until recoveryMs after an empty start',
  async (t) => {
    const clock = createManualClock();
    const folder = createCentralFolder(t);
    const before = await startCentral(t, { folder, clock });
    const device = await connectDevice(t, before.url);
    await device.hello();
    const { pathname } = new URL(await device.register('c'));
    await before.central.close();
    const after = await startCentral(t, { folder, clock, config: { recoveryMs: 60_000 } });
    const endpoint = `${after.url}${pathname}`;
    clock.advance(59_999);
    const early = await put(endpoint, 1);
    t.equal(early.status, 503);
    t.equal(early.headers.get('retry-after'), '60');
    clock.advance(1);
    t.equal((await put(endpoint, 1)).status, 404);
  },
);

t.test('shows its networks, and no device, address or gateway, on /about', async (t) => {
  const { url, clock, gateway } = await setup(t);
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello(wakeable(9000));
  const page = await (await during(clock, fetch(`${url}/about`))).text();
  t.match(page, '214-07');
  for (const secret of [String(uaid), gateway.url, '127.0.0.1']) t.notMatch(page, secret);
});

t.test('is ready while it runs', async (t) => {
  const { central } = await startCentral(t);
  t.equal((await fetch(`${central.adminUrl}/readyz`)).status, 200);
  t.equal((await fetch(`${central.url}/status`)).status, 200);
  t.equal(await (await fetch(`${central.adminUrl}/healthz`)).ok, true);
});

t.test('writes no uaid, token, key or whole address to its log', async (t) => {
  const { url, clock, folder, watch } = await setup(t);
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello(
    wakeable(9000, { wakeup_hostport: { ip: '10.11.12.13', port: 9000 } }),
  );
  const endpoint = await device.register('channel-name');
  device.socket.close();
  await device.closed;
  await put(endpoint, 77);
  await during(clock, watch.logged(traces.wakeupAnswered));
  const log = JSON.stringify(watch.lines);
  const token = endpoint.split('/').at(-1) ?? '';
  const secret = readFileSync(join(folder.path, 'secret.key')).toString('base64url');
  for (const text of [String(uaid), token, secret, '10.11.12.13', 'channel-name']) {
    t.notOk(log.includes(text), text);
  }
});
