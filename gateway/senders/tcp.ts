// Wakeups over TCP: connect, write, end, within a deadline. Nothing is ever read. What the handset's host
// answered is the operator's to know and never the caller's, who could scan ports with it.
import { Socket } from 'node:net';
import type { Clock } from '../../shared/clock.js';
import {
  type Attempt,
  type Destination,
  type Sender,
  type SendResult,
  sendErrorCode,
} from './sender.js';
import { createUnderWay } from './under-way.js';

export function createTcpSender(options: {
  clock: Clock;
  tcpMax: number;
  tcpDeadlineMs: number;
}): Sender {
  const { clock, tcpDeadlineMs } = options;
  const underWay = createUnderWay(options.tcpMax);
  const sockets = new Set<Socket>();
  let isClosed = false;

  function send({ address, port }: Destination, payload: Uint8Array): Promise<SendResult> {
    return new Promise((resolve) => {
      const socket = new Socket();
      sockets.add(socket);
      let result: SendResult = { result: 'timeout' };
      const cancel = clock.after(tcpDeadlineMs, () => socket.destroy());
      const end = (final: SendResult) => {
        result = final;
        socket.destroy();
      };
      socket.on('error', (error) => end({ result: 'failed', code: sendErrorCode(error) }));
      // The system has the payload and the FIN; it delivers both after the socket is gone.
      socket.on('finish', () => end({ result: 'sent' }));
      socket.on('close', () => {
        cancel();
        sockets.delete(socket);
        resolve(result);
      });
      // A paused socket is never read from: what a peer sends stays in the system's buffer.
      socket.pause();
      socket.connect({ host: address.text, port, family: address.family });
      socket.end(payload);
    });
  }

  return {
    begin(destination, payload): Attempt | 'busy' {
      if (isClosed || underWay.isFull()) return 'busy';
      const done = underWay.add(send(destination, payload));
      return { left: Promise.resolve({ result: 'sent' }), done };
    },
    underWay: underWay.count,
    async close(deadlineMs) {
      isClosed = true;
      await underWay.settled(deadlineMs);
      for (const socket of sockets) socket.destroy();
    },
  };
}
