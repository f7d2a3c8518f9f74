// Every status and close code of the device protocol, once, under the names of docs/device-protocol.md.

/** `hello`: connected through a permanent WebSocket, or through a wakeup channel. */
export const helloStatus = { connected: 200, wakeable: 201 } as const;
export const registerStatus = 200;
/** `unregister`: the document's own word is 202; to a Web Push client anything but 200 is a failure. */
export const unregisterStatus = { accepted: 202, ok: 200 } as const;

/** What a device says of a message with its ack: delivered, not decrypted, not delivered. Each is the last word. */
export const ackCodes = [100, 101, 102] as const;
/** What it says after that, with `nack`: the app threw, refused, or something inside the device failed. */
export const nackCodes = [301, 302, 303] as const;

export function parseAckCode(value: unknown): number | undefined {
  return ackCodes.find((code) => code === value);
}

export function parseNackCode(value: unknown): number | undefined {
  return nackCodes.find((code) => code === value);
}

/** What is wrong with what a device sent. `closeCode` absent: the socket stays open. */
export const protocolErrors = {
  'bad-key': { status: 400, reason: 'not a P-256 public key in base64url' },
  'unknown-type': { status: 405, reason: 'messageType not recognised; it is ignored' },
  'not-ready': {
    status: 408,
    reason: 'the server is not ready yet; try again later',
    closeCode: 1013,
  },
  'not-json': { status: 450, reason: 'not a JSON object', closeCode: 1007 },
  'bad-channel': { status: 457, reason: 'not a valid channelID', closeCode: 1008 },
  'hello-first': { status: 459, reason: 'no hello on this connection yet', closeCode: 1008 },
  'cannot-register': { status: 460, reason: 'cannot register', closeCode: 1011 },
  binary: { status: 463, reason: 'binary messages are not supported', closeCode: 1003 },
} as const satisfies Record<string, { status: number; reason: string; closeCode?: number }>;

export type ProtocolErrorName = keyof typeof protocolErrors;

/** Why the server closes a socket that did nothing wrong (RFC 6455 section 7.4). */
export const closeCodes = {
  /** The document's own: quiet for long enough, and the operator can wake the device. Never for anything else. */
  asleep: 4774,
  displaced: 1000,
  shutdown: 1012,
  helloLate: 1008,
  overflow: 1013,
  /** Too many devices at once; the reason tells how long to stay away. */
  notNow: 1013,
} as const;

/** The reason of a close with `notNow`. */
export function retryAfterReason(seconds: number): string {
  return `retry-after=${seconds}`;
}

/** Codes that may stand in a metric label; peers can send thousands of others. */
const labelledCodes = new Set<number>([
  1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 4774,
]);

export function closeLabel(code: number): string {
  return labelledCodes.has(code) ? String(code) : 'other';
}
