// What peers may take that are no devices, or not yet: TCP connections, and the time to say what they want.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { generate } from 'selfsigned';
import t, { type Test } from 'tap';
import { createPublicServer } from '../../central/server.js';
import { sampleConnections } from '../support/central-samples.js';
import {
  createCentralFolder,
  type RunningCentral,
  startCentral,
} from '../support/running-central.js';
import { connectDevice } from '../support/test-device.js';

const open = 'reveille_central_connections_open';
const refused = (reason: string) =>
  `reveille_central_connections_refused_total{reason="${reason}"}`;

/** A peer that connects and says nothing; whatever it is sent is read. */
async function silentPeer(t: Test, url: string, localAddress = '127.0.0.1'): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const tcp = connect({ host: hostname, port: Number(port), localAddress });
  t.teardown(() => tcp.destroy());
  tcp.on('error', () => {});
  await once(tcp.resume(), 'connect');
  return tcp;
}

async function until({ metric }: RunningCentral, line: string, value: number): Promise<void> {
  while ((await metric(line)) !== value);
}

t.test(
  'beyond connectionsMax a connection is closed, and one that leaves makes room',
  async (t) => {
    const running = await startCentral(t, { config: { connectionsMax: 2 } });
    const { url, metric } = running;
    const first = await silentPeer(t, url);
    await silentPeer(t, url, '127.0.0.2');
    await until(running, open, 2);
    const third = await silentPeer(t, url, '127.0.0.3');
    await once(third, 'close');
    t.equal(third.bytesRead, 0, 'without an answer');
    t.equal(await metric(refused('connections')), 1);
    first.destroy();
    await until(running, open, 1);
    t.equal((await fetch(`${url}/status`)).status, 200);
  },
);

t.test('beyond connectionsPerAddressMax those of one address are closed', async (t) => {
  const running = await startCentral(t, { config: { connectionsPerAddressMax: 1 } });
  const { url, metric } = running;
  await silentPeer(t, url, '127.0.0.2');
  await until(running, open, 1);
  await once(await silentPeer(t, url, '127.0.0.2'), 'close');
  t.equal(await metric(refused('connections-per-address')), 1);
  t.equal((await fetch(`${url}/status`)).status, 200, 'another address');
});

t.test('a proxy that is trusted has no limit of its own, but counts', async (t) => {
  const config = {
    ...{ connectionsMax: 3, connectionsPerAddressMax: 1 },
    trustedProxies: ['127.0.0.2/32'],
  };
  const running = await startCentral(t, { config });
  for (let i = 0; i < 3; i++) await silentPeer(t, running.url, '127.0.0.2');
  await until(running, open, 3);
  await once(await silentPeer(t, running.url, '127.0.0.2'), 'close');
  t.equal(await running.metric(refused('connections')), 1);
});

t.test('devices do not count once they have their sockets', async (t) => {
  const folder = createCentralFolder(t);
  const { private: key, cert: ca } = await generate([{ name: 'commonName', value: 'push' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  writeFileSync(join(folder.path, 'tls.key'), key);
  writeFileSync(join(folder.path, 'tls.crt'), ca);
  for (const tls of [undefined, { keyFile: 'tls.key', certFile: 'tls.crt' }]) {
    const config = { connectionsPerAddressMax: 1, ...(tls && { tls }) };
    const running = await startCentral(t, { folder, config });
    for (let i = 0; i < 3; i++) {
      const device = await connectDevice(t, running.url, { ca });
      t.equal((await device.hello()).status, 200);
    }
    t.equal(await running.metric(open), 0);
    await silentPeer(t, running.url);
    await until(running, open, 1);
    await t.rejects(connectDevice(t, running.url, { ca }));
    t.equal(await running.metric(refused('connections-per-address')), 1);
  }
});

t.test('a TLS connection that never became a socket makes room when it ends', async (t) => {
  const folder = createCentralFolder(t);
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'push' }]);
  writeFileSync(join(folder.path, 'tls.key'), key);
  writeFileSync(join(folder.path, 'tls.crt'), cert);
  const config = { tls: { keyFile: 'tls.key', certFile: 'tls.crt' } };
  const running = await startCentral(t, { folder, config });
  const tls = connectTls({ port: Number(new URL(running.url).port), rejectUnauthorized: false });
  await once(tls, 'secureConnect');
  await until(running, open, 1);
  tls.destroy();
  await until(running, open, 0);
});

t.test('a request that is read again, without its offer, counts once', async (t) => {
  const running = await startCentral(t, { config: { connectionsMax: 1 } });
  const tcp = await silentPeer(t, running.url);
  tcp.write('GET /status HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  const [answer] = await once(tcp, 'data');
  t.match(String(answer), /^HTTP\/1.1 200 /);
  await until(running, open, 0);
});

t.test('who says nothing is not kept', async (t) => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'push' }]);
  for (const tls of [undefined, { key, cert }]) {
    const server = createPublicServer({
      ...{ tls, connections: sampleConnections(), patienceMs: 50 },
      onRequest: () => {},
      onUpgrade: () => false,
    });
    t.teardown(() => server.close(0));
    const tcp = await silentPeer(t, await server.open({ host: '127.0.0.1', port: 0 }));
    await once(tcp, 'close');
    t.pass('though it has said nothing');
  }
});
