import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readPrivateKeys, readPublicKeys } from '../../../shared/wakeup/keys.js';
import { listenTcp, listenUdp } from '../../support/gateway-handset.js';
import { runGateway } from '../../support/gateway-process.js';
import { baseConfig, createGatewayFolder } from '../../support/gateway-setup.js';

t.test(
  'keygen writes an Ed25519 pair, its private half for its owner alone, and overwrites nothing',
  async (t) => {
    const parent = mkdtempSync(join(tmpdir(), 'reveille-keygen-'));
    t.teardown(() => rmSync(parent, { recursive: true }));
    const folder = join(parent, 'new', 'folder');
    const first = await runGateway(['keygen', '--out', folder]);
    t.match(first, { code: 0, stdout: /gateway\.key\.pem\n.*gateway\.pub\.pem\n/ });
    const key = readFileSync(join(folder, 'gateway.key.pem'), 'utf8');
    const pub = readFileSync(join(folder, 'gateway.pub.pem'), 'utf8');
    t.equal(readPrivateKeys(key)[0]?.keyid, readPublicKeys(pub)[0]?.keyid);
    t.equal(statSync(join(folder, 'gateway.key.pem')).mode & 0o777, 0o600);
    const second = await runGateway(['keygen', '--out', folder]);
    t.match(second, { code: 1, stderr: /gateway\.key\.pem exists/ });
    t.equal(readFileSync(join(folder, 'gateway.key.pem'), 'utf8'), key);
  },
);

t.test('check-config says ok, and warns about what can never be woken', async (t) => {
  const { configFile, write } = createGatewayFolder(t);
  const check = () => runGateway(['check-config', '--config', configFile]);
  t.match(await check(), { code: 0, stdout: 'ok\n' });
  write({ ...baseConfig(), allowLoopbackTargets: false });
  const warned = await check();
  t.match(warned, { code: 0, stdout: 'ok\n' });
  t.match(warned.stderr, /^warning: networks 214-07: range 127\.0\.0\.0\/8 is always refused/);
});

t.test('check-config reports every problem at once', async (t) => {
  const folder = createGatewayFolder(t);
  writeFileSync(join(folder.path, 'empty.pem'), '');
  folder.write({
    listen: '0.0.0.0:8443',
    nonsense: 1,
    keyFile: 'missing.pem',
    networks: [
      { network: '214-7', ranges: ['10.0.0.1/8'] },
      { network: '214-07', ranges: ['x', '10.0.0.0/33'], ports: [0, '9-1', 70_000, 'x'] },
      { network: '214-08', netid: 'a b', ranges: [], protocols: ['sctp'] },
    ],
    centrals: [
      { id: 'ns-1', publicKeyFile: 'ns-1.pub.pem' },
      { id: 'ns-1', publicKeyFile: 'empty.pem', maxPerSecond: 0 },
    ],
    log: { level: 'loud' },
  });
  const { code, stdout, stderr } = await runGateway([
    'check-config',
    '--config',
    folder.configFile,
  ]);
  t.equal(code, 1);
  t.equal(stdout, '');
  t.notMatch(stderr, /^(?!error: ).+$/m, 'every line says what it is');
  for (const start of [
    'nonsense: unknown key',
    `keyFile: ${folder.path}/missing.pem: cannot be read (ENOENT)`,
    'networks[0].network: write the MCC',
    'networks[0].ranges[0]: has bits set',
    'networks[1].ranges[0]: is no address range',
    'networks[1].ranges[1]: is no address range',
    'networks[1].ports[0]: write a port',
    'networks[1].ports[1]: write a port',
    'networks[1].ports[2]: write a port',
    'networks[1].ports[3]: write a port',
    'networks[2].netid: use up to 64',
    'networks[2].ranges: ',
    'networks[2].protocols[0]: ',
    `centrals[1].publicKeyFile: ${folder.path}/empty.pem: holds no PEM block`,
    'centrals[1].maxPerSecond: ',
    'log.level: ',
    'tls: is required',
    'authorities: is required',
  ]) {
    t.ok(
      stderr.split('\n').some((line) => line.startsWith(`error: ${start}`)),
      start,
    );
  }
});

