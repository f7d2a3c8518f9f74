// The one place that knows the WebSocket library: a socket to the notification server as four events and three verbs.
import WebSocket from 'ws';
import { parseAddress } from '../shared/address.js';
import { closeCodes, subprotocol } from './messages.js';

export interface SocketEvents {
  /** The handshake is done; `localAddress` is this host's address on the route to the server. */
  open(localAddress: string | undefined): void;
  /** A text frame, or `undefined` for a binary one, which the protocol has no use for. */
  frame(text: string | undefined): void;
  error(error: Error): void;
  /**
   * The TCP connection is gone. Comes once, last, whether or not the socket was ever open. The reason is the server's;
   * HTTP 503 with Retry-After, instead of a socket, has it in the words of a close: `retry-after=<seconds>`.
   */
  close(code: number, reason: string): void;
}

export interface Socket {
  /** Whether it was sent. */
  send(frame: string): boolean;
  /** Says goodbye and waits for the server, for a bounded time. */
  close(): void;
  /** Drops the connection at once; the close event says 1006. */
  terminate(): void;
}

export interface SocketOptions {
  url: string;
  ca: string | Buffer | undefined;
  frameBytesMax: number;
  closeTimeoutMs: number;
}

export function openSocket(options: SocketOptions, events: SocketEvents): Socket {
  let refusal = '';
  const ws = new WebSocket(options.url, subprotocol, {
    perMessageDeflate: false,
    maxPayload: options.frameBytesMax,
    closeTimeout: options.closeTimeoutMs,
    // A server that redirects is not the one that was asked for.
    followRedirects: false,
    finishRequest(request) {
      // Besides the library's own listener, which makes an error of every answer but an upgrade.
      request.on('response', ({ statusCode, headers }) => {
        if (statusCode === 503) refusal = `retry-after=${headers['retry-after']}`;
      });
      request.end();
    },
    ...(options.ca !== undefined && { ca: options.ca }),
  } as WebSocket.ClientOptions);
  let localAddress: string | undefined;
  ws.on('upgrade', (response) => {
    localAddress = plainAddress(response.socket.localAddress);
  });
  ws.on('open', () => events.open(localAddress));
  ws.on('message', (data, isBinary) => events.frame(isBinary ? undefined : data.toString()));
  ws.on('error', (error) => events.error(error));
  ws.on('close', (code, reason) => events.close(code, refusal || reason.toString()));
  return {
    send: (frame) => {
      // Between a close frame and the end of TCP nothing can be said any more; what was meant is said after the next hello.
      const isOpen = ws.readyState === WebSocket.OPEN;
      if (isOpen) ws.send(frame);
      return isOpen;
    },
    close: () => ws.close(closeCodes.normal),
    terminate: () => ws.terminate(),
  };
}

/** An address without the mapped form that a dual-stack socket shows for IPv4. */
function plainAddress(text: string | undefined): string | undefined {
  return parseAddress(text?.replace(/^::ffff:(?=[0-9.]+$)/i, ''))?.text;
}
