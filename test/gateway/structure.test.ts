// The rooms of the gateway, and the page that tells about its API, against the code.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import t from 'tap';
import { problemTypes } from '../../gateway/api/problems.js';
import { deferralReasons } from '../../gateway/api/wake.js';
import { refusalReasons } from '../../gateway/policy/policy.js';

/** Which rooms each room may import, beside itself and shared. `.` is the files at the top. */
const mayImport: Record<string, string[]> = {
  senders: [],
  policy: [],
  trust: ['policy'],
  ops: ['policy', '.'],
  api: ['trust', 'policy', 'senders', '.'],
  commands: ['policy', 'senders', '.'],
  '.': ['api', 'ops', 'trust', 'policy', 'senders', 'commands', '.'],
};

function roomOf(path: string): string {
  return path.includes('/') ? dirname(path) : '.';
}

t.test('imports point one way: root, api, trust and policy, senders, shared', async (t) => {
  for (const path of readdirSync('gateway', { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts')) continue;
    const source = readFileSync(join('gateway', path), 'utf8');
    for (const [, specifier = ''] of source.matchAll(/from '(\.[^']+)'/g)) {
      const target = normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts');
      if (target.startsWith('..')) {
        t.match(target, /^\.\.\/shared\//, `${path} imports ${target}`);
        continue;
      }
      const allowed = [roomOf(path), ...(mayImport[roomOf(path)] ?? [])];
      t.ok(allowed.includes(roomOf(target)), `${path} imports ${target}`);
      if (path !== 'cli.ts' && path !== 'commands/serve.ts') {
        t.notMatch(target, /^(cli|gateway)\.ts$/, `${path} imports the root`);
      }
    }
  }
});

t.test('docs/wakeup-api.md has every problem type and every reason', async (t) => {
  const page = readFileSync('docs/wakeup-api.md', 'utf8');
  for (const type of problemTypes)
    t.match(page, new RegExp(`\\| \\d{3} \\| \`${type}\` \\|`), type);
  for (const reason of refusalReasons) t.match(page, `| \`${reason}\` |`, reason);
  for (const reason of deferralReasons) t.match(page, `| \`${reason}\` |`, reason);
  t.match(page, '`send-failed`');
});
