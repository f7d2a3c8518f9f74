// docs/operating-a-gateway.md can be followed: every command it tells exists with its options, and every
// gateway.yaml on it is one.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadSettings } from '../../gateway/settings.js';
import { writeKeyPair } from '../../shared/keygen.js';
import { createCertificate } from '../support/gateway-certificates.js';

const page = readFileSync('docs/operating-a-gateway.md', 'utf8');

interface CommandLine {
  text: string;
  subcommand: string;
  options: string[];
}

/** Every text that is code: the lines of shell blocks, continued ones joined, and code spans. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, code = '']) => code);
  const lines = blocks.flatMap((code) => code.replace(/\\\n\s*/g, ' ').split('\n'));
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  return [...lines, ...[...prose.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)];
}

/** The calls of reveille-gateway; its name in a path or after `systemctl` is none. */
function commandLines(text: string): CommandLine[] {
  return codeOf(text).flatMap((code) => {
    const [, subcommand, rest] = /^reveille-gateway ([a-z][a-z-]*)([^>|;&]*)/.exec(code) ?? [];
    if (subcommand === undefined || rest === undefined) return [];
    return { text: code, subcommand, options: rest.match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [] };
  });
}

/** The options a subcommand knows, from its own help. */
function helpOf(subcommand: string): string {
  return execFileSync(process.execPath, ['dist/gateway/cli.js', subcommand, '--help'], {
    encoding: 'utf8',
  });
}

t.test('every command on the page exists, with every option it is given', async (t) => {
  const told = commandLines(page);
  t.ok(told.length > 15, `${told.length} are found`);
  const overview = helpOf('help');
  for (const name of new Set(told.map(({ subcommand }) => subcommand))) {
    if (!t.match(overview, new RegExp(`^ {2}${name} `, 'm'), name)) continue;
    const known = helpOf(name);
    for (const { text, options } of told.filter(({ subcommand }) => subcommand === name)) {
      for (const option of options) t.match(known, new RegExp(`${option}[ ,]`), text);
    }
  }
});

t.test('the page tells of every command but serve, which systemd runs', async (t) => {
  const commands = [...helpOf('help').matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map(
    ([, name]) => name,
  );
  const told = new Set(commandLines(page).map(({ subcommand }) => subcommand));
  t.same(
    commands.filter((name = '') => name !== 'serve' && !told.has(name)),
    [],
  );
});

t.test('every gateway.yaml on the page is taken, and warned about a dry run alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'reveille-page-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const keys = join(folder, 'keys');
  mkdirSync(keys);
  writeKeyPair(keys, 'gateway');
  writeKeyPair(folder, 'ns-1');
  const { key, cert } = await createCertificate();
  writeFileSync(join(keys, 'tls.key'), key);
  chmodSync(join(keys, 'tls.key'), 0o600);
  writeFileSync(join(folder, 'tls.crt'), cert);

  const blocks = [...page.matchAll(/^```yaml gateway\.yaml\n([\s\S]*?)^```/gm)];
  t.ok(blocks.length >= 2, `${blocks.length} are found`);
  for (const [, yaml = ''] of blocks) {
    const file = join(folder, 'gateway.yaml');
    writeFileSync(file, yaml);
    const loaded = loadSettings(file, {});
    if (!loaded.settings) {
      t.fail(loaded.problems.join('\n'));
      continue;
    }
    // The certificate is the test's own, and where the test runs is nobody's business.
    const ofThePage = loaded.settings.warnings.filter(
      (warning) => !/^tls\.certFile: |this host's/.test(warning),
    );
    t.same(
      ofThePage.filter((warning) => !/dryRun/.test(warning)),
      [],
    );
  }
});
