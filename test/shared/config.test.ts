// Configuration files as an operator writes them, on a schema of our own that has each kind of key.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import {
  amount,
  configKeys,
  environmentName,
  filePath,
  listenAddress,
  loadConfig,
  logSchema,
} from '../../shared/config.js';

const schemaFor = (folder: string) =>
  z.strictObject({
    listen: listenAddress('127.0.0.1:8080').describe('where it listens'),
    store: z.string().default('sqlite::memory:').describe('where it keeps things'),
    idleCloseMs: amount(10_000, 100, 60_000).describe('quiet time'),
    dryRun: z.boolean().default(false).describe('send nothing'),
    keyFile: filePath(folder).describe('its key'),
    tls: z
      .strictObject({ certFile: filePath(folder), clientCaFile: filePath(folder).optional() })
      .optional()
      .describe('encryption'),
    networks: z
      .array(
        z.strictObject({
          network: z.string().describe('MCC-MNC'),
          ranges: z.array(z.string()).default([]),
        }),
      )
      .default([])
      .describe('what it serves'),
    log: logSchema,
  });

const folder = mkdtempSync(join(tmpdir(), 'reveille-config-'));
const file = join(folder, 'test.yaml');
t.teardown(() => rmSync(folder, { recursive: true }));

function load(yaml: string, env: Record<string, string | undefined> = {}) {
  writeFileSync(file, yaml);
  return loadConfig({ schemaFor, file, envPrefix: 'REVEILLE_TEST_', env });
}

/** The configuration; a test that meets problems here is at fault. */
function good(yaml: string, env: Record<string, string> = {}) {
  const { config, problems } = load(yaml, env);
  if (!config) throw new Error(problems.join('\n'));
  return config;
}

t.test('what a file leaves out has its default', async (t) => {
  t.same(good('keyFile: /a.pem'), {
    listen: { host: '127.0.0.1', port: 8080 },
    store: 'sqlite::memory:',
    idleCloseMs: 10_000,
    dryRun: false,
    keyFile: '/a.pem',
    networks: [],
    log: { level: 'info' },
  });
});

t.test('the file goes before the default, the environment before the file', async (t) => {
  const yaml = 'keyFile: /a\nidleCloseMs: 200\nlog: { level: warn }\ndryRun: true';
  const env = { REVEILLE_TEST_IDLECLOSEMS: '300', REVEILLE_TEST_LOG_LEVEL: 'error' };
  t.match(good(yaml), { idleCloseMs: 200, log: { level: 'warn' }, dryRun: true });
  t.match(good(yaml, env), { idleCloseMs: 300, log: { level: 'error' }, dryRun: true });
});

t.test('a variable is the path of a key in upper case; words may be parted', async (t) => {
  t.equal(environmentName('REVEILLE_TEST_', ['tls', 'certFile']), 'REVEILLE_TEST_TLS_CERTFILE');
  const config = good('keyFile: /a', {
    REVEILLE_TEST_LISTEN: '[::1]:9000',
    REVEILLE_TEST_IDLE_CLOSE_MS: '300',
    REVEILLE_TEST_DRYRUN: 'true',
    REVEILLE_TEST_TLS_CERT_FILE: '/c.pem',
    REVEILLE_TEST_NETWORKS: '[{ network: 214-07 }]',
    REVEILLE_OTHER_X: 'not ours',
    PATH: '/bin',
  });
  t.match(config, {
    listen: { host: '::1', port: 9000 },
    idleCloseMs: 300,
    dryRun: true,
    tls: { certFile: '/c.pem' },
    networks: [{ network: '214-07', ranges: [] }],
  });
});

t.test('a variable for a text is that text, whatever YAML would make of it', async (t) => {
  for (const text of [
    'sqlite::memory:',
    '0123',
    'true',
    'null',
    '~',
    '*a',
    '{a',
    'a: b',
    '# a',
    '"a"',
  ]) {
    t.equal(good('keyFile: /a', { REVEILLE_TEST_STORE: text }).store, text);
    t.equal(good('{}', { REVEILLE_TEST_KEYFILE: `/${text}` }).keyFile, `/${text}`);
  }
});

