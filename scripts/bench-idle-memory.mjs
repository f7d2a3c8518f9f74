// What an idle device costs central: opens N plain connections to a real central and to a bare `ws` server, each a
// process of its own, and prints RSS per connection of both and their ratio. Usage: node scripts/bench-idle-memory.mjs [N]
// Needs `npm run build`, and file descriptors for N sockets (`ulimit -n`).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

const connections = Number(process.argv[2] ?? 5000);
const warmUp = 500;
const atOnce = 50;
const folder = mkdtempSync(join(tmpdir(), 'reveille-bench-'));
// Garbage is no cost of a connection: both servers collect theirs all the time.
const collecting = 'data:text/javascript,setInterval(globalThis.gc,250).unref()';
const bareServer = `
  import { WebSocketServer } from 'ws';
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  function onMessage() { this.send('{"messageType":"hello","uaid":"x","status":200}'); }
  server.on('connection', (socket) => socket.on('message', onMessage));
  server.on('listening', () => console.log('ready http://127.0.0.1:' + server.address().port + ' '));
`;

try {
  await run('central', ['dist/central/cli.js', 'keygen', '--out', folder]);
  writeFileSync(
    join(folder, 'central.yaml'),
    [
      'listen: 127.0.0.1:0',
      'admin: 127.0.0.1:0',
      'secretKeyFile: secret.key',
      'signingKeyFile: central.key.pem',
      'store: sqlite:bench.db',
      `socketsPerAddressMax: ${connections + warmUp}`,
      `hellosPerSecond: ${connections + warmUp}`,
      'log: { level: warn }',
    ].join('\n'),
  );
  const bare = await measure(['--input-type=module', '--eval', bareServer]);
  const central = await measure([
    'dist/central/cli.js',
    'serve',
    '--config',
    join(folder, 'central.yaml'),
  ]);
  print(`connections        ${connections}`);
  print(`bare ws            ${kilobytes(bare)} KB each`);
  print(`central            ${kilobytes(central)} KB each`);
  print(`central / bare ws  ${(central / bare).toFixed(2)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Bytes of RSS that one idle connection adds to a server. */
async function measure(args) {
  const child = spawn(process.execPath, ['--expose-gc', '--import', collecting, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await readyUrl(child);
    // What is loaded and compiled with the first connections is paid once.
    await close(await open(url, warmUp));
    await settle();
    const before = rssBytes(child.pid);
    const sockets = await open(url, connections);
    await settle();
    const after = rssBytes(child.pid);
    await close(sockets);
    return (after - before) / connections;
  } finally {
    child.kill('SIGKILL');
  }
}

async function open(url, count) {
  const sockets = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(atOnce, count - sockets.length) }, () => greet(url));
    sockets.push(...(await Promise.all(some)));
  }
  return sockets;
}

/** One device that has said hello and was answered. */
async function greet(url) {
  const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false });
  await once(socket, 'open');
  socket.send('{"messageType":"hello"}');
  await once(socket, 'message');
  return socket;
}

function close(sockets) {
  return Promise.all(
    sockets.map((socket) => {
      socket.terminate();
      return socket.readyState === WebSocket.CLOSED ? undefined : once(socket, 'close');
    }),
  );
}

async function readyUrl(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /^ready (\S+) /.exec(line) ?? [];
    if (url) return url;
  }
  throw new Error('the server ended before it was ready');
}

async function run(name, args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${name}: exit ${code}`);
}

function rssBytes(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** A few rounds of collecting. */
function settle() {
  return new Promise((resolve) => setTimeout(resolve, 4_000));
}

function kilobytes(bytes) {
  return (bytes / 1024).toFixed(1);
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
