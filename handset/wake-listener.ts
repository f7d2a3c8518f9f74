// The port on which a sleeping handset is woken: one UDP socket, or a TCP server that reads a line and hangs up.
// It tells apart wakeups and the rest; what a wakeup means is the wake port's business.
import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { hostPort, parseAddress } from '../shared/address.js';
import type { Clock } from '../shared/clock.js';
import { CodedError, messageOf } from '../shared/errors.js';
import { datagramBytesMax } from '../shared/wakeup/datagram.js';
import type { Protocol } from '../shared/wakeup/request.js';
import { readWakePayload, type Unreadable, type WakePayload } from './wake-payload.js';

export interface WakeEvents {
  /** `from` is the sender as the operating system saw it, `ip:port`. */
  heard(from: string, payload: WakePayload): void;
  ignored(from: string, because: Unreadable | 'too-many'): void;
  /** The listener has broken and hears nothing any more. */
  error(error: Error): void;
}

export interface WakeListener {
  protocol: Protocol;
  ip: string;
  port: number;
  close(): Promise<void>;
}

export interface WakeListenerOptions {
  protocol: Protocol;
  ip: string;
  /** 0 takes a free one. */
  port: number;
  clock: Clock;
  /** How long a TCP connection may take to say its line. */
  readMs: number;
  /** TCP connections at a time; more are dropped. */
  connectionsMax: number;
}

/** Opens the port. Rejects with code `wake-listener` when it cannot. */
export function openWakeListener(
  options: WakeListenerOptions,
  events: WakeEvents,
): Promise<WakeListener> {
  return openers[options.protocol](options, events);
}

const openers: Record<Protocol, typeof openWakeListener> = { udp: openUdp, tcp: openTcp };

function openUdp({ ip, port }: WakeListenerOptions, events: WakeEvents): Promise<WakeListener> {
  const isIPv6 = parseAddress(ip)?.family === 6;
  const socket = createSocket({ type: isIPv6 ? 'udp6' : 'udp4', ipv6Only: isIPv6 });
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(cannotOpen({ protocol: 'udp', ip, port, cause }));
    socket.once('error', fail);
    socket.bind(port, ip, () => {
      socket.off('error', fail);
      socket.on('error', (error) => events.error(error));
      const ownPort = socket.address().port;
      socket.on('message', (bytes, sender) => {
        const said = readWakePayload(bytes, ownPort);
        report(events, hostPort(sender.address, sender.port), said);
      });
      const close = () => new Promise<void>((done) => socket.close(done));
      resolve({ protocol: 'udp', ip, port: ownPort, close });
    });
  });
}

function openTcp(options: WakeListenerOptions, events: WakeEvents): Promise<WakeListener> {
  const { ip, port } = options;
  const server = createServer();
  server.maxConnections = options.connectionsMax;
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(cannotOpen({ protocol: 'tcp', ip, port, cause }));
    server.once('error', fail);
    server.listen({ host: ip, port, ipv6Only: true }, () => {
      server.off('error', fail);
      server.on('error', (error) => events.error(error));
      const ownPort = (server.address() as AddressInfo).port;
      const close = serveTcp(server, ownPort, options, events);
      resolve({ protocol: 'tcp', ip, port: ownPort, close });
    });
  });
}

/** Reads every connection's line; returns how to stop. */
function serveTcp(
  server: Server,
  ownPort: number,
  options: WakeListenerOptions,
  events: WakeEvents,
): () => Promise<void> {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    const from = hostPort(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    readLine(socket, options, (bytes) => {
      if (server.listening) report(events, from, readWakePayload(bytes, ownPort));
    });
  });
  server.on('drop', (dropped) => {
    const from = hostPort(dropped?.remoteAddress ?? '', dropped?.remotePort ?? 0);
    events.ignored(from, 'too-many');
  });
  return () =>
    new Promise((done) => {
      server.close(() => done());
      for (const socket of open) socket.destroy();
    });
}

/** Calls `said` once with what the peer said until its FIN, too many bytes, or the end of its time. */
function readLine(
  socket: Socket,
  { clock, readMs }: WakeListenerOptions,
  said: (bytes: Buffer) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let isDone = false;
  const end = () => {
    if (isDone) return;
    isDone = true;
    cancel();
    said(Buffer.concat(chunks));
    // Nothing is ever answered. The half that is ours ends too, for some senders wait for it.
    socket.end(() => socket.destroy());
  };
  const cancel = clock.after(readMs, end);
  socket.on('data', (chunk: Buffer) => {
    // One byte above the bound is kept, which is enough to see that it is exceeded.
    if (size <= datagramBytesMax) chunks.push(chunk.subarray(0, datagramBytesMax + 1 - size));
    size += chunk.length;
    if (size > datagramBytesMax) end();
  });
  socket.on('end', end);
  // A peer that resets after its line has still said it.
  socket.on('error', end);
  socket.on('close', end);
}

function report(events: WakeEvents, from: string, said: WakePayload | Unreadable): void {
  if (typeof said === 'string') events.ignored(from, said);
  else events.heard(from, said);
}

function cannotOpen(where: {
  protocol: Protocol;
  ip: string;
  port: number;
  cause: Error;
}): CodedError<'wake-listener'> {
  const { protocol, ip, port, cause } = where;
  const place = `${protocol} ${hostPort(ip, port)}`;
  return new CodedError('wake-listener', `cannot be woken on ${place}: ${messageOf(cause)}`, {
    cause,
  });
}
