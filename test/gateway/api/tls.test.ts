import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import t from 'tap';
import { createCaller } from '../../support/gateway-caller.js';
import { createCertificate, writeCertificate } from '../../support/gateway-certificates.js';
import {
  baseConfig,
  createGatewayFolder,
  startGateway,
  type Teardown,
} from '../../support/gateway-setup.js';

const tls = { keyFile: 'tls.key', certFile: 'tls.crt' };

async function startTls(t: Teardown, more: Record<string, unknown> = {}, clientCa?: string) {
  const folder = createGatewayFolder(t);
  const certificate = await createCertificate();
  writeCertificate(folder.path, certificate);
  if (clientCa !== undefined) writeFileSync(join(folder.path, 'ca.crt'), clientCa);
  const config = { ...baseConfig(), tls: { ...tls, ...more } };
  folder.write(config);
  const running = await startGateway(t, {}, folder);
  const callerTls = (options: { ca: string; key?: string; cert?: string }) => {
    const caller = createCaller({
      url: running.gateway.url,
      keys: [folder.centralKey],
      clock: running.clock,
      tls: options,
    });
    t.teardown(() => caller.close());
    return caller;
  };
  return { ...running, folder, certificate, config, callerTls };
}

t.test('over HTTPS the same requests are answered', async (t) => {
  const { gateway, certificate, callerTls } = await startTls(t);
  t.match(gateway.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const caller = callerTls({ ca: certificate.cert });
  t.equal((await caller.send()).status, 200);
  t.equal((await caller.networks()).status, 200);
  t.equal((await caller.send({ nowMs: 0 })).problem, 'signature-stale');
  await t.rejects(callerTls({ ca: (await createCertificate()).cert }).send());
});

t.test('TLS before 1.2 is refused', async (t) => {
  const { gateway } = await startTls(t);
  const port = Number(new URL(gateway.url).port);
  const version = (options: object) =>
    new Promise<string>((resolve) => {
      const socket = connect(
        { host: '127.0.0.1', port, rejectUnauthorized: false, ...options },
        () => {
          resolve(socket.getProtocol() ?? 'none');
          socket.destroy();
        },
      );
      socket.on('error', () => resolve('refused'));
    });
  t.equal(
    await version({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }),
    'refused',
  );
  t.equal(await version({ maxVersion: 'TLSv1.2' }), 'TLSv1.2');
  t.equal(await version({}), 'TLSv1.3');
});

t.test('with clientCaFile a caller needs a certificate of that authority', async (t) => {
  const client = await createCertificate('ns-1');
  const more = { clientCaFile: 'ca.crt' };
  const { certificate, callerTls, gateway, folder, config, lines } = await startTls(
    t,
    more,
    client.cert,
  );
  const ca = certificate.cert;
  t.equal((await callerTls({ ca, ...client }).send()).status, 200);
  await t.rejects(callerTls({ ca }).send());
  await t.rejects(callerTls({ ca, ...(await createCertificate('ns-1')) }).send());

  const next = await createCertificate('ns-1');
  writeFileSync(join(folder.path, 'ca.crt'), next.cert);
  t.ok(gateway.reload());
  await t.rejects(callerTls({ ca, ...client }).send());

  // The second wall falls at a restart only: until then the last authority counts, not any public one.
  folder.write({ ...config, tls });
  t.ok(gateway.reload());
  t.ok(lines.some(({ fields }) => String(fields.keys) === 'tls.clientCaFile'));
  t.equal((await callerTls({ ca, ...next }).send()).status, 200);
  await t.rejects(callerTls({ ca, ...client }).send());
  await t.rejects(callerTls({ ca }).send());
});

t.test('a reload changes the certificate for new connections and drops none', async (t) => {
  const { certificate, callerTls, gateway, folder } = await startTls(t);
  const old = callerTls({ ca: certificate.cert });
  t.equal((await old.send()).status, 200);
  const next = await createCertificate('next.example');
  writeCertificate(folder.path, next);
  t.ok(gateway.reload());
  t.equal((await old.send()).status, 200, 'the old connection stands, with the old certificate');
  t.equal((await callerTls({ ca: next.cert }).send()).status, 200);
  await t.rejects(callerTls({ ca: certificate.cert }).send());

  writeFileSync(join(folder.path, 'tls.crt'), certificate.cert);
  t.notOk(gateway.reload(), 'a certificate that is not of its key is refused');
  t.equal((await callerTls({ ca: next.cert }).send()).status, 200);
});

t.test('status and about are open, also over HTTPS', async (t) => {
  const { gateway, certificate } = await startTls(t);
  const status = await new Promise<number>((resolve, reject) => {
    const asked = request(
      `${gateway.url}/status`,
      { ca: certificate.cert, agent: false },
      (answer) => {
        (answer.socket as TLSSocket).on('error', () => {});
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    asked.on('error', reject);
    asked.end();
  });
  t.equal(status, 200);
});
