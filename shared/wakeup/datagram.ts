// The bytes that wake a handset (docs/wakeup-api.md): composed from a fixed template, so that no gateway sends
// anything of a caller's choosing, and the code by which a handset knows a wakeup of its own central.
import { createHmac, timingSafeEqual } from 'node:crypto';

/** The longest datagram; a wakeup of any kind fits a radio channel for small packets. */
export const datagramBytesMax = 128;

/**
 * What follows the address: a nonce that proves that the handset is there, or a counter with a code that proves
 * who sends. Codes and nonces are 16 bytes, 22 characters of base64url.
 */
export type DatagramWords =
  | { nonce: string; auth?: never }
  | { nonce?: never; auth: DatagramAuth }
  | { nonce?: never; auth?: never };

export interface DatagramAuth {
  /** Greater than in every wakeup before. */
  counter: number;
  mac: string;
}

/** ASCII `NOTIFY <ip>:<port>`, an IPv6 address in brackets, then the words if there are any. */
export function wakeupPayload(ip: string, port: number, words: DatagramWords = {}): Buffer {
  const { nonce, auth } = words;
  const said = auth ? ` ${auth.counter} ${auth.mac}` : nonce === undefined ? '' : ` ${nonce}`;
  return Buffer.from(`${addressWords(ip, port)}${said}`, 'ascii');
}

/** The code of a wakeup, over its words before the code (HMAC-SHA-256, RFC 2104, cut to 16 bytes). */
export function wakeupMac(
  key: Uint8Array,
  { ip, port, counter }: { ip: string; port: number; counter: number },
): string {
  return macOf(key, `${addressWords(ip, port)} ${counter}`);
}

/** Whether a code belongs to the words that came before it, as they came: a handset need not know its own address. */
export function isWakeupMac(key: Uint8Array, words: string, mac: string): boolean {
  const [expected, got] = [Buffer.from(macOf(key, words)), Buffer.from(mac)];
  return expected.length === got.length && timingSafeEqual(expected, got);
}

/** Whether a text is 16 bytes in base64url: a nonce or a code. */
export function isDatagramWord(value: unknown): value is string {
  return typeof value === 'string' && wordPattern.test(value);
}

/** Whether a number counts wakeups. */
export function isDatagramCounter(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

// 128 bits: the last of 22 characters carries two of them.
const wordPattern = /^[A-Za-z0-9_-]{21}[AQgw]$/;

function addressWords(ip: string, port: number): string {
  return `NOTIFY ${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}

function macOf(key: Uint8Array, words: string): string {
  return createHmac('sha256', key)
    .update(words, 'ascii')
    .digest()
    .subarray(0, 16)
    .toString('base64url');
}
