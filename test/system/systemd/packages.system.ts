// The packages as Debian's own tools see them, and what they promise about their contents.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { buildPackage, repository } from '../../support/machine.js';

const folder = mkdtempSync(join(tmpdir(), 'reveille-packages-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const packages = [
  { name: 'gateway', deb: buildPackage(folder, 'gateway') },
  { name: 'central', deb: buildPackage(folder, 'central') },
] as const;

function run(command: string, ...args: string[]): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

for (const { name, deb } of packages) {
  const field = (label: string) => run('dpkg-deb', '--field', deb, label).output.trim();
  const tree = join(folder, name);
  run('dpkg-deb', '--extract', deb, tree);
  const read = (path: string) => readFileSync(join(tree, path), 'utf8');

  t.test(`lintian has nothing to say about reveille-${name}`, async (t) => {
    const { code, output } = run('lintian', '--allow-root', '--fail-on=error,warning', deb);
    t.equal(code, 0);
    t.equal(output, '');
  });

  t.test(
    `reveille-${name} names the Node.js it needs and is of the version of the source`,
    async (t) => {
      const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
      t.equal(field('Version'), version);
      const major = Number(process.versions.node.split('.')[0]);
      if (name === 'gateway') {
        t.equal(field('Architecture'), 'all');
        t.equal(field('Depends'), 'nodejs (>= 20)');
      } else {
        t.equal(field('Architecture'), run('dpkg', '--print-architecture').output.trim());
        t.match(field('Depends'), `nodejs (>= ${major}), nodejs (<< ${major + 1}), libc6`);
      }
      const program = join(tree, `usr/lib/reveille-${name}/${name}.mjs`);
      t.equal(run(process.execPath, program, '--version').output, `${version}\n`);
    },
  );

  t.test(`the manual page and the completion of reveille-${name} know every command`, async (t) => {
    const program = join(tree, `usr/lib/reveille-${name}/${name}.mjs`);
    const { output } = run(process.execPath, program, '--help');
    const commands = [...output.matchAll(/^ {2}([a-z-]+) .*\[options\]/gm)].map(
      ([, found]) => found,
    );
    t.ok(commands.length >= 5, commands.join(' '));
    const manual = run('zcat', join(tree, `usr/share/man/man8/reveille-${name}.8.gz`)).output;
    const completion = read(`usr/share/bash-completion/completions/reveille-${name}`);
    for (const command of commands) {
      if (command === undefined) continue;
      t.ok(manual.replaceAll('\\-', '-').includes(`${command} `), `manual: ${command}`);
      t.match(completion, new RegExp(`\\b${command}\\b`), `completion: ${command}`);
    }
  });

  t.test(`the copyright of reveille-${name} names what it carries`, async (t) => {
    const copyright = read(`usr/share/doc/reveille-${name}/copyright`);
    for (const carried of ['commander', 'pino', 'prom-client', 'yaml', 'zod']) {
      t.match(copyright, `This package carries ${carried} `);
    }
    t.equal(copyright.includes('This package carries better-sqlite3'), name === 'central');
    const files = run('find', tree, '-name', '*.node').output;
    t.equal(files === '', name === 'gateway', 'native code is in central alone');
  });

  t.test(`the exposure of reveille-${name}.service is 1.2 at most`, async (t) => {
    const unit = join(tree, `lib/systemd/system/reveille-${name}.service`);
    const args = ['security', '--offline=true', '--threshold=12', unit];
    t.match(run('systemd-analyze', ...args), { code: 0 });
  });
}
