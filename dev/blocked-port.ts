// A port that nobody gets through: what `--break gateway` puts where the gateway should be.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

export interface BlockedPort {
  url: string;
  stop(): Promise<void>;
}

/** Opens a port on loopback that ends every connection at once. */
export async function blockPort(): Promise<BlockedPort> {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
