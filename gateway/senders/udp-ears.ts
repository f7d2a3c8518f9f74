// A socket for one datagram, connected to where it goes and kept open for a while: only so does a program hear that
// the handset's host refuses it (ICMP port unreachable, RFC 1122 section 4.1.3.3). Nothing that a peer sends is looked at.
import type { Clock } from '../../shared/clock.js';
import {
  type Attempt,
  type Destination,
  type SendResult,
  type Sign,
  sendErrorCode,
} from './sender.js';
import { closeQuietly, createUdpSocket } from './udp-socket.js';

export interface UdpEars {
  /** Sends from a socket of its own and listens. `undefined`: as many as may be are listening. Never throws. */
  send(destination: Destination, payload: Uint8Array): Omit<Attempt, 'done'> | undefined;
  /** Sockets that are open. */
  listening(): number;
  /** Stops listening, and cuts what has not left (`ECANCELED`). */
  close(): void;
}

export function createUdpEars(options: {
  clock: Clock;
  signWaitMs: number;
  signSocketsMax: number;
}): UdpEars {
  const { clock, signWaitMs, signSocketsMax } = options;
  /** The end of each open socket. */
  const ends = new Set<() => void>();

  function listen({ address, port }: Destination, payload: Uint8Array): Omit<Attempt, 'done'> {
    const left = createSettlement<SendResult>();
    const sign = createSettlement<Sign>();
    const socket = createUdpSocket(address.family);
    let cancel = () => {};
    const end = (heard: Sign) => {
      if (!ends.delete(cut)) return;
      cancel();
      sign.settle(heard);
      closeQuietly(socket);
    };
    const fail = (code: string) => {
      left.settle({ result: 'failed', code });
      end('unknown');
    };
    const cut = () => fail('ECANCELED');
    ends.add(cut);

    socket.on('error', (error) => {
      const code = sendErrorCode(error);
      if (code !== 'ECONNREFUSED') return fail(code);
      // Only what has left can be refused.
      left.settle({ result: 'sent' });
      end('refused');
    });
    // Somebody is there. Who goes on talking finds the socket closed.
    socket.once('message', () => end('silent'));
    const onSent = (error: Error | null) => {
      if (error) return fail(sendErrorCode(error));
      left.settle({ result: 'sent' });
      if (ends.has(cut)) cancel = clock.after(signWaitMs, () => end('silent'));
    };
    socket.connect(port, address.text, (error?: Error) => {
      if (error) return fail(sendErrorCode(error));
      if (ends.has(cut)) socket.send(payload, onSent);
    });
    return { left: left.promise, sign: sign.promise };
  }

  return {
    send: (destination, payload) =>
      ends.size < signSocketsMax ? listen(destination, payload) : undefined,
    listening: () => ends.size,
    close() {
      for (const cut of ends) cut();
    },
  };
}

/** A promise that is settled from outside; only the first time counts. */
function createSettlement<T>(): { promise: Promise<T>; settle: (value: T) => void } {
  let settle: (value: T) => void = () => {};
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}
