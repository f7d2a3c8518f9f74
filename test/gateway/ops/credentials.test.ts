// End dates of keys and certificates, as pages and metrics tell them.
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { credentialsOf } from '../../../gateway/ops/credentials.js';
import type { Facts } from '../../../gateway/ops/facts.js';
import { loadSettings, type Settings } from '../../../gateway/settings.js';
import { createCertificate, writeCertificate } from '../../support/gateway-certificates.js';
import {
  baseConfig,
  type ConfigTree,
  createGatewayFolder,
  type GatewayFolder,
  startGateway,
} from '../../support/gateway-setup.js';

const tls = { keyFile: 'tls.key', certFile: 'tls.crt' };

function settingsOf({ write, configFile }: GatewayFolder, changes: ConfigTree = {}): Settings {
  write({ ...baseConfig(), ...changes });
  const { settings, problems } = { problems: [], ...loadSettings(configFile, {}) };
  if (!settings) throw new Error(problems.join('\n'));
  return settings;
}

t.test('keys have the end that the configuration writes down, or none', async (t) => {
  const folder = createGatewayFolder(t);
  const centrals = [{ id: 'ns-1', publicKeyFile: 'ns-1.pub.pem', keyRenewBy: '2027-03-01' }];
  const { certificates, keys } = credentialsOf(settingsOf(folder, { centrals }));
  t.same(certificates, []);
  t.same(keys, [
    { role: 'gateway', central: '', keyids: folder.gatewayKeys.map(({ keyid }) => keyid) },
    {
      role: 'central',
      central: 'ns-1',
      keyids: [folder.centralKey.keyid],
      renewByMs: Date.UTC(2027, 2, 1),
    },
  ]);
});

t.test('a certificate file ends with the first of its certificates', async (t) => {
  const folder = createGatewayFolder(t);
  const certificate = await createCertificate('a.example');
  writeCertificate(folder.path, certificate);
  const [alone] = credentialsOf(settingsOf(folder, { tls })).certificates;
  t.match(alone, { use: 'server', names: ['a.example'] });
  t.ok((alone?.notAfterMs ?? 0) > Date.now());
  appendFileSync(join(folder.path, 'tls.crt'), `\n${(await createCertificate('b.example')).cert}`);
  const both = credentialsOf(
    settingsOf(folder, { tls: { ...tls, clientCaFile: 'tls.crt' } }),
  ).certificates;
  t.match(both, [
    { use: 'server', names: ['a.example', 'b.example'], notAfterMs: alone?.notAfterMs },
    { use: 'client-ca' },
  ]);
});

t.test('client CAs serve until the last of them has ended', async (t) => {
  const folder = createGatewayFolder(t);
  writeCertificate(folder.path, await createCertificate('a.example'));
  const old = await createCertificate('old.example', new Date('2020-01-01'));
  const next = await createCertificate('next.example');
  writeFileSync(join(folder.path, 'ca.crt'), old.cert + next.cert);
  const changes = { tls: { ...tls, clientCaFile: 'ca.crt' } };
  const [, ca] = credentialsOf(settingsOf(folder, changes)).certificates;
  t.ok((ca?.notAfterMs ?? 0) < Date.now());
  t.ok((ca?.usableUntilMs ?? 0) > Date.now());

  const { gateway, clock } = await startGateway(t, {}, folder);
  const state = async () => {
    const facts = (await (await fetch(`${gateway.adminUrl}/ops.json`)).json()) as Facts;
    return facts.state;
  };
  clock.advance(Date.now() - clock.now());
  const { names, warnings } = await state();
  t.notOk(names.includes('problem'));
  t.ok(warnings.includes('A certificate in the client-ca file has ended; others there have not.'));
  clock.advance(2 * 366 * 86_400_000);
  t.ok((await state()).reasons.some((reason) => reason.startsWith('The client-ca certificate')));
});

t.test('a file without a readable certificate is left out, and nothing throws', async (t) => {
  const settings = settingsOf(createGatewayFolder(t));
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const { certificates } = credentialsOf({ ...settings, tls: { key: '', cert: '', ca: broken } });
  t.same(certificates, []);
});

t.test('a day that is none is refused, with the key it stands under', async (t) => {
  const folder = createGatewayFolder(t);
  folder.write({ ...baseConfig(), keyRenewBy: '1 March' });
  const { problems } = { problems: [], ...loadSettings(folder.configFile, {}) };
  t.same(problems, ['keyRenewBy: write a date such as 2027-03-01']);
});
