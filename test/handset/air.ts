// What a gateway says to a handset's wake port, said by a test: real datagrams and connections on 127.0.0.1.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type DatagramWords, wakeupMac, wakeupPayload } from '../../shared/wakeup/datagram.js';
import type { Protocol } from '../../shared/wakeup/request.js';

/** The words after the address, or any text at all. */
export type Datagram = DatagramWords | string;

/** Resolves when it is sent. */
export function say(port: number, said: Datagram, protocol: Protocol = 'udp'): Promise<void> {
  const bytes = typeof said === 'string' ? said : wakeupPayload('127.0.0.1', port, said);
  if (protocol === 'tcp') {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    return new Promise((resolve) => socket.end(bytes, resolve));
  }
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.send(bytes, port, '127.0.0.1', () => socket.close(resolve));
  });
}

/** The words of a wakeup signed with this key. */
export function signedWords(key: Buffer, port: number, counter: number): DatagramWords {
  return { auth: { counter, mac: wakeupMac(key, { ip: '127.0.0.1', port, counter }) } };
}
