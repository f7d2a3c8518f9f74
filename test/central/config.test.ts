// central.yaml: its defaults, its rules, and what is said about each that is broken.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { envPrefix, schemaFor } from '../../central/config.js';
import { loadConfig } from '../../shared/config.js';

type Test = { testdir(): string };

/** Reads a configuration; `minimal` has what every one must have. */
function load(t: Test, yaml: string, env: Record<string, string> = {}) {
  const file = join(t.testdir(), 'central.yaml');
  writeFileSync(file, yaml);
  return loadConfig({ schemaFor, file, envPrefix, env });
}

const minimal = 'listen: 127.0.0.1:0\nsecretKeyFile: s\nsigningKeyFile: k\n';

/** The problems of the smallest configuration with these lines added. */
const problemsOf = (t: Test, yaml: string, env?: Record<string, string>) =>
  load(t, minimal + yaml, env).problems;

t.test('the smallest configuration names two keys, and gets the documented defaults', async (t) => {
  const { config } = load(t, minimal);
  t.match(config, {
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 9100 },
    secretKeyFile: join(t.testdir(), 's'),
    signingKeyFile: join(t.testdir(), 'k'),
    store: { path: join(t.testdir(), 'central.db') },
    networks: [],
    ...{ idleCloseMs: 10_000, helloTimeoutMs: 30_000, resendMs: 60_000, frameBytesMax: 20_480 },
    vacantDeviceMs: 3_600_000,
    ...{ recoveryMs: 604_800_000, wakeupRetryFloorMs: 8_000, wakeupAttemptsMax: 5 },
    ...{ messageBytesMax: 4_096, ttlMaxSeconds: 2_592_000, messagesPerDeviceMax: 100 },
    messagesEndedPerDeviceMax: 1_000,
    ...{ gatherNormalMs: 5_000, messageStatusMs: 86_400_000 },
    ...{ receiptWaitMaxMs: 60_000, receiptWaitersMax: 1_000 },
    ...{ receiptWaitersPerAddressMax: 100 },
    ...{ wakeupLeaseMs: 43_200_000, legacyTrust: 'range', legacyProbationMs: 86_400_000 },
    log: { level: 'info' },
  });
  t.notOk(config?.publicUrl);
  t.ok(Object.isFrozen(config) && Object.isFrozen(config?.networks));
});

t.test(
  'relative paths are taken from the folder of the file, absolute ones as they are',
  async (t) => {
    const more = 'store: sqlite:db/c.db\ntls: {keyFile: /etc/tls.key, certFile: tls.crt}\n';
    const { config } = load(t, minimal + more);
    const folder = t.testdir();
    t.match(config?.store, { path: join(folder, 'db/c.db') });
    t.match(config?.tls, { keyFile: '/etc/tls.key', certFile: join(folder, 'tls.crt') });
    t.match(load(t, `${minimal}store: sqlite:/var/c.db`).config?.store, { path: '/var/c.db' });
    t.match(load(t, `${minimal}store: 'sqlite::memory:'`).config?.store, { path: ':memory:' });
  },
);

t.test('a network has its gateways and may be narrowed', async (t) => {
  const { config } = load(
    t,
    `${minimal}networks:
  - network: 214-007
    netid: net-b
    ranges: [10.0.0.0/8, "fd12:3456:7::/48"]
    gateways: [{url: "https://w.example:8443", publicKeyFile: p, caFile: ca}]\n`,
  );
  const [network] = config?.networks ?? [];
  t.match(network, { network: '214-007', netid: 'net-b' });
  t.same(
    network?.ranges?.map(({ text }) => text),
    ['10.0.0.0/8', 'fd12:3456:7::/48'],
  );
  t.match(network?.gateways, [{ url: 'https://w.example:8443', caFile: join(t.testdir(), 'ca') }]);
});

const gateway = 'gateways: [{url: "https://a:1", publicKeyFile: p}]';
const withGateway = (fields: string) =>
  `networks: [{network: 214-07, gateways: [{publicKeyFile: p, ${fields}}]}]`;
const gatewayUrl =
  'networks[0].gateways[0].url: write https://<host>:<port> (http on a loopback address only)';
const publicUrl = 'publicUrl: write a URL such as https://push.example';
const network =
  'networks[0]: write network as <mcc>-<mnc> with 3 and 2 or 3 digits, netid without spaces';
const store = 'store: write sqlite:<file> or sqlite::memory:';

