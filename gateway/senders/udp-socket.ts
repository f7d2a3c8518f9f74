// UDP sockets as senders open them: they resolve no name, and closing one twice is no mistake.
import { createSocket, type Socket } from 'node:dgram';

export type Family = 4 | 6;

export function createUdpSocket(family: Family): Socket {
  return createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6,
    // Only addresses come here; a resolver would turn a mistake into a question to the network.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
}

export function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // It was closed by its own error; there is nothing left to close.
  }
}
