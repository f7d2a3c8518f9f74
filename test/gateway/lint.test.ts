// What a start and check-config say of ranges, keys and certificates. Warnings about the policy alone are in
// policy/warnings.test.ts.
import { appendFileSync, chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadSettings } from '../../gateway/settings.js';
import { createCertificate, writeCertificate } from '../support/gateway-certificates.js';
import {
  baseConfig,
  type ConfigTree,
  createGatewayFolder,
  type GatewayFolder,
  type Teardown,
} from '../support/gateway-setup.js';
import { createManualClock } from '../support/manual-clock.js';

const dayMs = 86_400_000;
const tls = { keyFile: 'tls.key', certFile: 'tls.crt' };

/** Errors where there are some, otherwise the warnings that the base configuration has not. */
function lint(
  { configFile }: GatewayFolder,
  options: { afterDays?: number; isReload?: boolean; env?: Record<string, string> } = {},
): { errors?: readonly string[]; warnings?: readonly string[] } {
  const { isReload = false } = options;
  const clock = createManualClock(Date.now() + (options.afterDays ?? 0) * dayMs);
  const loaded = loadSettings(configFile, options.env ?? {}, { clock, isReload });
  if (!loaded.settings) return { errors: loaded.problems };
  const usual = /allowLoopbackTargets|handsetIntervalMs/;
  return { warnings: loaded.settings.warnings.filter((warning) => !usual.test(warning)) };
}

async function withTls(t: Teardown, changes: ConfigTree = {}): Promise<GatewayFolder> {
  const folder = createGatewayFolder(t, { tls, ...changes });
  writeCertificate(folder.path, await createCertificate());
  chmodSync(join(folder.path, 'tls.key'), 0o600);
  return folder;
}

t.test('ranges that nobody can mean are errors', async (t) => {
  const folder = createGatewayFolder(t);
  const rangesOf = (...ranges: string[]) => {
    folder.write({ ...baseConfig(), networks: [{ network: '214-07', ranges }] });
    return lint(folder).errors;
  };
  t.same(rangesOf('0.0.0.0/0', '::/0'), [
    'networks[0].ranges[0]: is every address; write the ranges that are yours',
    'networks[0].ranges[1]: is every address; write the ranges that are yours',
  ]);
  t.same(rangesOf('10.0.0.1/8'), [
    'networks[0].ranges[0]: has bits set behind the prefix length; write the first address of the range',
  ]);
  t.same(rangesOf('10.0.0.0/8', '10.1.0.0/16', '192.168.0.0/16', '192.168.0.0/16'), [
    'networks[0].ranges: 10.1.0.0/16 lies in 10.0.0.0/8, 192.168.0.0/16 lies in 192.168.0.0/16 already; take one of the two out',
  ]);
  folder.write({ ...baseConfig(), infrastructure: ['10.0.0.1/8'] });
  t.match(lint(folder).errors, [/^infrastructure\[0\]: has bits set/]);
});

t.test('a private key that others can read is warned about, with its mode', async (t) => {
  const folder = await withTls(t);
  t.same(lint(folder).warnings, []);
  chmodSync(join(folder.path, 'gateway.key.pem'), 0o640);
  chmodSync(join(folder.path, 'tls.key'), 0o644);
  t.same(lint(folder).warnings, [
    `keyFile: ${folder.path}/gateway.key.pem is open to its group (mode 0640); chmod it to 0600`,
    `tls.keyFile: ${folder.path}/tls.key is open to everybody (mode 0644); chmod it to 0600`,
  ]);
  const env = { CREDENTIALS_DIRECTORY: folder.path };
  t.same(lint(folder, { env }).warnings, [], "systemd's copies have an access list");
});

t.test('a certificate that ends within 30 days is warned about', async (t) => {
  const folder = await withTls(t);
  t.same(lint(folder, { afterDays: 334 }).warnings, []);
  t.match(lint(folder, { afterDays: 350 }).warnings, [
    /^tls\.certFile: ends on \d{4}-\d\d-\d\d, in 1[45] days; renew it$/,
  ]);
});

t.test('a certificate that has ended is an error', async (t) => {
  const folder = await withTls(t);
  t.match(lint(folder, { afterDays: 366 }).errors, [
    /^tls: certFile ended on \d{4}-\d\d-\d\d; put a new certificate there$/,
  ]);
});

t.test(
  'a clientCaFile without a certificate is an error, for any authority would do',
  async (t) => {
    const folder = await withTls(t, { tls: { ...tls, clientCaFile: 'ca.crt' } });
    const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    for (const pem of ['', 'no certificate', garbage]) {
      writeFileSync(join(folder.path, 'ca.crt'), pem);
      t.match(lint(folder).errors, [/^tls: .*ca\.crt: holds no certificate in PEM/], pem);
    }
  },
);

t.test('at a reload a certificate that has ended is a warning', async (t) => {
  const folder = await withTls(t);
  t.match(lint(folder, { afterDays: 366, isReload: true }).warnings, [
    /^tls\.certFile: ended on \d{4}-\d\d-\d\d; renew it$/,
  ]);
});

t.test('an ended certificate further on in the chain is a warning', async (t) => {
  const folder = await withTls(t);
  const old = await createCertificate('old.example', new Date('2020-01-01'));
  appendFileSync(join(folder.path, 'tls.crt'), `\n${old.cert}`);
  t.match(lint(folder).warnings, [
    /^tls\.certFile: a further certificate in it ended on 202[01]-\d\d-\d\d; renew it$/,
  ]);
});

t.test('a certificate that is not valid yet is warned about', async (t) => {
  const folder = await withTls(t);
  t.match(lint(folder, { afterDays: -2 }).warnings, [
    /^tls\.certFile: is not valid before \d{4}-\d\d-\d\d; compare the clock of this host$/,
  ]);
});

t.test('a certificate that does not name the authorities is warned about', async (t) => {
  const authorities = ['127.0.0.1:8443', 'wakeup.example', 'other.example:8443', '[::1]:8443'];
  const folder = await withTls(t, { authorities });
  t.same(lint(folder).warnings, [
    'tls.certFile: names IP Address:127.0.0.1 but not wakeup.example, other.example:8443, [::1]:8443 of authorities; callers refuse it',
  ]);
});

t.test('an admin listener that others may reach is warned about', async (t) => {
  for (const admin of ['127.0.0.1:0', 'localhost:9101', '[::1]:9101']) {
    t.same(lint(createGatewayFolder(t, { admin })).warnings, [], admin);
  }
  for (const admin of ['0.0.0.0:9101', '10.9.9.9:9101', 'gateway.example:9101']) {
    t.match(lint(createGatewayFolder(t, { admin })).warnings, [/^admin: is no loopback address; /]);
  }
});

t.test('a key that is not there is an error', async (t) => {
  const folder = createGatewayFolder(t);
  renameSync(join(folder.path, 'gateway.key.pem'), join(folder.path, 'moved.pem'));
  t.match(lint(folder).errors, [
    /^keyFile: .*gateway\.key\.pem: cannot be read \(ENOENT\); put it/,
  ]);
});
