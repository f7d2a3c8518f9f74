// The command reveille-central as an operator runs it: processes, exit codes and what is printed where.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { version } from '../../shared/version.js';
import { readPrivateKeys, readPublicKeys } from '../../shared/wakeup/keys.js';
import { runCentral } from '../support/central-process.js';
import { createCentralFolder } from '../support/running-central.js';

const commands = ['serve', 'check-config', 'keygen', 'networks', 'wake'];

t.test('every command has --help, and --version tells the version', async (t) => {
  const all = await runCentral(['--help']);
  t.match(all, { code: 0, stderr: '' });
  for (const name of commands) {
    t.match(all.stdout, name);
    const help = await runCentral([name, '--help']);
    t.match(help, { code: 0, stderr: '', stdout: `Usage: reveille-central ${name}` });
  }
  t.same(await runCentral(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  t.match(await runCentral(['serve', '--version']), { code: 0, stdout: `${version}\n` });
});

t.test('a command, an option or an argument that is not known, or missing, is named', async (t) => {
  const runs: [string[], RegExp][] = [
    [['fly'], /unknown command 'fly'/],
    [['serve', '--config', 'x', '--verbose'], /unknown option '--verbose'/],
    [['serve'], /required option '--config <file>'/],
    [['check-config', '--config', 'x', 'y'], /too many arguments/],
    [['wake', '--config', 'x'], /missing required argument 'uaid'/],
  ];
  for (const [args, said] of runs) {
    const { code, stdout, stderr } = await runCentral(args);
    t.equal(code, 1, args.join(' '));
    t.equal(stdout, '');
    t.match(stderr, said);
  }
});

t.test('check-config prints every problem, one a line', async (t) => {
  const { configFile } = createCentralFolder(t, { bogus: 1, idleCloseMs: 1, store: 'x' });
  const ran = await runCentral(['check-config', '--config', configFile]);
  t.match(ran, { code: 1, stdout: '' });
  t.match(ran.stderr.trim().split('\n').sort(), [
    'bogus: unknown key; remove it',
    /^idleCloseMs: /,
    /^store: /,
  ]);
});

t.test('check-config says ok, with the environment as part of the configuration', async (t) => {
  const { configFile } = createCentralFolder(t, { idleCloseMs: 1 });
  const args = ['check-config', '--config', configFile];
  const mended = await runCentral(args, { REVEILLE_CENTRAL_IDLECLOSEMS: '1000' });
  t.same(mended, { code: 0, stdout: 'ok\n', stderr: '' });
  const unknown = await runCentral(args, { REVEILLE_CENTRAL_BOGUS: '1' });
  t.match(unknown, { code: 1, stderr: /REVEILLE_CENTRAL_BOGUS: no such key/ });
});

t.test('keygen writes three files, the secret ones for their owner alone', async (t) => {
  const folder = join(t.testdir(), 'new', 'folder');
  const { code, stdout, stderr } = await runCentral(['keygen', '--out', folder]);
  const names = ['central.key.pem', 'central.pub.pem', 'secret.key'];
  t.same({ code, stderr }, { code: 0, stderr: '' });
  t.same(
    stdout.trim().split('\n'),
    names.map((name) => join(folder, name)),
  );
  const modes = names.map((name) => statSync(join(folder, name)).mode & 0o777);
  t.same(modes, [0o600, 0o644, 0o600]);
  const [key, pub] = names.map((name) => readFileSync(join(folder, name), 'utf8'));
  t.equal(readPrivateKeys(key ?? '')[0]?.keyid, readPublicKeys(pub ?? '')[0]?.keyid);
  t.equal(readFileSync(join(folder, 'secret.key')).length, 32);
});

t.test('keygen overwrites nothing, and then writes nothing', async (t) => {
  const folder = t.testdir({ 'secret.key': 'precious' });
  const ran = await runCentral(['keygen', '--out', folder]);
  t.match(ran, { code: 1, stdout: '' });
  const advice = 'exists; move it away or choose another folder';
  t.equal(ran.stderr, `${join(folder, 'secret.key')} ${advice}\n`);
  t.equal(readFileSync(join(folder, 'secret.key'), 'utf8'), 'precious');
  t.notOk(existsSync(join(folder, 'central.key.pem')));
  t.notOk(existsSync(join(folder, 'central.pub.pem')));
});

t.test('keygen tells that it cannot write there', async (t) => {
  const folder = t.testdir({ file: '' });
  const ran = await runCentral(['keygen', '--out', join(folder, 'file', 'folder')]);
  t.match(ran, { code: 1, stdout: '', stderr: /ENOTDIR/ });
  t.notMatch(ran.stderr, /\n\s+at /, 'no stack');
});