t.test('each rule between keys of the configuration has its sentence', async (t) => {
  const folder = createGatewayFolder(t);
  const problemsOf = async (changes: Record<string, unknown>) => {
    folder.write({ ...baseConfig(), ...changes });
    const { code, stderr } = await runGateway(['check-config', '--config', folder.configFile]);
    t.equal(code, 1);
    return stderr;
  };
  const network = { network: '214-07', ranges: ['10.0.0.0/8'] };
  t.equal(
    await problemsOf({ networks: [network, { ...network, netid: '214-07.default' }] }),
    'error: networks: 214-07 is there twice; give one of them another netid\n',
  );
  const central = { id: 'ns-1', publicKeyFile: 'ns-1.pub.pem' };
  t.equal(
    await problemsOf({ centrals: [central, { ...central, id: 'ns-2' }] }),
    'error: centrals: ns-1 and ns-2 have the same key; one key serves one central\n',
  );
  t.equal(
    await problemsOf({ centrals: [central, central] }),
    'error: centrals: ns-1 is there twice; give each its own id\n',
  );
  t.equal(
    await problemsOf({ centrals: [{ ...central, networks: ['214-07', '214-09'] }] }),
    'error: centrals: 214-09 is not among the networks; add it there or take it out here\n',
  );
  t.match(
    await problemsOf({ authorities: ['https://x.example/'] }),
    /^error: authorities\[0\]: write host/,
  );
  t.match(await problemsOf({ listen: '8443' }), /^error: listen: write host:port/);
  t.match(
    await problemsOf({ tls: { keyFile: 'gateway.key.pem', certFile: 'gateway.pub.pem' } }),
    /^error: tls: .*not a PEM key with its certificate/,
  );
  t.match(await problemsOf({ centrals: [] }), /^error: centrals: /);
});

t.test('a configuration that is missing or no YAML is told', async (t) => {
  const { path } = createGatewayFolder(t);
  const check = (file: string) => runGateway(['check-config', '--config', file]);
  t.match(await check(join(path, 'nowhere.yaml')), { code: 1, stderr: /cannot be read/ });
  writeFileSync(join(path, 'broken.yaml'), 'listen: [');
  t.match(await check(join(path, 'broken.yaml')), { code: 1, stderr: /broken\.yaml: / });
});

t.test('the environment comes after the file', async (t) => {
  const { configFile } = createGatewayFolder(t);
  const check = (env: Record<string, string>) =>
    runGateway(['check-config', '--config', configFile], env);
  t.match(await check({ REVEILLE_GATEWAY_LISTEN: '127.0.0.1:x' }), {
    code: 1,
    stderr: /^error: listen: /,
  });
  t.match(await check({ REVEILLE_GATEWAY_DRY_RUN: 'true' }), { code: 0, stderr: /dryRun: / });
  t.match(await check({ REVEILLE_GATEWAY_NONSENSE: '1' }), {
    code: 1,
    stderr: /REVEILLE_GATEWAY_NONSENSE/,
  });
});

