// What a wakeup says: ASCII `NOTIFY <ip>:<port>`, an IPv6 address in brackets, and after it nothing, a nonce, or a
// counter and its code; at most 128 bytes (docs/wakeup-api.md). Anything may arrive on an open port, so a handset
// looks before it spends radio time on a reconnect.
import { parseAddress } from '../shared/address.js';
import { datagramBytesMax, isDatagramCounter, isDatagramWord } from '../shared/wakeup/datagram.js';

export type WakePayload =
  | { kind: 'plain' }
  /** To be returned on the socket, which proves that wakeups arrive here. */
  | { kind: 'proof'; nonce: string }
  /** `words` is what the code is over, as it came. Whether the code is right is not looked at yet. */
  | { kind: 'signed'; words: string; counter: number; mac: string };

/** Why something is no wakeup of this handset, whoever sent it. */
export type Unreadable = 'too-long' | 'not-a-wakeup' | 'other-port';

const form =
  /^(?<words>NOTIFY (?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<v4>[0-9.]+)):(?<port>[1-9][0-9]{0,4})(?: (?<counter>[1-9][0-9]{0,15}))?)(?: (?<word>[\w-]{22}))?\r?\n?$/;

/**
 * Reads what arrived on `ownPort`. The port must be its own; the address need not be, for an address translator between
 * gateway and handset changes it. A final line end is forgiven, so that a wakeup can be typed by hand. Never throws.
 */
export function readWakePayload(bytes: Buffer, ownPort: number): WakePayload | Unreadable {
  if (bytes.length > datagramBytesMax) return 'too-long';
  const said = form.exec(bytes.toString('latin1'))?.groups;
  const address = parseAddress(said?.v6 ?? said?.v4);
  const payload = said && payloadOf(said);
  if (!address || !payload) return 'not-a-wakeup';
  if ((said.v6 !== undefined) !== (address.family === 6)) return 'not-a-wakeup';
  return Number(said.port) === ownPort ? payload : 'other-port';
}

function payloadOf({ words = '', counter, word }: Partial<Record<string, string>>) {
  if (counter === undefined && word === undefined) return { kind: 'plain' } as const;
  if (!isDatagramWord(word)) return undefined;
  if (counter === undefined) return { kind: 'proof', nonce: word } as const;
  const count = Number(counter);
  if (!isDatagramCounter(count)) return undefined;
  return { kind: 'signed', words, counter: count, mac: word } as const;
}