// One line of configuration for each rule, and what is said.
const broken: [string, string][] = [
  ['bogus: 1', 'bogus: unknown key; remove it'],
  ['idlecloseMs: 1000', 'idlecloseMs: unknown key; remove it'],
  ['__proto__: {idleCloseMs: 1000}', '__proto__: unknown key; remove it'],
  ['log: {levels: info}', 'log.levels: unknown key; remove it'],
  ['tls: {keyFile: k, certFile: c, caFile: x}', 'tls.caFile: unknown key; remove it'],
  [
    withGateway('url: "https://a:1", key: x'),
    'networks[0].gateways[0].key: unknown key; remove it',
  ],
  [
    `networks: [{network: 214-07, port: 1, ${gateway}}]`,
    'networks[0].port: unknown key; remove it',
  ],
  ['tls: {keyFile: k}', 'tls.certFile: is required'],
  ['networks: [{network: 214-07}]', 'networks[0].gateways: is required'],
  [`networks: [{${gateway}}]`, 'networks[0].network: is required'],
  [
    'networks: [{network: 214-07, gateways: [{url: "https://a:1"}]}]',
    'networks[0].gateways[0].publicKeyFile: is required',
  ],
  ['admin: "9100"', 'admin: write host:port, such as 127.0.0.1:8080'],
  ['admin: 127.0.0.1:65536', 'admin: write host:port, such as 127.0.0.1:8080'],
  ['publicUrl: push.example', publicUrl],
  ['publicUrl: ftp://push.example', publicUrl],
  ['publicUrl: "https://"', publicUrl],
  ['publicUrl: "https:///x"', publicUrl],
  ['publicUrl: https://push.example/?a', publicUrl],
  ['publicUrl: "https://push.example/#a"', publicUrl],
  ['publicUrl: "https://push.example "', publicUrl],
  ['publicUrl: "https://push.example/a b"', publicUrl],
  ['publicUrl: https://user:pass@push.example', publicUrl],
  ['publicUrl: https://push.example:99999', publicUrl],
  [withGateway('url: "http://10.0.0.1:8443"'), gatewayUrl],
  [withGateway('url: "http://w.example:8443"'), gatewayUrl],
  [withGateway('url: "https://w.example:8443/v1"'), gatewayUrl],
  [withGateway('url: "https://w.example:8443/?a"'), gatewayUrl],
  [withGateway('url: "https://w.example:8443/#a"'), gatewayUrl],
  [withGateway('url: "https://me@w.example:8443"'), gatewayUrl],
  [withGateway('url: "https://w.example:8443 "'), gatewayUrl],
  [withGateway('url: w.example:8443'), gatewayUrl],
  [
    withGateway('url: "https://a:1", keyFile: k'),
    'networks[0].gateways[0]: certFile and keyFile go together',
  ],
  [
    withGateway('url: "https://a:1", certFile: c'),
    'networks[0].gateways[0]: certFile and keyFile go together',
  ],
  [`networks: [{network: 214-7, ${gateway}}]`, network],
  [`networks: [{network: 214-0007, ${gateway}}]`, network],
  [`networks: [{network: "21407", ${gateway}}]`, network],
  [`networks: [{network: 214-07, netid: a b, ${gateway}}]`, network],
  [
    `networks: [{network: 214-07, ranges: [10.0.0.1/8], ${gateway}}]`,
    'networks[0].ranges[0]: has host bits set',
  ],
  [
    `networks: [{network: 214-07, ranges: [10.0.0.0-10.0.0.9], ${gateway}}]`,
    'networks[0].ranges[0]: is no CIDR range such as 10.0.0.0/8',
  ],
  ['store: redis:localhost', store],
  ['store: central.db', store],
  ['store: "sqlite:"', store],
];

t.test('each broken rule is told with its key', async (t) => {
  for (const [yaml, problem] of broken) t.same(problemsOf(t, yaml), [problem], yaml);
});

t.test('a limit outside its range, or no whole number, is told with its key', async (t) => {
  const bad = [
    ...['idleCloseMs: 99', 'idleCloseMs: 86400001', 'idleCloseMs: 1.5', 'idleCloseMs: 10s'],
    ...['idleCloseMs: null', 'idleCloseMs: .inf', 'frameBytesMax: 255', 'bodyBytesMax: 15'],
    ...['socketsMax: 0', 'channelsPerDeviceMax: -1', 'wakeupQueueMax: 0', 'wakeupLeaseMs: 999'],
    ...['wakeupRetryFloorMs: 99', 'wakeupAttemptsMax: 101', 'recoveryMs: -1', 'log: {level: loud}'],
    ...['messageBytesMax: 4095', 'messageBytesMax: 65537', 'ttlMaxSeconds: -1'],
    ...[
      'messagesPerDeviceMax: 0',
      'messagesPerDeviceMax: 1001',
      'messagesEndedPerDeviceMax: 0',
      'receiptWaitersMax: 0',
    ],
    ...['circuitSuccessMin: 1.1', 'circuitSuccessMin: -0.1', 'legacyTrust: sometimes'],
  ];
  for (const yaml of bad) {
    const key = yaml.split(/[:{ ]+/)[0] ?? '';
    const [problem, ...others] = problemsOf(t, yaml);
    t.match(problem, new RegExp(`^${key}(\\.level|\\[0\\])?: .`), yaml);
    t.same(others, []);
  }
});

t.test('networks that are no list are told as that', async (t) => {
  for (const yaml of ['networks: 214-07', 'networks: {network: 214-07}', 'networks: [214-07]']) {
    t.match(problemsOf(t, yaml), [/^networks(\[0\])?: /], yaml);
  }
});

t.test('gateways may be on loopback without TLS', async (t) => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    t.same(problemsOf(t, withGateway(`url: "http://${host}:8443"`)), [], host);
  }
});