t.test('a variable of an item of a list, or of no key, is refused by its name', async (t) => {
  const env = {
    REVEILLE_TEST_LISTN: 'x',
    REVEILLE_TEST_: 'x',
    REVEILLE_TEST_NETWORKS_NETWORK: '214-07',
    REVEILLE_TEST_listen: '127.0.0.1:1',
    REVEILLE_TEST_UNSET: undefined,
  };
  t.same(load('keyFile: /a', env).problems, [
    'REVEILLE_TEST_LISTN: no such key; take this variable out of the environment',
    'REVEILLE_TEST_: no such key; take this variable out of the environment',
    'REVEILLE_TEST_NETWORKS_NETWORK: no such key; take this variable out of the environment',
    'REVEILLE_TEST_listen: no such key; take this variable out of the environment',
  ]);
});

t.test('a bad value in the environment is told with its key', async (t) => {
  const env = { REVEILLE_TEST_IDLE_CLOSE_MS: 'soon', REVEILLE_TEST_DRYRUN: '1' };
  t.same(load('keyFile: /a', env).problems, [
    'idleCloseMs: Invalid input: expected number, received string',
    'dryRun: Invalid input: expected boolean, received number',
  ]);
});

t.test('one bad input for each rule, with its message', async (t) => {
  const bad: [string, string][] = [
    ['', 'keyFile: is required'],
    ['keyFile: /a\nlisten: 8080', 'listen: Invalid input: expected string, received number'],
    ['keyFile: /a\nlisten: here', 'listen: write host:port, such as 127.0.0.1:8080'],
    ['keyFile: ""', 'keyFile: Too small: expected string to have >=1 characters'],
    ['keyFile: /a\nidleCloseMs: 99', 'idleCloseMs: Too small: expected number to be >=100'],
    ['keyFile: /a\nidleCloseMs: 60001', 'idleCloseMs: Too big: expected number to be <=60000'],
    [
      'keyFile: /a\nidleCloseMs: 1.5e2.5',
      'idleCloseMs: Invalid input: expected number, received string',
    ],
    [
      'keyFile: /a\nidleCloseMs: 150.5',
      'idleCloseMs: Invalid input: expected int, received number',
    ],
    ['keyFile: /a\nidleCloseMs:', 'idleCloseMs: Invalid input: expected number, received null'],
    [
      'keyFile: /a\nlog: { level: loud }',
      'log.level: Invalid option: expected one of "debug"|"info"|"warn"|"error"',
    ],
    ['keyFile: /a\nlog: info', 'log: Invalid input: expected object, received string'],
    ['keyFile: /a\nlog: { levl: info }', 'log.levl: unknown key; remove it'],
    ['keyFile: /a\nlisen: x', 'lisen: unknown key; remove it'],
    ['keyFile: /a\ntls: {}', 'tls.certFile: is required'],
    ['keyFile: /a\nnetworks: {}', 'networks: Invalid input: expected array, received object'],
    ['keyFile: /a\nnetworks: [{}]', 'networks[0].network: is required'],
    [
      'keyFile: /a\nnetworks: [{ network: a, ranges: [b, 7] }]',
      'networks[0].ranges[1]: Invalid input: expected string, received number',
    ],
    [
      'keyFile: /a\nnetworks: [{ network: a, mask: 8 }]',
      'networks[0].mask: unknown key; remove it',
    ],
  ];
  for (const [yaml, problem] of bad) t.same(load(yaml).problems, [problem], yaml);
});

t.test('a text may end in a colon without quotes, as sqlite::memory: does', async (t) => {
  for (const line of ['store: sqlite::memory:', 'store: sqlite::memory:   # lost at the end']) {
    t.equal(load(`${line}\nkeyFile: a.key\n`).config?.store, 'sqlite::memory:', line);
  }
});

t.test('all problems are told at once', async (t) => {
  const yaml = 'lisen: a\nidleCloseMs: 1\ntls: { certfile: a }\nlog: { level: 7, x: 1 }\ny: 1';
  const { problems, config } = load(yaml, { REVEILLE_TEST_NONE: '1' });
  t.equal(config, undefined);
  const keys = problems.map((problem) => problem.split(':')[0]).sort();
  t.same(keys, [
    'REVEILLE_TEST_NONE',
    'idleCloseMs',
    'keyFile',
    'lisen',
    'log.level',
    'log.x',
    'tls.certFile',
    'tls.certfile',
    'y',
  ]);
});

