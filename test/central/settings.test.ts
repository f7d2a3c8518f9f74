// The files that a configuration names: what is read from them, and what is said about each that is wrong.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadSettings } from '../../central/settings.js';
import { createCertificate, writeCertificate } from '../support/gateway-certificates.js';
import {
  type ConfigTree,
  createCentralFolder,
  networkThrough,
} from '../support/running-central.js';

type Test = Parameters<typeof createCentralFolder>[0];

function setUp(t: Test, config: ConfigTree = {}) {
  const folder = createCentralFolder(t, config);
  const file = (name: string) => join(folder.path, name);
  return {
    ...folder,
    file,
    put: (name: string, content: string | Uint8Array) => writeFileSync(file(name), content),
    load: () => loadSettings(folder.configFile, {}),
    problems: () => {
      const loaded = loadSettings(folder.configFile, {});
      return loaded.settings ? [] : loaded.problems;
    },
  };
}

const url = 'https://w.example:8443';

t.test('keys, certificates and gateways are read', async (t) => {
  const tls = { keyFile: 'tls.key', certFile: 'tls.crt' };
  const gateway = { url, publicKeyFile: 'gateway.pub.pem', caFile: 'tls.crt', ...tls };
  const networks = [{ network: '214-07', gateways: [gateway] }];
  const { path, file, load, centralKeys } = setUp(t, { tls, networks });
  writeCertificate(path, await createCertificate());
  const { settings } = load();
  if (!settings) return t.fail('not read');
  t.same(settings.secretKey, readFileSync(file('secret.key')));
  t.equal(settings.signingKeys[0]?.keyid, centralKeys[0]?.keyid);
  const [key, cert] = ['tls.key', 'tls.crt'].map((name) => readFileSync(file(name), 'utf8'));
  t.same(settings.tls, { key, cert });
  t.same(settings.gateways.get(url)?.tls, { key, cert, ca: cert });
  t.equal(settings.gateways.get(url)?.publicKeys.length, 1);
});

t.test('a file may hold two keys while one takes over from the other', async (t) => {
  const { put, file, load } = setUp(t, { networks: [networkThrough(url)] });
  const other = generateKeyPairSync('ed25519');
  const privatePem = other.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const publicPem = other.publicKey.export({ type: 'spki', format: 'pem' });
  put('central.key.pem', readFileSync(file('central.key.pem'), 'utf8') + privatePem);
  put('gateway.pub.pem', readFileSync(file('gateway.pub.pem'), 'utf8') + publicPem);
  const { settings } = load();
  t.equal(settings?.signingKeys.length, 2);
  t.equal(settings?.gateways.get(url)?.publicKeys.length, 2);
});

t.test('a secret key of any other length is refused and not shown', async (t) => {
  const { put, file, problems } = setUp(t);
  for (const length of [0, 16, 31, 33, 64]) {
    put('secret.key', Buffer.alloc(length, 0x41));
    const wanted = `must hold 32 random bytes, it has ${length}; make one with keygen`;
    t.same(problems(), [`secretKeyFile: ${file('secret.key')}: ${wanted}`]);
  }
});

t.test('every file that is missing is told at once, with its key', async (t) => {
  const tls = { keyFile: 'no.key', certFile: 'tls.crt' };
  const gateway = { url, publicKeyFile: 'no.pub.pem' };
  const networks = [{ network: '214-07', gateways: [gateway, { ...gateway, url: 'https://b:1' }] }];
  const { file, problems } = setUp(t, { tls, networks });
  rmSync(file('secret.key'));
  rmSync(file('central.key.pem'));
  const missing = (name: string) =>
    `${file(name)}: cannot be read (ENOENT); put it there or correct the path`;
  t.same(problems(), [
    `secretKeyFile: ${missing('secret.key')}`,
    `signingKeyFile: ${missing('central.key.pem')}`,
    `tls: ${missing('no.key')}`,
    `networks[0].gateways[0]: ${missing('no.pub.pem')}`,
    `networks[0].gateways[1]: ${missing('no.pub.pem')}`,
  ]);
});

t.test('a file of the wrong kind is refused, and none of it is shown', async (t) => {
  const { put, file, problems } = setUp(t, {
    networks: [networkThrough(url, { gateways: [{ url, publicKeyFile: 'p.pem', caFile: 'ca' }] })],
  });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  put('p.pem', rsa.publicKey.export({ type: 'spki', format: 'pem' }));
  put('central.key.pem', readFileSync(file('central.pub.pem')));
  const found = problems();
  t.match(found, [
    `signingKeyFile: ${file('central.key.pem')}: `,
    `networks[0].gateways[0]: ${file('p.pem')}: `,
    `networks[0].gateways[0]: ${file('ca')}: cannot be read`,
  ]);
  t.equal(found.length, 3);
  t.notMatch(found.join(), /MC4C|MII|MCow/);
  for (const empty of ['', 'garbage']) {
    put('central.key.pem', empty);
    t.match(problems()[0], `signingKeyFile: ${file('central.key.pem')}: `, empty);
  }
});

t.test('a caFile without a certificate is refused', async (t) => {
  const gateways = [{ url, publicKeyFile: 'gateway.pub.pem', caFile: 'ca.crt' }];
  const { put, file, problems } = setUp(t, { networks: [networkThrough(url, { gateways })] });
  const halves = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  for (const content of ['', 'garbage', halves, readFileSync(file('central.pub.pem'))]) {
    put('ca.crt', content);
    const [problem, ...others] = problems();
    t.match(
      problem,
      `networks[0].gateways[0]: ${file('ca.crt')}: holds no certificate in PEM (`,
      'and why',
    );
    t.same(others, []);
  }
});

t.test('a TLS key that is not that of its certificate is refused', async (t) => {
  const { path, put, problems } = setUp(t, { tls: { keyFile: 'tls.key', certFile: 'tls.crt' } });
  writeCertificate(path, await createCertificate());
  t.same(problems(), []);
  put('tls.key', (await createCertificate()).key);
  t.match(problems(), [/^tls: .*tls\.key, .*tls\.crt: not a PEM key with its certificate/]);
});

t.test('a network is listed once', async (t) => {
  const networks = [networkThrough(url), networkThrough(url, { netid: '214-07.default' })];
  const { problems, write } = setUp(t, { networks });
  t.same(problems(), ['networks[1]: 214-07 is listed twice; put its gateways together']);
  write({ networks: [networkThrough(url), networkThrough(url, { network: '214-007' })] });
  t.same(problems(), []);
});

t.test('a gateway of several networks has the same files in each', async (t) => {
  const other = { gateways: [{ url, publicKeyFile: 'central.pub.pem' }], netid: 'net-b' };
  const { problems, write } = setUp(t, {
    networks: [networkThrough(url), networkThrough(url, other)],
  });
  t.same(problems(), [
    `networks[1].gateways[0]: ${url} is listed above with other files; give it the same ones`,
  ]);
  write({ networks: [networkThrough(url), networkThrough(url, { netid: 'net-b' })] });
  t.same(problems(), []);
});

t.test('a configuration file that is not there is told', async (t) => {
  const loaded = loadSettings('/nonexistent/central.yaml', {});
  t.notOk(loaded.settings);
  t.match(loaded, { problems: [/^\/nonexistent\/central\.yaml: cannot be read \(ENOENT/] });
});
