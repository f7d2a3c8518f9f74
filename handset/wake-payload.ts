// What a wakeup says: ASCII `NOTIFY <ip>:<port>`, an IPv6 address in brackets, at most 128 bytes (docs/wakeup-api.md).
// Anything may arrive on an open port, so a handset looks before it spends radio time on a reconnect.
import { parseAddress } from '../shared/address.js';

export const payloadBytesMax = 128;

/** Why something that arrived is no wakeup of this handset. */
export type IgnoredBecause = 'too-long' | 'not-a-wakeup' | 'other-port' | 'too-many';

const payloadPattern = /^NOTIFY (?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})\r?\n?$/;

/**
 * Whether these bytes wake the handset that listens on `ownPort`. The port must be its own; the address need not be,
 * for an address translator between gateway and handset changes it. A final line end is forgiven, so that a wakeup can
 * be typed by hand.
 */
export function checkPayload(bytes: Buffer, ownPort: number): 'wakeup' | IgnoredBecause {
  if (bytes.length > payloadBytesMax) return 'too-long';
  const match = payloadPattern.exec(bytes.toString('latin1'));
  if (!match) return 'not-a-wakeup';
  const address = parseAddress(match[1] ?? match[2]);
  const isBracketed = match[1] !== undefined;
  if (!address || isBracketed !== (address.family === 6)) return 'not-a-wakeup';
  return Number(match[3]) === ownPort ? 'wakeup' : 'other-port';
}
