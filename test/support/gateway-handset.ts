// The ears of a handset: a UDP or TCP port on loopback that keeps what arrives, or that never accepts.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Teardown } from './gateway-setup.js';

export interface Ears {
  port: number;
  /** Everything that arrived so far, one entry a datagram or connection. */
  heard: string[];
  /** Resolves with the next arrival that was not waited for yet. */
  next(): Promise<string>;
  /** From now on nobody listens on the port. */
  close(): Promise<void>;
}

export async function listenUdp(t: Teardown, host = '127.0.0.1'): Promise<Ears> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const { heard, next, hear } = createInbox();
  socket.on('message', (message) => hear(message.toString()));
  socket.bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  const close = atMostOnce(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  t.teardown(close);
  return { port, heard, next, close };
}

export async function listenTcp(t: Teardown, host = '127.0.0.1'): Promise<Ears> {
  const { heard, next, hear } = createInbox();
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('end', () => hear(text));
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = atMostOnce(() => new Promise<void>((resolve) => server.close(() => resolve())));
  t.teardown(close);
  return { port, heard, next, close };
}

/** A TCP port whose listener never accepts: all but the first few connections wait. */
export async function startDeafPeer(t: Teardown): Promise<number> {
  const program = fileURLToPath(new URL('./gateway-deaf-peer.js', import.meta.url));
  const peer = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => peer.kill('SIGKILL'));
  const [line] = await once(peer.stdout, 'data');
  return Number(line);
}

/** What is closed stays closed. */
function atMostOnce(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => {
    closed ??= close();
    return closed;
  };
}

function createInbox(): { heard: string[]; next(): Promise<string>; hear(text: string): void } {
  const heard: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  let taken = 0;
  return {
    heard,
    hear(text) {
      heard.push(text);
      const waiter = waiting.shift();
      if (!waiter) return;
      taken += 1;
      waiter(text);
    },
    next() {
      const ready = heard[taken];
      if (ready === undefined) return new Promise((resolve) => waiting.push(resolve));
      taken += 1;
      return Promise.resolve(ready);
    },
  };
}