t.test('publicUrl is required where others than this machine connect', async (t) => {
  const keys = 'secretKeyFile: s\nsigningKeyFile: k\n';
  const missing =
    'publicUrl: is required when listen is not a loopback address: what do app servers reach?';
  t.same(load(t, keys).problems, [missing]);
  t.same(load(t, `${keys}listen: "[::]:8080"`).problems, [missing]);
  const { config } = load(t, `${keys}publicUrl: https://push.example/base//`);
  t.equal(config?.publicUrl, 'https://push.example/base');
});

t.test('publicUrl has the form in which clients write it', async (t) => {
  const forms: Record<string, string> = {
    'https://Push.Example:443': 'https://push.example',
    'http://push.example:80/base/': 'http://push.example/base',
    'https://push.example:8443': 'https://push.example:8443',
    'https://bücher.example': 'https://xn--bcher-kva.example',
  };
  for (const [text, form] of Object.entries(forms)) {
    t.equal(load(t, `${minimal}publicUrl: ${text}`).config?.publicUrl, form, text);
  }
});

t.test('every problem is told at once, those of the environment too', async (t) => {
  const yaml = 'bogus: 1\nidleCloseMs: 1\nstore: x\nlog: {level: loud}\nnetworks: [{}]\n';
  const { problems } = load(t, yaml, { REVEILLE_CENTRAL_FOO: '1', REVEILLE_CENTRAL_ADMIN: 'x' });
  const keys = problems.map((problem) => problem.split(':')[0]);
  t.same(
    new Set(keys),
    new Set([
      ...[
        'REVEILLE_CENTRAL_FOO',
        'secretKeyFile',
        'signingKeyFile',
        'bogus',
        'idleCloseMs',
        'store',
      ],
      ...['log.level', 'networks[0].network', 'networks[0].gateways', 'admin', 'publicUrl'],
    ]),
  );
});

t.test('the environment goes over the file', async (t) => {
  const env = {
    REVEILLE_CENTRAL_IDLECLOSEMS: '2000',
    REVEILLE_CENTRAL_LOG_LEVEL: 'debug',
    REVEILLE_CENTRAL_WAKEUP_RETRY_FLOOR_MS: '2000',
    REVEILLE_CENTRAL_PUBLIC_URL: 'https://push.example',
    REVEILLE_GATEWAY_LISTEN: 'not ours',
    HOME: '/root',
  };
  const { config, problems } = load(t, `${minimal}idleCloseMs: 1000`, env);
  t.same(problems, []);
  t.match(config, {
    idleCloseMs: 2000,
    log: { level: 'debug' },
    wakeupRetryFloorMs: 2000,
    publicUrl: 'https://push.example',
  });
});

t.test('a file that is no YAML of keys and values is told as that', async (t) => {
  for (const yaml of [
    '- a',
    'x',
    '5',
    '[]',
    'a: [',
    '\tlisten: x',
    'listen: a\nlisten: b',
    '%',
    '"',
  ]) {
    const { problems } = load(t, yaml);
    t.equal(problems.length > 0, true, yaml);
    t.match(problems[0], /central\.yaml: /, yaml);
  }
});

t.test('trusted proxies are ranges; none is the default', async (t) => {
  t.same(load(t, minimal).config?.trustedProxies, []);
  const { config } = load(t, `${minimal}trustedProxies: [10.0.0.0/8, "::1"]\n`);
  t.match(config?.trustedProxies, [{ text: '10.0.0.0/8' }, { text: '::1/128' }]);
  t.same(problemsOf(t, 'trustedProxies: [10.0.0.1/8]\n'), ['trustedProxies[0]: has host bits set']);
  t.match(problemsOf(t, 'trustedProxies: [proxy]\n'), [/trustedProxies\[0\]: is no CIDR range/]);
});
