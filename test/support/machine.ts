// A throw-away machine under a real systemd, and the Debian packages that go into it.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Teardown } from './gateway-setup.js';

/** The checkout; this file runs as dist/test/support/machine.js. */
export const repository = fileURLToPath(new URL('../../..', import.meta.url));
const script = join(repository, 'test/support/throwaway-systemd.sh');

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Machine {
  /** A folder of the host that the machine sees under the same path, read-only. */
  shared: string;
  /** Runs a shell script in the machine to its end. */
  try(shell: string): CommandResult;
  /** The same; throws when it fails, and returns what it printed without the last line break. */
  sh(shell: string): string;
  /** Runs a compiled program of test/support in the machine and reads the JSON that it prints. */
  program(name: string, options: unknown): unknown;
  writeFile(path: string, content: string): void;
  /** Runs a shell script until it succeeds, at most for `limitMs`. */
  until(shell: string, limitMs?: number): Promise<string>;
}

/** Boots a machine and takes it away after the test. */
export function startMachine(t: Teardown): Machine {
  const folder = mkdtempSync(join(tmpdir(), 'reveille-machine-'));
  const shared = mkdtempSync(join(tmpdir(), 'reveille-shared-'));
  const node = realpathSync(process.execPath);
  const binds = [repository, shared].map((path) => `--bind-ro=${path}`);
  if (node !== '/usr/bin/node') binds.push(`--bind-ro=${node}:/usr/bin/node`);
  t.teardown(() => {
    execFileSync(script, ['down', folder]);
    for (const path of [folder, shared]) rmSync(path, { recursive: true });
  });
  execFileSync(script, ['up', folder, ...binds], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, MACHINE_OWNER: String(process.pid) },
  });

  function run(command: string[], input = ''): CommandResult {
    const ran = spawnSync(script, ['in', folder, ...command], {
      encoding: 'utf8',
      input,
      timeout: 120_000,
    });
    return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
  }
  const machine: Machine = {
    shared,
    try: (shell) => run(['sh', '-euc', shell]),
    sh(shell) {
      const { code, stdout, stderr } = machine.try(shell);
      if (code !== 0) throw new Error(`${shell}\nended with ${code}: ${stdout}${stderr}`);
      return stdout.trimEnd();
    },
    program(name, options) {
      const file = join(repository, 'dist/test/support', name);
      const { code, stdout, stderr } = run(['node', file, JSON.stringify(options)]);
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${stderr}`);
      return JSON.parse(stdout);
    },
    writeFile(path, content) {
      const { code, stderr } = run(['sh', '-c', `cat > '${path}'`], content);
      if (code !== 0) throw new Error(stderr);
    },
    async until(shell, limitMs = 60_000) {
      const endMs = Date.now() + limitMs;
      for (;;) {
        const { code, stdout, stderr } = machine.try(shell);
        if (code === 0) return stdout.trimEnd();
        if (Date.now() > endMs) throw new Error(`${shell}\nstill fails: ${stdout}${stderr}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  };
  installNodeEntry(machine, node);
  return machine;
}

/** Builds one of our packages as `npm run deb` does and returns its file. */
export function buildPackage(folder: string, only: 'gateway' | 'central'): string {
  const args = ['scripts/deb.mjs', '--only', only, '--out', folder];
  execFileSync(process.execPath, args, { cwd: repository, stdio: ['ignore', 'ignore', 'inherit'] });
  return packageIn(folder, only);
}

function packageIn(folder: string, only: string): string {
  const name = readdirSync(folder).find((file) => file.startsWith(`reveille-${only}_`));
  if (name === undefined) throw new Error(`no package of ${only} in ${folder}`);
  return join(folder, name);
}

/** The next version of a package, whose conffile has changed as well. */
export function nextVersion(deb: string, conffile: string): string {
  const tree = join(deb, '..', 'next');
  const next = join(deb, '..', 'next.deb');
  execFileSync('dpkg-deb', ['--raw-extract', deb, tree]);
  const control = join(tree, 'DEBIAN/control');
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^(Version: .*)$/m, '$1+next'));
  writeFileSync(join(tree, conffile), '# A new shipped configuration.\n', { flag: 'a' });
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, next], { stdio: 'ignore' });
  rmSync(tree, { recursive: true });
  return next;
}

/** Where Node is no Debian package, an empty one stands for it, so that dpkg finds what ours depend on. */
function installNodeEntry(machine: Machine, node: string): void {
  const isPackaged = machine.try(`dpkg-query -W -f '\${Version}' nodejs`);
  const major = process.versions.node.split('.')[0] ?? '';
  if (isPackaged.code === 0 && isPackaged.stdout.startsWith(`${major}.`)) return;
  if (isPackaged.code === 0 && isPackaged.stdout !== '' && node === '/usr/bin/node') return;
  const tree = join(machine.shared, 'nodejs');
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true });
  const fields = [
    'Package: nodejs',
    `Version: ${process.versions.node}`,
    'Architecture: all',
    'Maintainer: nobody <nobody@localhost>',
    'Description: stands for the Node.js of this test',
  ];
  writeFileSync(join(tree, 'DEBIAN/control'), `${fields.join('\n')}\n`);
  const deb = join(machine.shared, 'nodejs.deb');
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, deb], { stdio: 'ignore' });
  machine.sh(`dpkg -i ${deb}`);
}
