// A device as a test plays it: frame by frame over a real WebSocket, each frame waited for in its order.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, type RawData, WebSocket } from 'ws';

export type Frame = Record<string, unknown>;

export interface TestDevice {
  socket: WebSocket;
  send(frame: Frame | string | Buffer): void;
  /** The next frame that was not asked for yet; `{ text }` for one that is not JSON. */
  receive(): Promise<Frame>;
  /** How many frames came that nobody asked for yet. */
  unread(): number;
  /** Says hello and resolves to the answer. */
  hello(fields?: Frame): Promise<Frame>;
  /** Resolves to the endpoint URL. */
  register(channelID: string): Promise<string>;
  ack(channelID: string, version: number): void;
  /** How the socket ended. */
  closed: Promise<{ code: number; reason: string }>;
}

export interface ConnectOptions extends ClientOptions {
  protocols?: string[];
  path?: string;
}

/** Where a handset on this host waits, in network 214-07. */
export function wakeable(port: number, changes: Frame = {}): Frame {
  return {
    wakeup_hostport: { ip: '127.0.0.1', port },
    mobilenetwork: { mcc: '214', mnc: '07' },
    protocol: 'udp',
    ...changes,
  };
}

/** Connects; rejects with the status of the answer when the upgrade is refused. */
export async function connectDevice(
  t: { teardown(fn: () => unknown): unknown },
  url: string,
  { protocols = ['push-notification'], path = '/', ...options }: ConnectOptions = {},
): Promise<TestDevice> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`, protocols, options);
  const device = deviceOn(socket);
  t.teardown(() => socket.terminate());
  await new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      response.resume();
      reject(new Error(`HTTP ${response.statusCode}`));
    });
  });
  // From here on `closed` tells of the end.
  socket.on('error', () => {});
  return device;
}

function deviceOn(socket: WebSocket): TestDevice {
  const frames: Frame[] = [];
  const readers: ((frame: Frame) => void)[] = [];
  socket.on('message', (data: RawData) => {
    const frame = frameOf(String(data));
    const reader = readers.shift();
    if (reader) reader(frame);
    else frames.push(frame);
  });
  const closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
  // A test that does not ask how it ended need not hear of an error either.
  closed.catch(() => {});
  const device: TestDevice = {
    socket,
    closed,
    send(frame) {
      const isRaw = typeof frame === 'string' || Buffer.isBuffer(frame);
      socket.send(isRaw ? frame : JSON.stringify(frame));
    },
    receive() {
      const frame = frames.shift();
      return frame ? Promise.resolve(frame) : new Promise((resolve) => readers.push(resolve));
    },
    unread: () => frames.length,
    hello(fields = {}) {
      device.send({ messageType: 'hello', ...fields });
      return device.receive();
    },
    async register(channelID) {
      device.send({ messageType: 'register', channelID });
      return String((await device.receive()).pushEndpoint);
    },
    ack: (channelID, version) =>
      device.send({ messageType: 'ack', updates: [{ channelID, version: String(version) }] }),
  };
  return device;
}

function frameOf(text: string): Frame {
  try {
    return JSON.parse(text) as Frame;
  } catch {
    // PONG is a frame too.
    return { text };
  }
}

/** An app server's PUT. */
export function put(endpoint: string, version: number | string): Promise<Response> {
  return fetch(endpoint, { method: 'PUT', body: `version=${version}` });
}
