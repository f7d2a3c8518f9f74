// Wakeups as UDP datagrams. Each leaves from a socket of its own that listens for a refusal, as long as there are few
// enough of those, and otherwise, or when that fails, from one long-lived socket for each address family. That one is
// opened when it is first needed, so that a host without IPv6 serves IPv4. What comes back is dropped.
import type { Socket } from 'node:dgram';
import type { Clock } from '../../shared/clock.js';
import {
  type Attempt,
  type Destination,
  type Sender,
  type SendResult,
  sendErrorCode,
} from './sender.js';
import { createUdpEars } from './udp-ears.js';
import { closeQuietly, createUdpSocket, type Family } from './udp-socket.js';
import { createUnderWay } from './under-way.js';

export interface UdpSender extends Sender {
  /** Sockets that listen for a refusal. */
  listening(): number;
}

export function createUdpSender(options: {
  clock: Clock;
  udpMax: number;
  signWaitMs: number;
  signSocketsMax: number;
}): UdpSender {
  const ears = createUdpEars(options);
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

  async function sendUnheard(destination: Destination, payload: Uint8Array): Promise<SendResult> {
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
      // The shared one is there before the others can take the last descriptor. What is wrong with it shows in use.
      socketOf(destination.address.family).catch(() => {});
      const heard = ears.send(destination, payload);
      const sent = heard
        ? heard.left.then((left) =>
            mustSendAgain(left) ? sendUnheard(destination, payload) : left,
          )
        : sendUnheard(destination, payload);
      const done = underWay.add(sent);
      return { left: done, done, sign: heard?.sign ?? Promise.resolve('unknown') };
    },
    underWay: underWay.count,
    listening: ears.listening,
    async close(deadlineMs) {
      isClosed = true;
      await underWay.settled(deadlineMs);
      ears.close();
      const opened = await Promise.allSettled(sockets.values());
      for (const socket of opened) if (socket.status === 'fulfilled') socket.value.close();
      sockets.clear();
    },
  };
}

/** Whether nothing has left and there is time left: where no socket of its own could be had, the shared one serves. */
function mustSendAgain(left: SendResult): boolean {
  return left.result === 'failed' && left.code !== 'ECANCELED';
}

/** Opens a socket on a port of the system's choice. `onLost`: the next wakeup needs a new one. */
function openSocket(family: Family, onLost: () => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createUdpSocket(family);
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
