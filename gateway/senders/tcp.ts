// Wakeups over TCP: connect, write, end, within a deadline. Nothing is ever read. What the handset's host
// answered is the operator's to know and never the caller's, who could scan ports with it.
import { Socket } from 'node:net';
import type { Clock } from '../../shared/clock.js';
import {
  type Attempt,
  type Destination,
  type Sender,
  type SendResult,
  type Sign,
  sendErrorCode,
} from './sender.js';
import { createUnderWay } from './under-way.js';

interface Ending {
  result: SendResult;
  sign: Sign;
}

/** What a reset is called while a connection is being made. */
const refusals = ['ECONNREFUSED', 'ECONNRESET'];

export function createTcpSender(options: {
  clock: Clock;
  tcpMax: number;
  tcpDeadlineMs: number;
}): Sender {
  const { clock, tcpDeadlineMs } = options;
  const underWay = createUnderWay(options.tcpMax);
  const sockets = new Set<Socket>();
  let isClosed = false;

  function send({ address, port }: Destination, payload: Uint8Array): Promise<Ending> {
    return new Promise((resolve) => {
      const socket = new Socket();
      sockets.add(socket);
      let result: SendResult = { result: 'timeout' };
      let sign: Sign = 'unknown';
      const cancel = clock.after(tcpDeadlineMs, () => socket.destroy());
      const end = (final: SendResult) => {
        result = final;
        socket.destroy();
      };
      socket.on('connect', () => {
        sign = 'silent';
      });
      socket.on('error', (error) => {
        const code = sendErrorCode(error);
        // A reset of a connection that was made says nothing against the port.
        if (sign === 'unknown' && refusals.includes(code)) sign = 'refused';
        end({ result: 'failed', code });
      });
      // The system has the payload and the FIN; it delivers both after the socket is gone.
      socket.on('finish', () => end({ result: 'sent' }));
      socket.on('close', () => {
        cancel();
        sockets.delete(socket);
        resolve({ result, sign });
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
      const ending = underWay.add(send(destination, payload));
      return {
        left: Promise.resolve({ result: 'sent' }),
        done: ending.then(({ result }) => result),
        sign: ending.then(({ sign }) => sign),
      };
    },
    underWay: underWay.count,
    async close(deadlineMs) {
      isClosed = true;
      await underWay.settled(deadlineMs);
      for (const socket of sockets) socket.destroy();
    },
  };
}
