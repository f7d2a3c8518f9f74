// Messages with a payload as a store keeps them: until the device has them, and for a while longer what became of
// them. The body goes with the end; nothing keeps it after that.
import type { Urgency } from '../../shared/wakeup/request.js';
import type { ChannelId, DeviceId, MessageId, ReceiptId } from '../protocol/ids.js';
import type { AckedMessage, BodyEncoding, MessageKind } from '../protocol/messages.js';
import type { EndedWakeup, PutOutcome, WakeupLane } from './store.js';

/** How a message ended. `dropped`: there were too many of them. */
export const messageEnds = [
  'acked',
  'expired',
  'replaced',
  'cancelled',
  'dropped',
  'unregistered',
] as const;
export type MessageEnd = (typeof messageEnds)[number];

/** Where a message is on its way. `delivered`: written to the device's socket; only `acked` says that it arrived. */
export const messageStates = ['stored', 'wakeup-sent', 'delivered', ...messageEnds] as const;
export type MessageState = (typeof messageStates)[number];

export interface MessageRecord {
  device: DeviceId;
  channel: ChannelId;
  id: MessageId;
  kind: MessageKind;
  body: Uint8Array | undefined;
  encoding: BodyEncoding;
  urgency: Urgency;
  /** Replaces what is pending on this channel with the same topic (RFC 8030 section 5.4). */
  topic: string | undefined;
  nowMs: number;
  /** Never delivered from this time on. */
  expiresMs: number;
  /**
   * When it is owed a wakeup at the latest: gathered for `normal`, the fallback for `high`. Those of low urgency cause
   * none, and `undefined` is for one that is for an open socket or for nobody.
   */
  wakeupDueMs: number | undefined;
  lane: WakeupLane;
  /** The key that the app server showed to hold; base64url without padding. */
  key: string | undefined;
  /** Where the app server wants to read what became of it. */
  receipt: ReceiptId | undefined;
  /** Beyond this many pending the oldest end as dropped: those of another kind than the device takes first, then those of low urgency. */
  messagesMax: number;
  /** Of those that ended it is remembered what became of so many, the last ones. */
  messagesEndedMax: number;
}

/**
 * `unknown-device` as in PutOutcome. `wrong-key`: the channel belongs to another key; `key-missing`: to a key, and
 * none was shown. `wrong-kind`: the device last spoke a dialect that cannot carry it.
 */
export interface MessageOutcome extends Pick<PutOutcome, 'owed' | 'isOwedAnew'> {
  outcome:
    | 'stored'
    | 'unknown-channel'
    | 'unknown-device'
    | 'wrong-key'
    | 'key-missing'
    | 'wrong-kind';
  /** Messages that this one replaced, and messages that were too many, this one perhaps among them. */
  replaced: number;
  dropped: number;
  /** This one ended as it was stored: its time was over, or it was too many. */
  endedAs?: 'expired' | 'dropped';
}

/** What became of a message so far. */
export interface MessageStatus {
  id: MessageId;
  state: MessageState;
  urgency: Urgency;
  storedMs: number;
  expiresMs: number;
  /** When it came into this state. */
  atMs: number;
  /** What the device said with its ack, and after it: 100 to 102, 301 to 303. */
  code: number | undefined;
}

/** A message that ended, for its receipt subscription. */
export interface Receipt {
  device: DeviceId;
  id: MessageId;
  end: MessageEnd;
  code: number | undefined;
  endedMs: number;
  /** Grows with each receipt of a subscription, also over a lost database: where to read on. */
  serial: number;
}

/** What ended by an ack, or is known to have arrived after all. */
export interface MessagesEnded {
  acked: AckedMessage[];
  /** A wakeup that ended by it. */
  ended?: EndedWakeup;
}
