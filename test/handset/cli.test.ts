import { type ChildProcess, spawn } from 'node:child_process';
import { createECDH, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { generate } from 'selfsigned';
import t, { type Test } from 'tap';
import { version } from '../../shared/version.js';
import { wakeupPayload } from '../../shared/wakeup/datagram.js';
import {
  openScriptedCentral,
  type ScriptedCentral,
  type ScriptedCentralOptions,
  scriptedEndpoint,
} from '../support/scripted-central.js';
import { encryptFor, notificationOf } from '../support/web-push-encryption.js';
import { type Datagram, say, signedWords } from './air.js';
import { announcedPort } from './rig.js';

const nonce = 'abcdefghijklmnopqrstuw';

interface Command {
  child: ChildProcess;
  /** The next line of its stdout; `undefined` at the end. */
  line(): Promise<string | undefined>;
  /** The next line as JSON. */
  event(): Promise<Record<string, unknown>>;
  stderr(): string;
  exitCode: Promise<number | null>;
}

function run(t: Test, ...args: string[]): Command {
  const child = spawn(process.execPath, ['dist/handset/cli.js', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value;
  t.teardown(() => child.kill('SIGKILL'));
  return {
    child,
    line,
    event: async () => JSON.parse((await line()) ?? 'null'),
    stderr: () => stderr,
    exitCode: once(child, 'close').then(([code]) => code),
  };
}

async function openCentral(t: Test, options?: ScriptedCentralOptions): Promise<ScriptedCentral> {
  const central = await openScriptedCentral(options);
  const { hello } = central.answers;
  central.answers.hello = (frame, device) => hello?.({ uaid: 'u1', ...frame }, device);
  central.answers.register = ({ channelID }) => ({
    messageType: 'register',
    status: 200,
    channelID,
    pushEndpoint: scriptedEndpoint('u1', channelID),
  });
  t.teardown(central.close);
  return central;
}

function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'handset-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

t.test('prints uaid, hello and endpoints, then every event, in words', async (t) => {
  const central = await openCentral(t, { status: 201 });
  const command = run(t, '--central', central.url, '--network', '214-07');
  t.equal(await command.line(), 'uaid u1');
  t.equal(await command.line(), 'hello 201');
  const endpoint = /^endpoint ([0-9a-f-]{36}) (\S+)$/.exec((await command.line()) ?? '');
  const channelID = endpoint?.[1];
  t.equal(endpoint?.[2], scriptedEndpoint('u1', channelID));

  const device = await central.nextDevice();
  device.send({ messageType: 'notification', updates: [{ channelID, version: '7' }] });
  t.equal(await command.line(), `notification ${channelID} 7`);
  device.close(4774);
  t.equal(await command.line(), 'closed 4774');

  const hello = await device.receive('hello');
  t.same(hello.mobilenetwork, { mcc: '214', mnc: '07', netid: '214-07.default' });
  const { ip, port } = hello.wakeup_hostport as { ip: string; port: number };
  const socket = createSocket('udp4');
  socket.send('hello?', port, ip);
  t.match(await command.line(), /^ignored udp 127\.0\.0\.1:\d+ not-a-wakeup$/);
  socket.send(wakeupPayload(ip, port), port, ip, () => socket.close());
  t.equal(await command.line(), 'woken udp');
  t.equal(await command.line(), 'hello 201');

  const again = await central.nextDevice();
  again.send('not JSON');
  t.equal(await command.line(), 'error frame ignored: not JSON');
  again.drop();
  t.equal(await command.line(), 'closed 1006');
  t.match(await command.line(), /^reconnecting \d{1,3}$/);
  command.child.kill('SIGTERM');
  t.equal(await command.exitCode, 0);
  t.equal(command.stderr(), '');
});

t.test('prints one JSON object a line with --json', async (t) => {
  const central = await openCentral(t, { status: 201 });
  const command = run(t, '--json', '--central', central.url, '--network', '214-07');
  t.same(await command.event(), { event: 'uaid', uaid: 'u1' });
  t.same(await command.event(), { event: 'hello', status: 201, uaid: 'u1' });
  const endpoint = await command.event();
  const { channelID, pushEndpoint } = endpoint;
  t.same(endpoint, { event: 'endpoint', channelID, pushEndpoint });
  const device = await central.nextDevice();
  device.send({ messageType: 'notification', updates: [{ channelID, version: '7' }] });
  t.same(await command.event(), { event: 'notification', channelID, version: 7, pushEndpoint });
  device.close(4774);
  t.same(await command.event(), { event: 'closed', code: 4774 });
  const { ip, port } = (await device.receive('hello')).wakeup_hostport as {
    ip: string;
    port: number;
  };
  const socket = createSocket('udp4');
  socket.send(wakeupPayload(ip, port), port, ip, () => socket.close());
  t.match(await command.event(), { event: 'woken', protocol: 'udp', from: /^127\.0\.0\.1:\d+$/ });
  t.match(await command.event(), { event: 'hello', status: 201 });
  (await central.nextDevice()).send('not JSON');
  t.match(await command.event(), { event: 'error', error: String, code: 'bad-frame' });
});

t.test(
  'proves its address and wakes on signed wakeups alone, and prints which it heard',
  async (t) => {
    const central = await openCentral(t);
    const key = randomBytes(32);
    const wakeup_auth = { key: key.toString('base64url'), counter: 0 };
    const hello = { messageType: 'hello', uaid: 'u1', status: 201, wakeup_auth };
    central.answers.hello = () => hello;
    const inWords = run(t, '--central', central.url, '--network', '214-07', '--channels', '0');
    const device = await central.nextDevice();
    const port = await announcedPort(device);
    t.equal(await inWords.line(), 'uaid u1');
    t.equal(await inWords.line(), 'hello 201');
    await say(port, { nonce });
    t.match(await device.receive('wakeupProof'), { nonce });
    t.equal(await inWords.line(), 'proved udp');
    device.close(4774);
    t.equal(await inWords.line(), 'closed 4774');
    const others: [Datagram, string][] = [
      [{ nonce }, 'not-connected'],
      [{}, 'unsigned'],
      [signedWords(randomBytes(32), port, 1), 'forged'],
    ];
    for (const [said, because] of others) {
      await say(port, said);
      t.match(await inWords.line(), new RegExp(`^ignored udp 127\\.0\\.0\\.1:\\d+ ${because}$`));
    }
    await say(port, signedWords(key, port, 1));
    t.equal(await inWords.line(), 'woken udp');
    t.equal(await inWords.line(), 'hello 201');
    await say(port, signedWords(key, port, 1));
    t.match(await inWords.line(), /^ignored udp \S+ repeated$/);
  },
);

t.test('prints a proof with --json', async (t) => {
  const central = await openCentral(t);
  const args = ['--central', central.url, '--network', '214-07', '--protocol', 'tcp'];
  const command = run(t, '--json', '--channels', '0', ...args);
  const port = await announcedPort(await central.nextDevice());
  await command.event();
  await command.event();
  await say(port, { nonce }, 'tcp');
  const proved = { event: 'proved', protocol: 'tcp', from: /^127\.0\.0\.1:\d+$/ };
  t.match(await command.event(), proved);
});

t.test('plays an old client with --legacy', async (t) => {
  const central = await openCentral(t, { status: 201 });
  const args = ['--central', central.url, '--network', '214-07', '--channels', '0'];
  const command = run(t, '--legacy', ...args);
  const device = await central.nextDevice();
  const { wakeup_hostport } = await device.receive('hello');
  t.same(Object.keys(wakeup_hostport as object), ['ip', 'port']);
  const { port } = wakeup_hostport as { port: number };
  await command.line();
  await command.line();
  await say(port, { nonce });
  t.match(await command.line(), /^ignored udp \S+ not-agreed$/);
  device.close(4774);
  await command.line();
  await say(port, {});
  t.equal(await command.line(), 'woken udp');
  t.equal(await command.line(), 'hello 201');
});

t.test('stays away as long as a server that is full says', async (t) => {
  const central = await openCentral(t);
  const command = run(t, '--central', central.url, '--channels', '0');
  await command.line();
  await command.line();
  (await central.nextDevice()).close(1013, 'retry-after=20');
  t.equal(await command.line(), 'closed 1013');
  t.match(await command.line(), /^reconnecting 2\d{4}$/);
});

t.test('registers as many channels as --channels says', async (t) => {
  const central = await openCentral(t);
  const command = run(t, '--json', '--central', central.url, '--channels', '3');
  await command.event();
  await command.event();
  const ids = [];
  for (let i = 0; i < 3; i++) ids.push((await command.event()).channelID);
  t.equal(new Set(ids).size, 3);
});

t.test('goes on with the uaid and the channels of an earlier run', async (t) => {
  const central = await openCentral(t);
  const args = ['--central', central.url, '--uaid', 'u9', '--channel', 'c1', '--channel', 'c2'];
  const command = run(t, ...args);
  const device = await central.nextDevice();
  t.match(await device.receive('hello'), { uaid: 'u9', channelIDs: ['c1', 'c2'] });
  t.equal(await command.line(), 'uaid u9');
  t.equal(await command.line(), 'hello 200');
  t.match(await command.line(), /^endpoint c1 /);
  t.match(await command.line(), /^endpoint c2 /);
});

t.test('lets the server keep its list when only a uaid is given', async (t) => {
  const central = await openCentral(t);
  run(t, '--central', central.url, '--uaid', 'u9');
  const hello = await (await central.nextDevice()).receive('hello');
  t.same(hello, { messageType: 'hello', uaid: 'u9' });
});

t.test('prints the uaid again when the server gives another', async (t) => {
  const central = await openCentral(t);
  const command = run(t, '--central', central.url, '--channels', '1');
  t.equal(await command.line(), 'uaid u1');
  await command.line();
  await command.line();
  central.answers.hello = () => ({ messageType: 'hello', uaid: 'u2', status: 200 });
  (await central.nextDevice()).drop();
  t.equal(await command.line(), 'closed 1006');
  t.match(await command.line(), /^reconnecting /);
  t.equal(await command.line(), 'replaced u2 u1');
  t.equal(await command.line(), 'uaid u2');
  t.equal(await command.line(), 'hello 200');
  t.match(await command.line(), /^endpoint /);
});

t.test('listens as --ip, --port, --netid and --protocol say', async (t) => {
  const central = await openCentral(t);
  const free = createSocket('udp4').bind(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address();
  free.close();
  const place = ['--ip', '127.0.0.3', '--port', String(port), '--protocol', 'tcp'];
  run(t, '--central', central.url, '--network', '214-07', '--netid', 'net-b', ...place);
  t.match(await (await central.nextDevice()).receive('hello'), {
    wakeup_hostport: { ip: '127.0.0.3', port },
    mobilenetwork: { mcc: '214', mnc: '07', netid: 'net-b' },
    protocol: 'tcp',
  });
});

t.test('trusts the certificates of --ca', async (t) => {
  const pems = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  const file = join(temporaryFolder(t), 'ca.crt');
  writeFileSync(file, pems.cert);
  const central = await openCentral(t, { tls: { key: pems.private, cert: pems.cert } });
  t.equal(await run(t, '--central', central.url, '--ca', file).line(), 'uaid u1');
});

t.test('with --dialect webpush it reads what is encrypted, in a later run too', async (t) => {
  const central = await openCentral(t, { isWebPush: true });
  const folder = temporaryFolder(t);
  const file = join(folder, 'keys.json');
  const key = createECDH('prime256v1').generateKeys('base64url');
  const dialect = ['--json', '--central', central.url, '--dialect', 'webpush', '--keys', file];
  const command = run(t, ...dialect, '--key', key);
  await command.event();
  t.match(await command.event(), { event: 'hello', status: 200 });
  const endpoint = await command.event();
  t.match(endpoint, { event: 'endpoint', p256dh: /^[\w-]{87}$/, auth: /^[\w-]{22}$/ });
  const device = await central.nextDevice();
  t.match(await device.receive('register'), { key });
  t.equal(statSync(file).mode & 0o777, 0o600);
  command.child.kill('SIGTERM');
  await command.exitCode;

  const channelID = String(endpoint.channelID);
  const later = run(t, ...dialect, '--uaid', 'u1', '--channel', channelID);
  await later.event();
  await later.event();
  t.same(await later.event(), endpoint);
  const keys = { p256dh: String(endpoint.p256dh), auth: String(endpoint.auth) };
  const again = await central.nextDevice();
  again.send(notificationOf(channelID, 'm1', encryptFor(keys, 'hello')));
  const { pushEndpoint } = endpoint;
  t.same(await later.event(), {
    ...{ event: 'notification', channelID, version: 'm1', data: 'hello', pushEndpoint },
  });
});

t.test('goes on trying where there is no server', async (t) => {
  const central = await openScriptedCentral();
  await central.close();
  const command = run(t, '--central', central.url);
  t.match(await command.line(), /^error connect ECONNREFUSED/);
  t.match(await command.line(), /^reconnecting \d+$/);
  t.match(await command.line(), /^error connect ECONNREFUSED/);
  command.child.kill('SIGINT');
  t.equal(await command.exitCode, 0);
});

t.test('keeps to one line what a server writes', async (t) => {
  const central = await openCentral(t);
  central.answers.register = () => ({
    messageType: 'register',
    status: 457,
    reason: 'one\r\ntwo\u001b[2J',
  });
  const command = run(t, '--central', central.url);
  await command.line();
  await command.line();
  t.equal(await command.line(), 'error register: the server answers 457: one two [2J');
});

t.test('says what is wrong with its options and exits with 1', async (t) => {
  const central = ['--central', 'ws://127.0.0.1:9/'];
  const webPush = [...central, '--dialect', 'webpush'];
  const cases: [RegExp, string[]][] = [
    [/required option '--central <url>'/, []],
    [/unknown option '--nonsense'/, [...central, '--nonsense']],
    [/too many arguments/, [...central, 'more']],
    [/central: must be a ws: or wss: URL/, ['--central', 'http://127.0.0.1/']],
    [/no such form of network: 21407/, [...central, '--network', '21407']],
    [/no such form of network: 214-07/, [...central, '--network', '214-07', '--netid', 'a b']],
    [/--netid needs --network/, [...central, '--netid', 'net-b']],
    [/ip: must be an IPv4 or IPv6 address/, [...central, '--ip', 'here']],
    [/port: must be a whole number from 0 to 65535/, [...central, '--port', '65536']],
    [/'--port <number>' argument 'x' is invalid/, [...central, '--port', 'x']],
    [/Allowed choices are udp, tcp/, [...central, '--protocol', 'sctp']],
    [/'--channels <n>' argument '-1' is invalid/, [...central, '--channels', '-1']],
    [/--channels: at most 256 channels/, [...central, '--channels', '257']],
    [/channelID: must be 1 to 128 characters/, [...central, '--channel', 'x'.repeat(129)]],
    [/uaid: must be the text/, [...central, '--uaid', '']],
    [/--ca: ENOENT/, [...central, '--ca', '/nonexistent/ca.crt']],
    [/Allowed choices are simplepush, webpush/, [...central, '--dialect', 'web-push']],
    [/key: must be a P-256 public key/, [...webPush, '--key', 'AAAA']],
    [/key: must be left out, unless dialect is webpush/, [...central, '--key', 'AAAA']],
    [/keys: must be left out, unless dialect is webpush/, [...central, '--keys', '/nonexistent']],
    [/keys: must be by channelID/, [...webPush, '--keys', 'package.json']],
    [/--keys: .*not valid JSON/, [...webPush, '--keys', 'LICENSE']],
    [/--keys: ENOENT/, [...webPush, '--keys', '/nonexistent/keys.json']],
    [/channelID: must be a UUID/, [...webPush, '--channel', 'c1']],
    [/ca: must be a PEM certificate/, [...central, '--ca', 'package.json']],
  ];
  for (const [message, args] of cases) {
    const command = run(t, ...args);
    t.equal(await command.exitCode, 1, args.join(' '));
    t.match(command.stderr(), message);
    t.equal(await command.line(), undefined);
  }
});

t.test('has help and a version', async (t) => {
  t.equal(await run(t, '--version').line(), version);
  const help = run(t, '--help');
  t.match(await help.line(), /^Usage: reveille-handset/);
  t.equal(await help.exitCode, 0);
});
