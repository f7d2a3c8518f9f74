// A device below the WebSocket library: its own handshake and frames on bare TCP, so that a test sees FIN and RST,
// may stay silent where the protocol asks for an answer, and may write what no library would.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface RawFrame {
  opcode: number;
  payload: Buffer;
}

export const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface RawDevice {
  tcp: Socket;
  /** The status line of the answer to the upgrade. */
  answered: Promise<string>;
  write(bytes: Buffer | string): void;
  sendText(text: string): void;
  /** The next frame that was not asked for yet. */
  receive(): Promise<RawFrame>;
  /** How TCP ended: `fin`, or the error's code. */
  ended: Promise<string>;
}

export interface RawOptions {
  /** Field lines instead of the ones that ask for an upgrade. */
  lines?: readonly string[];
  requestLine?: string;
}

/** Connects and asks for an upgrade. Never answers a close frame. */
export function openRawDevice(
  t: { teardown(fn: () => unknown): unknown },
  url: string,
  options: RawOptions = {},
): RawDevice {
  const { hostname, port } = new URL(url);
  const tcp = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  t.teardown(() => tcp.destroy());
  const reading = createReading();
  let resolveEnded = (_how: string) => {};
  const ended = new Promise<string>((resolve) => {
    resolveEnded = resolve;
  });
  tcp.on('data', reading.take);
  tcp.on('end', () => resolveEnded('fin'));
  tcp.on('error', (error: NodeJS.ErrnoException) => resolveEnded(error.code ?? error.message));
  const lines = options.lines ?? upgradeLines(`${hostname}:${port}`);
  tcp.write([options.requestLine ?? 'GET / HTTP/1.1', ...lines, '', ''].join('\r\n'));
  return {
    tcp,
    answered: reading.answered,
    receive: reading.receive,
    ended,
    write: (bytes) => void tcp.write(bytes),
    sendText: (text) => void tcp.write(maskedFrame(opcodes.text, Buffer.from(text))),
  };
}

export function upgradeLines(host: string): string[] {
  return [
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Protocol: push-notification',
  ];
}

/** One frame as a client must write it (RFC 6455 section 5.2), masked. */
export function maskedFrame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const masked = payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0));
  return Buffer.concat([Buffer.of(0x80 | opcode), lengthOf(payload.length), mask, masked]);
}

function lengthOf(length: number): Buffer {
  if (length < 126) return Buffer.of(0x80 | length);
  if (length < 65_536) return Buffer.of(0x80 | 126, length >> 8, length & 0xff);
  const bytes = Buffer.alloc(9, 0x80 | 127);
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

function createReading() {
  let bytes = Buffer.alloc(0);
  let isUpgraded = false;
  let resolveAnswered = (_line: string) => {};
  const frames: RawFrame[] = [];
  const readers: ((frame: RawFrame) => void)[] = [];
  const answered = new Promise<string>((resolve) => {
    resolveAnswered = resolve;
  });

  function takeHead(): boolean {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    isUpgraded = true;
    resolveAnswered(bytes.subarray(0, bytes.indexOf('\r\n')).toString());
    bytes = bytes.subarray(end + 4);
    return true;
  }

  function takeFrame(): boolean {
    const short = (bytes[1] ?? 0) & 0x7f;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < head) return false;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(2)
          : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < head + length) return false;
    const frame = {
      opcode: (bytes[0] ?? 0) & 0x0f,
      payload: bytes.subarray(head, head + length),
    };
    bytes = bytes.subarray(head + length);
    const reader = readers.shift();
    if (reader) reader(frame);
    else frames.push(frame);
    return true;
  }

  return {
    answered,
    take(chunk: Buffer) {
      bytes = Buffer.concat([bytes, chunk]);
      while (isUpgraded ? takeFrame() : takeHead());
    },
    receive(): Promise<RawFrame> {
      const frame = frames.shift();
      return frame ? Promise.resolve(frame) : new Promise((resolve) => readers.push(resolve));
    },
  };
}
