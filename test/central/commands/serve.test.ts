// serve as a process, and the commands that ask it.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { listen } from '../../../shared/http.js';
import { traces } from '../../../shared/traces.js';
import { ask } from '../../support/central-app-server.js';
import { runCentral } from '../../support/central-process.js';
import { sampleIds } from '../../support/central-samples.js';
import { openRawDevice } from '../../support/raw-device.js';
import { createCentralFolder } from '../../support/running-central.js';
import { spawnProgram, startProgram } from '../../support/running-program.js';

const uaid = sampleIds.uaidOf(sampleIds.newDevice());

t.test('serve prints one line when it is ready and ends with 0 at SIGTERM', async (t) => {
  const { configFile } = createCentralFolder(t);
  const central = await startProgram(t, 'central', configFile);
  let rest = '';
  central.child.stdout?.on('data', (chunk) => {
    rest += chunk;
  });
  t.match(central, { url: /^http:\/\/127\.0\.0\.1:[0-9]+$/, adminUrl: /^http:\/\/127/ });
  t.equal((await ask(`${central.url}/status`, { method: 'GET' })).status, 200);
  t.equal((await ask(`${central.adminUrl}/readyz`, { method: 'GET' })).status, 200);
  t.match((await ask(`${central.url}/about`, { method: 'GET' })).body, /Reveille central/);
  t.equal(await central.kill('SIGTERM'), 0);
  t.equal(rest, '');
  t.ok(
    central.rows.every(({ id }) => id !== undefined),
    'the log is one JSON object a line',
  );
});

t.test('serve ends with 0 at SIGINT, while an app server is connected', async (t) => {
  const { configFile } = createCentralFolder(t);
  const central = await startProgram(t, 'central', configFile);
  const socket = connect(Number(new URL(central.url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write('PUT /v1/notify/x HTTP/1.1\r\nhost: h\r\n');
  await new Promise((connected) => socket.once('connect', connected));
  t.equal(await central.kill('SIGINT'), 0);
});

t.test('a second signal ends serve with 1 while it still waits for devices', async (t) => {
  const { configFile } = createCentralFolder(t, { drainMs: 60_000, drainSpreadMs: 30_000 });
  const central = await startProgram(t, 'central', configFile);
  const device = openRawDevice(t, central.url);
  t.match(await device.answered, /^HTTP\/1\.1 101 /);
  central.child.kill('SIGTERM');
  await central.logged(traces.stopping);
  t.equal((await ask(`${central.url}/status`, { method: 'GET' })).status, 503);
  t.equal(await central.kill('SIGTERM'), 1);
});

/** A central that is starting: it waits for the answer of a gateway that says nothing. */
async function startingCentral(t: Test, gatewayTimeoutMs: number) {
  const gateway = createServer();
  const url = await listen(gateway, { host: '127.0.0.1', port: 0 }, 'http');
  t.teardown(() => {
    gateway.closeAllConnections();
    gateway.close();
  });
  const networks = [{ network: '214-07', gateways: [{ url, publicKeyFile: 'gateway.pub.pem' }] }];
  const { configFile } = createCentralFolder(t, { gatewayTimeoutMs, networks });
  const asked = once(gateway, 'request');
  const central = spawnProgram(t, 'central', configFile);
  await asked;
  return central;
}

t.test('serve ends with 0 at SIGTERM before it is ready', async (t) => {
  const central = await startingCentral(t, 60_000);
  t.equal(await central.kill('SIGTERM'), 0);
});

t.test('SIGHUP before serve is ready reloads once it is', async (t) => {
  const central = await startingCentral(t, 500);
  central.child.kill('SIGHUP');
  const { id } = traces.reloaded;
  t.match(await Promise.race([central.logged(traces.reloaded), central.ended]), { id });
  t.match(await central.ready, { url: /^http:/ });
  t.equal(await central.kill('SIGTERM'), 0);
});

t.test('serve with a bad configuration prints its problems and ends with 1', async (t) => {
  const { configFile } = createCentralFolder(t, { bogus: 1 });
  const ran = await runCentral(['serve', '--config', configFile]);
  t.same(ran, { code: 1, stdout: '', stderr: 'bogus: unknown key; remove it\n' });
});

t.test('serve that cannot start says why and what to do, and ends with 1', async (t) => {
  const folder = createCentralFolder(t);
  const server = createServer();
  const { host } = new URL(await listen(server, { host: '127.0.0.1', port: 0 }, 'http'));
  t.teardown(() => void server.close());
  const args = ['serve', '--config', folder.configFile];
  folder.write({ listen: host });
  const { code, stdout, stderr } = await runCentral(args, {
    REVEILLE_CENTRAL_LOG_LEVEL: 'error',
  });
  t.same({ code, stdout }, { code: 1, stdout: '' });
  const why = `cannot start: cannot listen on ${host} (EADDRINUSE)`;
  const advice = 'stop what holds it or configure another address';
  t.equal(stderr, `${why}; ${advice}; look at listen, admin and store\n`);
  writeFileSync(join(folder.path, 'text.db'), 'not a database, by its words'.repeat(99));
  folder.write({ store: 'sqlite:text.db' });
  const second = await runCentral(args);
  t.match(second, { code: 1, stdout: '', stderr: /^cannot start: .*text\.db: .*not a database/ });
});

t.test('networks and wake ask the running central', async (t) => {
  const folder = createCentralFolder(t, {
    networks: [
      {
        network: '214-07',
        // Nobody listens there.
        gateways: [{ url: 'http://127.0.0.1:1', publicKeyFile: 'gateway.pub.pem' }],
      },
    ],
  });
  const central = await startProgram(t, 'central', folder.configFile);
  const args = ['--config', folder.configFile];
  const env = { REVEILLE_CENTRAL_ADMIN: new URL(central.adminUrl).host };
  const networks = await runCentral(['networks', ...args], env);
  t.match(networks, { code: 0, stderr: '' });
  t.match(
    networks.stdout,
    /^NETWORK +STATE +GATEWAY +GATEWAY STATE +CIRCUIT +SUCCESS +LAST SUCCESS +QUEUE +RANGES +PROTOCOLS\n/,
  );
  t.match(
    networks.stdout,
    /\n214-07 +offline +http:\/\/127\.0\.0\.1:1 +.+ +open: no gateway +- +- +0 +- +-\n$/,
  );
  const stranger = await runCentral(['wake', ...args, uaid], env);
  t.match(stranger, { code: 1, stdout: 'failed: not a uaid of this server\n' });
  t.equal(await central.kill('SIGTERM'), 0);
});
