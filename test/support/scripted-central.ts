// A notification server as a script: real WebSockets on 127.0.0.1, an answer to each message that a test may replace,
// and every frame kept. It stores nothing and wakes nobody; tests of user agents play the server by hand.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export type Frame = Record<string, unknown>;

/** What is sent in answer to a frame: nothing, or an object, or a text as it is. */
export type ScriptedAnswer = (frame: Frame, device: ScriptedDevice) => Frame | string | undefined;

/** One connected user agent as the server sees it. */
export interface ScriptedDevice {
  subprotocol: string;
  extensions: string;
  /** All frames, as they came. */
  texts: string[];
  /** The next frame of this type that no test has asked for yet; a keep-alive has the type ''. */
  receive(messageType: string): Promise<Frame>;
  send(frame: Frame | string | Buffer): void;
  close(code: number, reason?: string): void;
  /** Ends without a close frame. */
  drop(): void;
  closed: Promise<number>;
}

export interface ScriptedCentral {
  url: string;
  /** By message type; '' answers a keep-alive. A type without an entry is not answered. */
  answers: Record<string, ScriptedAnswer | undefined>;
  /** The next user agent that no test has asked for yet. */
  nextDevice(): Promise<ScriptedDevice>;
  /** How many connections were accepted in all. */
  accepted(): number;
  close(): Promise<void>;
}

export interface ScriptedCentralOptions {
  /** The status of hello answers. */
  status?: number;
  /** Agrees to Web Push where hello asks for it; an old server does not. */
  isWebPush?: boolean;
  host?: string;
  port?: number;
  tls?: { key: string; cert: string };
}

export async function openScriptedCentral(
  options: ScriptedCentralOptions = {},
): Promise<ScriptedCentral> {
  const { host = '127.0.0.1', port = 0, tls } = options;
  const server = tls ? createHttpsServer(tls) : createHttpServer();
  const sockets = new WebSocketServer({
    server,
    handleProtocols: (offered) => offered.has('push-notification') && 'push-notification',
  });
  const devices = createQueue<ScriptedDevice>();
  const answers = defaultAnswers(options);
  let accepted = 0;
  sockets.on('connection', (socket) => {
    accepted += 1;
    devices.put('', scriptDevice(socket, answers));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const authority = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls ? 'wss' : 'ws'}://${authority}:${(server.address() as AddressInfo).port}/`,
    answers,
    nextDevice: () => devices.take(''),
    accepted: () => accepted,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function scriptDevice(
  socket: WebSocket,
  answers: Record<string, ScriptedAnswer | undefined>,
): ScriptedDevice {
  const frames = createQueue<Frame>();
  const device: ScriptedDevice = {
    subprotocol: socket.protocol,
    extensions: socket.extensions,
    texts: [],
    receive: (messageType) => frames.take(messageType),
    send: (frame) => {
      const isRaw = typeof frame === 'string' || Buffer.isBuffer(frame);
      socket.send(isRaw ? frame : JSON.stringify(frame));
    },
    close: (code, reason) => socket.close(code, reason),
    drop: () => socket.terminate(),
    closed: new Promise((resolve) => socket.on('close', resolve)),
  };
  socket.on('message', (data) => {
    device.texts.push(data.toString());
    const frame = JSON.parse(data.toString()) as Frame;
    const messageType = String(frame.messageType ?? '');
    frames.put(messageType, frame);
    const answer = answers[messageType]?.(frame, device);
    if (answer !== undefined) device.send(answer);
  });
  return device;
}

/** The endpoint that the script gives a channel, different for each uaid. */
export function scriptedEndpoint(uaid: unknown, channelID: unknown): string {
  return `http://127.0.0.1/v1/notify/${uaid}-${channelID}`;
}

function defaultAnswers({
  status = 200,
  isWebPush = false,
}: ScriptedCentralOptions): Record<string, ScriptedAnswer | undefined> {
  const uaids = new WeakMap<ScriptedDevice, unknown>();
  return {
    hello(frame, device) {
      const uaid = frame.uaid ?? randomUUID();
      uaids.set(device, uaid);
      const agreed = isWebPush && frame.use_webpush === true && { use_webpush: true };
      return { messageType: 'hello', uaid, status, ...agreed };
    },
    register({ channelID }, device) {
      const pushEndpoint = scriptedEndpoint(uaids.get(device), channelID);
      return { messageType: 'register', status: 200, channelID, pushEndpoint };
    },
    unregister: ({ channelID }) => {
      return { messageType: 'unregister', status: isWebPush ? 200 : 202, channelID };
    },
    '': () => '{}',
  };
}

/** Things by kind, for those who come for them before or after they are there. */
function createQueue<T>(): { put(kind: string, item: T): void; take(kind: string): Promise<T> } {
  const items = new Map<string, T[]>();
  const takers = new Map<string, ((item: T) => void)[]>();
  return {
    put(kind, item) {
      const taker = takers.get(kind)?.shift();
      if (taker) taker(item);
      else items.set(kind, [...(items.get(kind) ?? []), item]);
    },
    take(kind) {
      const item = items.get(kind)?.shift();
      if (item !== undefined) return Promise.resolve(item);
      return new Promise((resolve) => {
        takers.set(kind, [...(takers.get(kind) ?? []), resolve]);
      });
    },
  };
}