t.test('what is no YAML is told with its line', async (t) => {
  const bad: [string, RegExp][] = [
    ['keyFile: /a\nlisten: [::1]:80', /at line 2, column \d+$/],
    ['keyFile: /a\nkeyFile: /b', /^Map keys must be unique at line 2, column 1$/],
    ['keyFile: "/a', /at line 1, column \d+$/],
    ['keyFile: /a\n\tlisten: x', /at line 2, column \d+$/],
    ['keyFile: /a\n---\nkeyFile: /b', /at line 2, column \d+$/],
  ];
  for (const [yaml, pattern] of bad) {
    const { problems } = load(yaml);
    t.ok(problems.length > 0, yaml);
    const [first = ''] = problems;
    t.ok(first.startsWith(`${file}: `), first);
    t.match(first.slice(file.length + 2), pattern);
  }
});

t.test('a file that cannot be taken as keys and values says so', async (t) => {
  for (const yaml of ['- a', 'text', '7', 'true']) {
    t.same(load(yaml).problems, [
      `${file}: must hold keys and values, such as listen: 127.0.0.1:8080`,
    ]);
  }
  t.match(load('keyFile: *none').problems, [/cannot be read/]);
  const bomb = `a: &a [x]\n${'bcdefghij'.replace(/./g, (c, i: number) => {
    const before = 'abcdefghi'[i];
    return `${c}: &${c} [${new Array(9).fill(`*${before}`).join(', ')}]\n`;
  })}`;
  t.match(load(bomb).problems, [/cannot be read \(Excessive alias count/]);
  const missing = loadConfig({ schemaFor, file: join(folder, 'none'), envPrefix: 'X_', env: {} });
  t.match(missing.problems, [/none: cannot be read \(ENOENT/]);
});

t.test('a key named __proto__ changes nothing of any object', async (t) => {
  load('keyFile: /a\n__proto__: { dryRun: true }\nlog: { __proto__: { level: error } }');
  t.equal(({} as Record<string, unknown>).dryRun, undefined);
  t.equal(({} as Record<string, unknown>).level, undefined);
  const { config } = load('keyFile: /a\n__proto__: { dryRun: true }');
  t.not(config?.dryRun, true);
});

t.test('relative paths are taken from the folder of the file', async (t) => {
  const { keyFile, tls } = good(
    'keyFile: a.pem\ntls: { certFile: ../b.pem, clientCaFile: /c.pem }',
  );
  t.equal(keyFile, join(folder, 'a.pem'));
  t.same(tls, { certFile: join(folder, '../b.pem'), clientCaFile: '/c.pem' });
  const fromEnv = good('keyFile: a.pem', { REVEILLE_TEST_KEYFILE: 'env.pem' });
  t.equal(fromEnv.keyFile, join(folder, 'env.pem'), 'those of the environment too');
});

t.test('a configuration is frozen in all its depth, and the next one is another', async (t) => {
  const yaml = 'keyFile: /a\nnetworks: [{ network: a, ranges: [b] }]';
  const config = good(yaml);
  const [network] = config.networks;
  for (const part of [
    config,
    config.listen,
    config.log,
    config.networks,
    network,
    network?.ranges,
  ]) {
    t.ok(Object.isFrozen(part));
  }
  t.throws(() => Object.assign(config, { dryRun: true }), TypeError);
  t.not(good('keyFile: /a').networks, good('keyFile: /a').networks);
});

t.test('the keys of a schema are listed as the documentation has them', async (t) => {
  const keys = configKeys(schemaFor('/'));
  t.same(
    keys.map(({ path, type, default: value, required }) => [path.join('.'), type, value, required]),
    [
      ['listen', 'host:port', '127.0.0.1:8080', false],
      ['store', 'string', 'sqlite::memory:', false],
      ['idleCloseMs', 'integer, 100 to 60000', 10_000, false],
      ['dryRun', 'boolean', false, false],
      ['keyFile', 'path', undefined, true],
      ['tls', 'object', undefined, false],
      ['tls.certFile', 'path', undefined, true],
      ['tls.clientCaFile', 'path', undefined, false],
      ['networks', 'list of object', [], false],
      ['networks[].network', 'string', undefined, true],
      ['networks[].ranges', 'list of string', [], false],
      ['log', 'object', {}, false],
      ['log.level', 'debug \\| info \\| warn \\| error', 'info', false],
    ],
  );
  const described = Object.fromEntries(keys.map((key) => [key.path.join('.'), key.description]));
  t.match(described, {
    listen: 'where it listens',
    idleCloseMs: 'quiet time',
    keyFile: 'its key',
    tls: 'encryption',
    log: 'one JSON object a line on stderr',
  });
});
