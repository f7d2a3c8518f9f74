// Runs the compiled tests, each file a process of its own, and ends with the line `tests: N passed, N failed`.
// Arguments name compiled files to run, one after the other; without any all of dist/test/**/*.test.js run, three
// at a time, for most wait for sockets and processes. `--without <folders>`, with commas, leaves out those that begin
// so below dist/test/. A file that fails is run once more at the end, alone: when it passes then, it is told as
// `unsteady` and does not count as failed. node-tap's own runner does the same at two seconds of start-up a file.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const fileTimeoutMs = 600_000;
/** A busy machine makes a few files fail. More than these have a cause that a second run would not remove. */
const secondRunsMax = 10;
const { values, positionals: named } = parseArgs({
  options: { without: { type: 'string', default: '' } },
  allowPositionals: true,
});
const leftOut = values.without.split(',').filter((folder) => folder !== '');
const files = named.length > 0 ? named : compiledTests();
const atATime = named.length > 0 ? 1 : 3;

let passed = 0;
let failed = 0;
const failedOnce = [];
const unsteady = [];
const print = (line) => process.stdout.write(`${line}\n`);

const queue = [...files];
await Promise.all(Array.from({ length: atATime }, runQueue));
for (const first of failedOnce) await runAgain(first);
for (const { file, output } of unsteady) {
  print(`unsteady ${file} (failed, then passed alone); at first it said:`);
  print(output.join('\n'));
}
print(`tests: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function runQueue() {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const ran = await runFile(file);
    tell(ran);
    if (!ran.isGood && failedOnce.length < secondRunsMax) failedOnce.push(ran);
    else count(ran);
  }
}

async function runAgain(first) {
  print(`again ${first.file}`);
  const ran = await runFile(first.file);
  tell(ran);
  count(ran);
  if (ran.isGood) unsteady.push(first);
}

function count({ counts, isBroken }) {
  passed += counts.passed;
  failed += counts.failed + (isBroken ? 1 : 0);
}

function tell({ file, counts, output, isGood, seconds }) {
  const result = `${counts.passed} passed, ${counts.failed} failed, ${seconds} s`;
  print(`${isGood ? 'ok' : 'not ok'} ${file} (${result})`);
  if (!isGood) print(output.join('\n'));
}

async function runFile(file) {
  const beganMs = performance.now();
  const { counts, output, code } = await runProcess(file);
  return {
    file,
    counts,
    output,
    seconds: ((performance.now() - beganMs) / 1000).toFixed(1),
    isGood: code === 0 && counts.failed === 0,
    // A file may also fail beside its tests: it crashed, or planned more than it ran.
    isBroken: code !== 0 && counts.failed === 0,
  };
}

async function runProcess(file) {
  // A file may take its time on a busy machine; tap's own limit is 30 s.
  const env = { ...process.env, TAP_TIMEOUT: String(fileTimeoutMs / 1000) };
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const timer = setTimeout(() => child.kill('SIGKILL'), fileTimeoutMs);
  const counts = { passed: 0, failed: 0 };
  const output = [];
  let isFailure = false;
  const errors = createInterface({ input: child.stderr });
  errors.on('line', (line) => output.push(line));
  createInterface({ input: child.stdout }).on('line', (line) => {
    // TAP: a test is a subtest at the margin; what belongs to a failure is kept until the next result.
    if (/^ok \d/.test(line)) counts.passed += 1;
    else if (/^not ok \d/.test(line)) counts.failed += 1;
    if (/^\s*not ok /.test(line)) isFailure = true;
    else if (/^\s*(ok |# Subtest)/.test(line)) isFailure = false;
    if (isFailure) output.push(line);
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  return { counts, output, code };
}

function compiledTests() {
  return readdirSync('dist/test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .filter((name) => !leftOut.some((folder) => name.startsWith(folder)))
    .map((name) => `dist/test/${name}`)
    .sort();
}
