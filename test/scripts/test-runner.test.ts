// scripts/test.mjs as the gate runs it: what its last line counts, and what it does with a file that fails.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const runner = fileURLToPath(new URL('../../../scripts/test.mjs', import.meta.url));

interface Test {
  testdir(): string;
}

/** Runs the files of these contents and resolves to what the runner said. */
async function runFiles(t: Test, contents: readonly string[]) {
  const folder = t.testdir();
  const files = contents.map((content, index) => {
    const file = join(folder, `${index}.mjs`);
    writeFileSync(file, content);
    return file;
  });
  return new Promise<{ code: number; lines: string[]; files: string[] }>((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = execFile(process.execPath, [runner, ...files], { env }, (_error, stdout) =>
      resolve({ code: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n'), files }),
    );
  });
}

const good = "console.log('ok 1 - one');";
const bad = "console.log('not ok 1 - the reason'); process.exitCode = 1;";
/** Fails when it is run for the first time. */
const onceBad = `
  import { existsSync, writeFileSync } from 'node:fs';
  const mark = new URL('./mark', import.meta.url);
  if (existsSync(mark)) { ${good} } else { writeFileSync(mark, ''); ${bad} }`;

t.test('the last line counts the tests of all files', async (t) => {
  const { code, lines } = await runFiles(t, [good, good]);
  t.equal(lines.at(-1), 'tests: 2 passed, 0 failed');
  t.equal(code, 0);
});

t.test('a file that fails twice fails, and its tests count once', async (t) => {
  const { code, lines, files } = await runFiles(t, [bad, good]);
  t.equal(lines.at(-1), 'tests: 1 passed, 1 failed');
  t.equal(code, 1);
  t.equal(lines.filter((line) => line.startsWith(`not ok ${files[0]}`)).length, 2);
  t.notOk(lines.some((line) => line.startsWith('unsteady')));
});

t.test('a file that passes at the second run is told as unsteady with what it said', async (t) => {
  const { code, lines, files } = await runFiles(t, [onceBad, good]);
  t.equal(lines.at(-1), 'tests: 2 passed, 0 failed');
  t.equal(code, 0);
  const told = lines.findIndex((line) => line.startsWith(`unsteady ${files[0]}`));
  t.equal(lines[told + 1], 'not ok 1 - the reason');
  t.ok(lines.findIndex((line) => line.startsWith(`ok ${files[1]}`)) < told, 'after all others');
});

t.test('a file that crashes counts as one that failed', async (t) => {
  const { code, lines } = await runFiles(t, ['process.exit(3);']);
  t.equal(lines.at(-1), 'tests: 0 passed, 1 failed');
  t.equal(code, 1);
});

t.test('when many files fail, ten of them are run again', async (t) => {
  const { lines } = await runFiles(t, Array(12).fill(bad));
  t.equal(lines.filter((line) => line.startsWith('again ')).length, 10);
  t.equal(lines.at(-1), 'tests: 0 passed, 12 failed');
});
