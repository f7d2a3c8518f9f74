// Runs the compiled tests with node-tap and ends with the line `tests: N passed, N failed`.
// Arguments name compiled test files (dist/test/…) to run instead of all of them.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

const named = process.argv.slice(2);
const files = named.length > 0 ? named : compiledTests();
const tap = 'node_modules/tap/dist/esm/run.mjs';
const options = ['--disable-coverage', '--reporter=tap', '--jobs=2', '--timeout=300'];
const child = spawn(process.execPath, [tap, 'run', ...options, ...files], {
  stdio: ['ignore', 'pipe', 'inherit'],
});

let passed = 0;
let failed = 0;
let isInFailure = false;
for await (const line of createInterface({ input: child.stdout })) {
  if (/^\s*not ok /.test(line)) isInFailure = true;
  else if (/^\s*(ok |# Subtest)/.test(line)) isInFailure = false;
  if (isInFailure) process.stdout.write(`${line}\n`);
  // A test is a subtest of a file: one level in. The files themselves stand at the margin.
  if (/^ {4}ok /.test(line)) passed += 1;
  else if (/^ {4}not ok /.test(line)) failed += 1;
  else if (/^ok /.test(line)) process.stdout.write(`${line}\n`);
}
const code = await new Promise((resolve) => {
  if (child.exitCode !== null) resolve(child.exitCode);
  else child.on('close', resolve);
});
if (code !== 0 && failed === 0) failed = 1;
process.stdout.write(`tests: ${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

function compiledTests() {
  return readdirSync('dist/test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => `dist/test/${name}`)
    .sort();
}
