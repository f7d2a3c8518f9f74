// A dialect: how one kind of client writes the conversation. The session knows domain messages only.
import type { DeviceMessage, ProtocolError, ServerMessage } from '../protocol/messages.js';

export interface Dialect {
  /** The WebSocket subprotocol that selects it. */
  subprotocol: string;
  /** Reads one frame. Never throws, whatever the bytes. */
  decode(data: Uint8Array, isBinary: boolean): DeviceMessage | ProtocolError;
  /** Writes one text frame. */
  encode(message: ServerMessage): string;
}