t.test('explain tells whether a wakeup may leave and which rule decides', async (t) => {
  const { configFile } = createGatewayFolder(t, {
    networks: [
      { network: '214-07', ranges: ['10.0.0.0/8'] },
      { network: '214-09', ranges: ['10.0.0.0/8'], dryRun: true },
    ],
    infrastructure: ['10.0.0.0/24'],
  });
  const explain = (changes: Record<string, string> = {}) => {
    const options = {
      config: configFile,
      central: 'ns-1',
      network: '214-07',
      ip: '10.1.2.3',
      port: '5000',
    };
    const all = Object.entries({ ...options, ...changes });
    return runGateway(['explain', ...all.flatMap(([name, value]) => [`--${name}`, value])]);
  };
  t.match(await explain(), {
    code: 0,
    stdout: 'allowed: range 10.0.0.0/8, ports 1024-65535, udp of 214-07\n',
  });
  t.match(await explain({ ip: '192.0.0.4' }), {
    code: 3,
    stdout: /^refused: address-always-refused \(192\.0\.0\.0\/24, CLAT/,
  });
  t.match(await explain({ ip: '10.0.0.53' }), {
    code: 3,
    stdout: 'refused: address-infrastructure (10.0.0.0/24 of infrastructure)\n',
  });
  t.match(await explain({ network: '214-09' }), { code: 0, stderr: /dryRun is on/ });
  t.match(await explain({ ip: '11.1.2.3' }), { code: 3, stdout: /address-out-of-range/ });
  t.match(await explain({ network: '214-08' }), { code: 3, stdout: /network-unknown/ });
  t.match(await explain({ port: '5000x' }), { code: 3, stdout: /port-malformed/ });
  t.match(await explain({ port: '80' }), { code: 3, stdout: /port-not-allowed/ });
  t.match(await explain({ protocol: 'tcp' }), { code: 3, stdout: /protocol-not-allowed/ });
  t.match(await explain({ central: 'ns-2' }), { code: 1, stderr: /ns-2.*there is ns-1/ });
  t.match(await explain({ config: '/nowhere.yaml' }), { code: 1, stderr: /cannot be read/ });
});

t.test('send sends one wakeup through the policy and tells what became of it', async (t) => {
  const { configFile } = createGatewayFolder(t, {
    networks: [
      { network: '214-08', ranges: ['10.0.0.0/8'] },
      { network: '214-07', ranges: ['127.0.0.0/8'], protocols: ['udp', 'tcp'] },
    ],
  });
  const send = (env: Record<string, string>, ...args: string[]) =>
    runGateway(['send', '--config', configFile, '--ip', '127.0.0.1', ...args], env);
  const udp = await listenUdp(t);
  t.match(await send({}, '--port', String(udp.port)), { code: 0, stdout: /^sent: udp .*214-07/ });
  t.equal(await udp.next(), `NOTIFY 127.0.0.1:${udp.port}`);
  const tcp = await listenTcp(t);
  t.match(await send({}, '--port', String(tcp.port), '--protocol', 'tcp'), { code: 0 });
  t.equal(await tcp.next(), `NOTIFY 127.0.0.1:${tcp.port}`);
  t.match(await send({}, '--port', '1025', '--protocol', 'tcp'), {
    code: 1,
    stderr: /ECONNREFUSED/,
  });
  t.match(await send({}, '--port', '80'), { code: 3, stdout: /port-not-allowed/ });
  t.match(await send({}, '--port', '5000', '--network', '214-08'), {
    code: 3,
    stdout: /out-of-range/,
  });
  const dry = await send({ REVEILLE_GATEWAY_DRY_RUN: 'true' }, '--port', String(udp.port));
  t.match(dry, { code: 3, stdout: /dry-run/ });
  t.equal(udp.heard.length, 1);
});

t.test(
  'every command has --help and --version, and names an option it does not know',
  async (t) => {
    for (const command of [
      [],
      ['serve'],
      ['check-config'],
      ['explain'],
      ['send'],
      ['keygen'],
      ['pause'],
      ['resume'],
    ]) {
      const name = command.join() || 'reveille-gateway';
      t.match(await runGateway([...command, '--help']), { code: 0, stdout: /Usage: / }, name);
      t.match(
        await runGateway([...command, '--version']),
        { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ },
        name,
      );
      t.match(
        await runGateway([...command, '--nonsense']),
        { code: 1, stderr: /--nonsense/ },
        name,
      );
    }
    t.match(await runGateway(['nonsense']), { code: 1, stderr: /nonsense/ });
    t.match(await runGateway(['serve']), { code: 1, stderr: /--config/ });
  },
);
