// Wakeups as UDP datagrams: one long-lived socket for each address family, opened when it is first needed, so
// that a host without IPv6 serves IPv4. What comes back is read and dropped, and no name is ever resolved.
import { createSocket, type Socket } from 'node:dgram';
import {
  type Attempt,
  type Destination,
  type Sender,
  type SendResult,
  sendErrorCode,
} from './sender.js';
import { createUnderWay } from './under-way.js';

type Family = 4 | 6;

export function createUdpSender(options: { udpMax: number }): Sender {
  const underWay = createUnderWay(options.udpMax);
  const sockets = new Map<Family, Promise<Socket>>();
  let isClosed = false;

  function socketOf(family: Family): Promise<Socket> {
    const known = sockets.get(family);
    if (known) return known;
    const opened = openSocket(family, () => sockets.delete(family));
    sockets.set(family, opened);
    return opened;
  }

  async function send(destination: Destination, payload: Uint8Array): Promise<SendResult> {
    try {
      const socket = await socketOf(destination.address.family);
      return await sendDatagram(socket, destination, payload);
    } catch (error) {
      return { result: 'failed', code: sendErrorCode(error) };
    }
  }

  return {
    begin(destination, payload): Attempt | 'busy' {
      if (isClosed || underWay.isFull()) return 'busy';
      const done = underWay.add(send(destination, payload));
      return { left: done, done };
    },
    underWay: underWay.count,
    async close(deadlineMs) {
      isClosed = true;
      await underWay.settled(deadlineMs);
      const opened = await Promise.allSettled(sockets.values());
      for (const socket of opened) if (socket.status === 'fulfilled') socket.value.close();
      sockets.clear();
    },
  };
}

/** Opens a socket on a port of the system's choice. `onLost`: the next wakeup needs a new one. */
function openSocket(family: Family, onLost: () => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ipv6Only: family === 6,
      // Only addresses come here; a resolver would turn a mistake into a question to the network.
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    socket.on('error', (error) => {
      onLost();
      reject(error);
      closeQuietly(socket);
    });
    socket.once('close', onLost);
    socket.bind({ port: 0, exclusive: true }, () => resolve(socket));
  });
}

function sendDatagram(
  socket: Socket,
  { address, port }: Destination,
  payload: Uint8Array,
): Promise<SendResult> {
  return new Promise((resolve) => {
    socket.send(payload, port, address.text, (error) => {
      resolve(error ? { result: 'failed', code: sendErrorCode(error) } : { result: 'sent' });
    });
  });
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // It was closed by its own error; there is nothing left to close.
  }
}
