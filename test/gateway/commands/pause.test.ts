import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { listenUdp } from '../../support/gateway-handset.js';
import { runGateway, serveGateway } from '../../support/gateway-process.js';
import { createGatewayFolder, type Teardown } from '../../support/gateway-setup.js';

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function setUp(t: Teardown) {
  const folder = createGatewayFolder(t, { admin: `127.0.0.1:${await freePort()}` });
  const command = (...args: string[]) => runGateway([...args, '--config', folder.configFile]);
  return { folder, command };
}

t.test('pause stops a running gateway, over a restart, until resume', async (t) => {
  const { folder, command } = await setUp(t);
  const first = await serveGateway(t, folder.configFile);
  t.same(await command('pause'), { code: 0, stdout: 'paused: everything\n', stderr: '' });
  t.equal((await fetch(`${first.adminUrl}/readyz`)).status, 503);
  first.signal('SIGTERM');
  await first.ended;

  const second = await serveGateway(t, folder.configFile);
  const readyz = await fetch(`${second.adminUrl}/readyz`);
  t.equal(await readyz.text(), 'paused by the operator\n');
  t.equal((await fetch(`${second.url}/status`)).status, 503);
  t.match(await command('resume'), { code: 0, stdout: 'resumed: everything\n' });
  t.equal((await fetch(`${second.adminUrl}/readyz`)).status, 200);
});

t.test('pause and resume work while the configuration file is broken', async (t) => {
  const { folder, command } = await setUp(t);
  await serveGateway(t, folder.configFile);
  writeFileSync(
    folder.configFile,
    readFileSync(folder.configFile, 'utf8').replace('ranges:', 'rangs:'),
  );
  rmSync(join(folder.path, 'gateway.key.pem'));
  t.match(await command('pause', '--network', '214-07'), { code: 0, stdout: 'paused: 214-07\n' });
  const both = await command('pause');
  t.match(both, { code: 0, stdout: 'paused: everything\n' });
  const one = await command('resume', '--network', '214-07');
  t.match(one, { code: 0, stdout: 'resumed: 214-07\n' });
  t.match(one.stderr, /^warning: everything is paused since .*; run resume without --network\n$/);
});

t.test('a network that is not there, and a gateway that does not run, are told', async (t) => {
  const { folder, command } = await setUp(t);
  const stopped = await command('pause');
  t.match(stopped, { code: 1, stderr: /\/pause: no answer .*does the gateway run with this file/ });
  await serveGateway(t, folder.configFile);
  const unknown = await command('pause', '--network', '214-09');
  t.match(unknown, { code: 1, stdout: '', stderr: 'cannot pause 214-09: there is 214-07\n' });
  t.match(await command('pause', '--network', 'x'), { code: 1, stderr: /cannot pause x: write/ });
});

t.test('a pause that a restart will not remember is exit 1, and holds', async (t) => {
  const admin = `127.0.0.1:${await freePort()}`;
  const folder = createGatewayFolder(t, { admin, stateFile: 'gone/state.json' });
  const { adminUrl } = await serveGateway(t, folder.configFile);
  const paused = await runGateway(['pause', '--config', folder.configFile]);
  t.match(paused, { code: 1, stdout: 'paused: everything\n', stderr: /restart will not remember/ });
  t.equal((await fetch(`${adminUrl}/readyz`)).status, 503);
});

t.test('send heeds the switch, whether the gateway runs or not', async (t) => {
  const { folder, command } = await setUp(t);
  const udp = await listenUdp(t);
  const send = () => command('send', '--ip', '127.0.0.1', '--port', String(udp.port));
  const refused = {
    code: 3,
    stdout: 'refused: paused (run reveille-gateway resume to send)\n',
  };
  const gateway = await serveGateway(t, folder.configFile);
  await command('pause', '--network', '214-07');
  t.match(await send(), refused);
  await command('resume');
  t.match(await send(), { code: 0 });
  await command('pause');
  // The running gateway is asked first: its state file may be one that this shell does not know.
  rmSync(join(folder.path, 'gateway.state.json'));
  t.match(await send(), refused);
  await command('pause');
  gateway.signal('SIGTERM');
  await gateway.ended;
  t.match(await send(), refused);
  writeFileSync(join(folder.path, 'gateway.state.json'), '{');
  t.match(await send(), { code: 3, stdout: /^refused: paused \(.*gateway\.state\.json/ });
  t.equal(udp.heard.length, 1);
});
