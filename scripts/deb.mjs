// Builds the Debian packages into dist/deb: `node scripts/deb.mjs [--only gateway] [--version 1.2.3] [--out dir]`.
// Needs what scripts/install-system-packages.sh installs.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.mjs';
import { copyrightFile } from './copyright.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    version: { type: 'string', default: manifest('package.json').version },
    out: { type: 'string', default: 'dist/deb' },
  },
});
const { only, version } = values;
const out = resolve(values.out);
const work = join(out, 'build');
const stage = join(work, `reveille-${version}`);
// The same sources make the same package.
const epoch = gitSeconds() ?? Math.floor(Date.now() / 1000);

/** What the native part of central's store needs at run time, and what of it. */
const native = {
  'better-sqlite3': ['package.json', 'lib', 'build/Release/better_sqlite3.node'],
  bindings: ['package.json', 'bindings.js'],
  'file-uri-to-path': ['package.json', 'index.js'],
};

rmSync(work, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
cpSync('systemd', stage, { recursive: true });
const programs = { gateway: stageGateway, central: stageCentral };
for (const [name, stageProgram] of Object.entries(programs)) {
  if (only !== undefined && only !== name) continue;
  stageDebian(name, await stageProgram());
}
writeFileSync(join(stage, 'debian/changelog'), changelog());
build();
for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
  renameSync(join(work, file), join(out, file));
  process.stdout.write(`${join(out, file)}\n`);
}
rmSync(work, { recursive: true });

async function stageGateway() {
  return bundle({
    entry: 'gateway/cli.ts',
    outfile: join(stage, 'gateway/gateway.mjs'),
    version,
  });
}

async function stageCentral() {
  const folder = join(stage, 'central');
  const external = ['better-sqlite3', 'bufferutil', 'utf-8-validate'];
  const common = { version, external };
  const folders = [
    ...(await bundle({
      ...common,
      entry: 'central/cli.ts',
      outfile: join(folder, 'central.mjs'),
    })),
    // The thread of the store is a program of its own, found beside the first.
    ...(await bundle({
      ...common,
      entry: 'central/store/sqlite-worker.ts',
      outfile: join(folder, 'sqlite-worker.js'),
    })),
  ];
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  for (const [name, files] of Object.entries(native)) {
    for (const file of files) {
      const path = join('node_modules', name, file);
      cpSync(path, join(folder, path), { recursive: true });
    }
    folders.push(join('node_modules', name));
  }
  return [...new Set(folders)];
}

/** Writes what debhelper reads for one package. */
function stageDebian(name, folders) {
  const debian = join(stage, 'debian');
  const write = (file, text) => writeFileSync(join(debian, `reveille-${name}.${file}`), text);
  write('copyright', copyrightFile(folders));
  for (const unit of ['service', 'socket']) {
    cpSync(join('systemd', `reveille-${name}.${unit}`), join(debian, `reveille-${name}.${unit}`));
  }
  if (existsSync('CHANGELOG.md')) {
    // Under another name, or debhelper takes it for the changelog that Debian's tools read.
    cpSync('CHANGELOG.md', join(stage, 'RELEASES.md'));
    write('docs', 'RELEASES.md\n');
  }
  const manual = join(stage, 'man', `reveille-${name}.8`);
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  const text = readFileSync(manual, 'utf8');
  writeFileSync(manual, text.replace('@VERSION@', version).replace('@DATE@', date));
}

function changelog() {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  const [, email] = /^Maintainer: (.*)$/m.exec(readFileSync('systemd/debian/control', 'utf8'));
  const entry = '  * What is new stands in RELEASES.md beside this file.';
  return `reveille (${version}) unstable; urgency=medium\n\n${entry}\n\n -- ${email}  ${date}\n`;
}

function build() {
  const which = only === 'gateway' ? '-A' : only === 'central' ? '-B' : '-b';
  try {
    execFileSync('dpkg-buildpackage', [which, '--no-sign', '--no-pre-clean'], {
      cwd: stage,
      encoding: 'utf8',
      stdio: 'pipe',
      env: {
        ...process.env,
        SOURCE_DATE_EPOCH: String(epoch),
        NODE_MAJOR: process.versions.node.split('.')[0],
      },
    });
  } catch (error) {
    process.stderr.write(`${error.stdout ?? ''}${error.stderr ?? error}\n`);
    process.exit(1);
  }
}

function gitSeconds() {
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }));
  } catch {
    // A source tree without its history is dated by its build.
    return undefined;
  }
}

function manifest(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
