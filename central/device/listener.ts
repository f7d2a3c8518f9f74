// Devices' sockets: the one file that knows the WebSocket library. Upgrades come in, frames go to sessions.

import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { subscriberOf } from '../../shared/address.js';
import { createTally } from '../../shared/tally.js';
import { traces } from '../../shared/traces.js';
import type { PeerOf } from '../peer.js';
import { closeCodes } from '../protocol/codes.js';
import { type DrainTimes, spreadOut } from './drain.js';
import { Session, type SessionParts, type Transport } from './session.js';

export interface ListenerLimits {
  frameBytesMax: number;
  socketsMax: number;
  socketsPerAddressMax: number;
}

export interface DeviceListener {
  /** Takes the upgrade requests of an HTTP server. Tells whether there is a socket now. */
  onUpgrade(request: IncomingMessage, tcp: Duplex, head: Buffer): boolean;
  /** Open sockets, with or without a hello. */
  size(): number;
  /** Takes no more and closes every socket, the oldest first. */
  close(times: DrainTimes): Promise<void>;
}

/** Why an upgrade is refused, and how. */
export const refusalStatus = {
  subprotocol: 400,
  sockets: 503,
  'sockets-per-address': 503,
  stopping: 503,
} as const;

export type RefusedUpgrade = keyof typeof refusalStatus;

/** Stands for a close code that says nothing to us. */
const unknownCode = 0;

/** A device's socket. Its state hangs on the object, so that all sockets share their handlers. */
class DeviceSocket extends WebSocket implements Transport {
  declare tcp: Duplex;
  declare session: Session;
  declare remoteAddress: string;
  declare sentCode: number | undefined;

  bufferedBytes(): number {
    return this.bufferedAmount;
  }

  /** Also called by the library: on a device's own close, and on a frame that breaks the protocol. */
  override close(code?: number, reason?: string | Buffer): void {
    // Whatever a device closes with, only our own 4774 puts it to sleep.
    const isOwnWord = this.session.isOpen && code === closeCodes.asleep;
    if (!isOwnWord) this.sentCode ??= code;
    // What is stored from now on wakes the device, though TCP may stand for a while.
    this.session.onClosed();
    super.close(code, reason);
    // Gecko does not answer a close frame: it waits for the server's FIN, and an RST makes it reconnect.
    this.tcp.end();
    // Bytes left unread would turn the end into an RST.
    this.resume();
  }
}

export function createDeviceListener(options: {
  parts: SessionParts;
  limits: ListenerLimits;
  peerOf: PeerOf;
  countClose: (code: number) => void;
  countRefused: (why: RefusedUpgrade) => void;
}): DeviceListener {
  const { parts, limits, peerOf, countClose, countRefused } = options;
  const { log, dialects } = parts;
  const sockets = new Set<DeviceSocket>();
  /** By subscriber, for one has a whole /64 of IPv6 addresses. At most as many as there are sockets. */
  const perAddress = createTally();
  let isStopping = false;
  let onEmpty = () => {};

  const server = new WebSocketServer<typeof DeviceSocket>({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frameBytesMax,
    // The dialect reads the text itself and answers 450 where it is none.
    skipUTF8Validation: true,
    WebSocket: DeviceSocket,
    handleProtocols: (offered) =>
      offered.has(dialects.subprotocol) ? dialects.subprotocol : false,
  });

  function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
    (this as DeviceSocket).session.onFrame(data, isBinary);
  }

  function onError(this: WebSocket, error: Error): void {
    // The library closes the socket with the fitting code; it only remains to say so.
    const { device } = (this as DeviceSocket).session;
    log(traces.deviceError, { device, error: error.message });
  }

  function onClose(this: WebSocket, received: number): void {
    const socket = this as DeviceSocket;
    const { session, remoteAddress, sentCode } = socket;
    session.onClosed();
    sockets.delete(socket);
    perAddress.remove(subscriberOf(remoteAddress));
    const code = sentCode ?? received;
    countClose(sentCode === undefined && received === closeCodes.asleep ? unknownCode : code);
    log(traces.deviceClosed, { device: session.device, code });
    if (sockets.size === 0) onEmpty();
  }

  function refusal(request: IncomingMessage, subscriber: string): RefusedUpgrade | undefined {
    if (isStopping) return 'stopping';
    if (sockets.size >= limits.socketsMax) return 'sockets';
    if (perAddress.of(subscriber) >= limits.socketsPerAddressMax) return 'sockets-per-address';
    const offered = request.headers['sec-websocket-protocol'];
    // A client that names none speaks the one protocol there is.
    const names = offered?.split(',').map((name) => name.trim());
    return !names || names.includes(dialects.subprotocol) ? undefined : 'subprotocol';
  }

  return {
    onUpgrade(request, tcp, head) {
      const address = peerOf(request);
      const subscriber = subscriberOf(address);
      const why = refusal(request, subscriber);
      if (why) {
        countRefused(why);
        log(traces.deviceRefused, { why });
        refuse(tcp, refusalStatus[why]);
        return false;
      }
      let isTaken = false;
      server.handleUpgrade(request, tcp, head, (socket) => {
        socket.tcp = tcp;
        socket.remoteAddress = address;
        socket.session = new Session(parts, socket);
        sockets.add(socket);
        perAddress.add(subscriber);
        socket.on('message', onMessage);
        socket.on('error', onError);
        socket.on('close', onClose);
        isTaken = true;
      });
      // The library calls back at once, or has refused.
      return isTaken;
    },
    size: () => sockets.size,
    async close({ spreadMs, cutAfterMs }) {
      isStopping = true;
      if (sockets.size === 0) return;
      const empty = new Promise<void>((resolve) => {
        onEmpty = resolve;
      });
      const sendAway = ({ session }: DeviceSocket) =>
        session.close(closeCodes.shutdown, 'the server stops');
      const stopSpreading = spreadOut(sockets, { spreadMs, clock: parts.clock, act: sendAway });
      // A device out of coverage answers nothing, and the end of a server does not wait for it.
      const cancelCut = parts.clock.after(cutAfterMs, () => {
        for (const socket of sockets) socket.terminate();
      });
      await empty;
      stopSpreading();
      cancelCut();
    },
  };
}

function refuse(tcp: Duplex, status: number): void {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Length: 0',
  ];
  if (status === 503) lines.push('Retry-After: 10');
  // A peer that left meanwhile is no error of ours.
  tcp.on('error', () => {});
  // One that stays would hold a socket that no limit counts.
  tcp.on('finish', () => tcp.destroy());
  // Bytes left unread would turn the end into an RST, and the peer would not see its answer.
  tcp.resume();
  tcp.end(`${lines.join('\r\n')}\r\n\r\n`);
}
