// How soon the gateway is ready and what it holds while idle, beside a bare Node HTTPS server: both as processes,
// in turns; the fastest start, and the median size. `node scripts/bench-gateway-start.mjs [runs]` after a build;
// exits 1 beyond the aims.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { generate } from 'selfsigned';
import { writeKeyPair } from '../dist/shared/keygen.js';
import { bundle } from './bundle.mjs';

const aims = { readyMs: 400, rssRatio: 1.25 };
const runs = Number(process.argv[2] ?? 5);
// V8 gives back what the start needed when nothing has happened for a while.
const idleMs = 20_000;
const folder = mkdtempSync(join(tmpdir(), 'reveille-bench-'));

const bare = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
const [key, cert] = ['tls.key', 'tls.crt'].map((name) => readFileSync(new URL(name, import.meta.url)));
createServer({ key, cert }, (request, response) => response.end('ok')).listen(0, '127.0.0.1', () => {
  process.stdout.write('ready\\n');
});
`;

const config = `
listen: 127.0.0.1:0
admin: 127.0.0.1:0
tls: { keyFile: tls.key, certFile: tls.crt }
keyFile: gateway.key.pem
networks: [{ network: 214-07, ranges: [10.0.0.0/8] }]
centrals: [{ id: ns-1, publicKeyFile: gateway.pub.pem }]
`;

async function prepare() {
  writeKeyPair(folder, 'gateway');
  const options = { keyType: 'ec', algorithm: 'sha256' };
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], options);
  const files = { 'tls.key': pems.private, 'tls.crt': pems.cert, 'bare.mjs': bare };
  for (const [name, text] of Object.entries({ ...files, 'gateway.yaml': config })) {
    writeFileSync(join(folder, name), text);
  }
  const outfile = join(folder, 'gateway.mjs');
  await bundle({ entry: 'gateway/cli.ts', outfile, version: '0.0.0' });
  const serve = ['serve', '--config', join(folder, 'gateway.yaml')];
  const unit = readFileSync('systemd/reveille-gateway.service', 'utf8');
  const flags = /^ExecStart=.*\/node (--.*) \/usr\/lib\//m.exec(unit)[1].split(' ');
  return {
    'bare https': [join(folder, 'bare.mjs')],
    'gateway, packaged': [...flags, outfile, ...serve],
    'gateway, as built': [...flags, 'dist/gateway/cli.js', ...serve],
  };
}

async function measure(args) {
  const beganMs = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), ended.then(() => Promise.reject(args))]);
  const readyMs = performance.now() - beganMs;
  const [, user, system] = /\) (?:\S+ ){11}(\d+) (\d+)/.exec(
    readFileSync(`/proc/${child.pid}/stat`, 'utf8'),
  );
  // The kernel counts in hundredths of a second.
  return { child, ended, readyMs, cpuMs: (Number(user) + Number(system)) * 10 };
}

async function rssMiBOf({ child, ended }) {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  child.kill('SIGKILL');
  await ended;
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) / 1024;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

try {
  const programs = await prepare();
  const measured = new Map(Object.keys(programs).map((name) => [name, []]));
  for (let i = 0; i < runs; i++) {
    for (const [name, args] of Object.entries(programs)) {
      measured.get(name).push(await measure(args));
    }
  }
  await setTimeout(idleMs);
  for (const started of [...measured.values()].flat()) started.rssMiB = await rssMiBOf(started);
  const results = [...measured].map(([name, all]) => ({
    name,
    // Other load of the machine only ever adds.
    readyMs: Math.min(...all.map(({ readyMs }) => readyMs)),
    cpuMs: median(all.map(({ cpuMs }) => cpuMs)),
    rssMiB: median(all.map(({ rssMiB }) => rssMiB)),
  }));
  const [base, packaged] = results;
  for (const { name, readyMs, cpuMs, rssMiB } of results) {
    const times = `${readyMs.toFixed(0)} ms (x ${(readyMs / base.readyMs).toFixed(2)}; cpu ${cpuMs} ms)`;
    const sizes = `${rssMiB.toFixed(1)} MiB (x ${(rssMiB / base.rssMiB).toFixed(2)})`;
    process.stdout.write(`${name.padEnd(18)} ready in ${times}, idle ${sizes}\n`);
  }
  const isWithin =
    packaged.readyMs <= aims.readyMs && packaged.rssMiB <= aims.rssRatio * base.rssMiB;
  process.stdout.write(
    `aims: ready within ${aims.readyMs} ms, at most x ${aims.rssRatio} idle: ${isWithin ? 'met' : 'missed'}\n`,
  );
  process.exitCode = isWithin ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
