// A dialect: how one kind of client writes the conversation. The session knows domain messages only.
import type {
  DeviceMessage,
  MessageKind,
  ProtocolError,
  ServerMessage,
} from '../protocol/messages.js';

export interface Dialect {
  /** What a hello is read to ask for it by. */
  name: string;
  /** The messages it can carry. */
  takes: MessageKind;
  /** Its hellos never list channels: what is not known here cannot be recovered. */
  neverListsChannels: boolean;
  /** Reads one frame. Never throws, whatever the bytes. */
  decode(data: Uint8Array, isBinary: boolean): DeviceMessage | ProtocolError;
  /** Writes a message as text frames; none, where this dialect has no word for it. */
  encode(message: ServerMessage): readonly string[];
}
