// What central must not lose, as every engine keeps it. Everything else in central is a hint.
//
// Guarantees of every method: atomic; idempotent (the same call again changes nothing more); resolved only when
// the change survives a crash and power loss; a read sees every write resolved before it began. A method touches
// the rows of one device only, except where it says so. Rejects with code `store-failed` or `store-busy`.
import type { CodedError } from '../../shared/errors.js';
import type { NetworkKey } from '../../shared/network.js';
import type { ChannelId, DeviceId, MessageId, ReceiptId } from '../protocol/ids.js';
import type {
  AckedMessage,
  Message,
  MessageKind,
  Update,
  WakeupAddress,
} from '../protocol/messages.js';
import type { DarkReason, WakeupOutcome, WakeupRecord, WakeupReport } from '../wakeup/states.js';
import type {
  MessageOutcome,
  MessageRecord,
  MessageStatus,
  MessagesEnded,
  Receipt,
} from './messages.js';

export type StoreError = CodedError<'store-failed' | 'store-busy'>;

/** A device with its wakeup. It is owed exactly while something pending wants it at an address that is believed. */
export interface DeviceWakeup extends WakeupRecord {
  device: DeviceId;
  /** Where it waits; `undefined` when it said nothing, or what it said was forgotten. */
  address: WakeupAddress | undefined;
  /** When the device last said this address, in milliseconds since the epoch. */
  saidAtMs: number;
  /** Its wakeups carry a counter and a code. */
  isAuthenticated: boolean;
  /** The counter of the last one. A hello passes over two: one it tells the device, one for a wakeup on probation. */
  counter: number;
  /** What an app server sent in bulk waits behind what others sent. */
  lane: WakeupLane;
  /** Tells this wakeup from one that replaced it. */
  serial: number;
}

export const wakeupLanes = ['prompt', 'bulk'] as const;
export type WakeupLane = (typeof wakeupLanes)[number];

/** A wakeup that ended: what its numbers are made from. */
export interface EndedWakeup {
  network: NetworkKey;
  outcome: WakeupOutcome;
  attempts: number;
  sentMs: number | undefined;
  /** When its window was over, where it was under way. */
  dueMs: number | undefined;
  sinceMs: number | undefined;
}

/** A hello that came after the window of a device's last wakeup. */
export interface LateHello {
  network: NetworkKey;
  /** Which one that was. */
  attempts: number;
  sentMs: number;
}

/** What an event made of a device's wakeup. */
export interface Moved {
  now: DeviceWakeup;
  ended?: EndedWakeup;
  late?: LateHello;
  /** With `begun`: whether a message is pending that its app server called urgent. A version is not called anything. */
  isUrgent?: boolean;
}

export interface HelloRecord {
  device: DeviceId;
  /** Where the device waits; `undefined` when it said nothing, or cannot be woken there. */
  address: WakeupAddress | undefined;
  /** Whether an address that is new is believed as it is, or to be proved first. */
  trust: 'believe' | 'prove';
  isAuthenticated: boolean;
  /** `undefined`: no synchronisation. Otherwise the device's channels become exactly these. */
  channels: readonly ChannelId[] | undefined;
  /** Issued just now: it cannot have channels from before. */
  isNew: boolean;
  /** The messages that its dialect carries; those of another kind wait, and want no wakeup meanwhile. */
  takes: MessageKind;
  /**
   * The device names no channels, ever: one that this database never met is given up, so that its apps register
   * again. Otherwise it may say its channels later.
   */
  mustBeKnown: boolean;
  nowMs: number;
  /** When what is pending is owed a wakeup, should the device not take it until then. */
  wakeupDueMs: number;
  /** A device whose probation began before this time, and that can prove nothing, is believed again. */
  forgiveBeforeMs: number;
  channelsMax: number;
}

export interface HelloOutcome extends Partial<Moved> {
  /** `stranger`: it must be known and is not; nothing was changed. */
  outcome: 'known' | 'too-many-channels' | 'stranger';
  /** What became of devices that lost this address to the present one. */
  losers: Moved[];
}

export interface ProofOutcome extends Partial<Moved> {
  losers: Moved[];
}

export interface PutRecord {
  device: DeviceId;
  channel: ChannelId;
  version: number;
  nowMs: number;
  wakeupDueMs: number;
  lane: WakeupLane;
}

export interface PutOutcome {
  /**
   * `stale`: not newer than what is stored, nothing changed. `unknown-device` also stands for a device that
   * has not yet told this database its channels, so that nobody can say whether the channel exists.
   * `belongs-to-key`: whoever holds the channel's key has to show it, and a version comes with none; nothing changed.
   */
  outcome: 'stored' | 'stale' | 'unknown-channel' | 'unknown-device' | 'belongs-to-key';
  /** The wakeup the device is owed now; absent when nothing was stored that wants one or it is not to be woken. */
  owed?: DeviceWakeup;
  /** This put made it, or hastened what was only gathered. Otherwise it was owed before, and needs no other. */
  isOwedAnew: boolean;
}

export interface WakeupCount {
  network: NetworkKey;
  state: 'dark' | 'owed';
  count: number;
}

/** A device that is dark, for whoever looks after it. */
export interface DarkDevice {
  device: DeviceId;
  network: NetworkKey;
  darkMs: number;
  reason: DarkReason;
  /** Channels with a version that is pending, and messages. */
  pending: number;
}

export interface StoreCounts {
  devices: number;
  channels: number;
  pending: number;
  /** Messages that are pending. */
  messages: number;
}

export interface Store {
  /** When this database began, empty; milliseconds since the epoch. */
  readonly bornAtMs: number;

  /** Why the last calls failed; `undefined` when they did not. */
  problem(): string | undefined;

  hello(record: HelloRecord): Promise<HelloOutcome>;

  register(
    device: DeviceId,
    channel: ChannelId,
    channelsMax: number,
    /**
     * Whose messages alone the channel takes from now on; base64url without padding. Without one it keeps what it has,
     * unless the device speaks a dialect that has none.
     */
    key?: string,
  ): Promise<'registered' | 'too-many-channels'>;

  /** Its messages end with it. Tells of a wakeup that ended by it. */
  unregister(device: DeviceId, channel: ChannelId, nowMs: number): Promise<EndedWakeup | undefined>;

  /** Keeps a version if it is newer, and with it the promise to wake a device that can be woken. */
  put(record: PutRecord): Promise<PutOutcome>;

  /** Raises acked versions, never past the stored ones. Tells of a wakeup that ended by it. */
  ack(device: DeviceId, updates: readonly Update[]): Promise<EndedWakeup | undefined>;

  /** What is stored and not acked. */
  pending(device: DeviceId): Promise<Update[]>;

  /**
   * Keeps a message until it is acked, cancelled or replaced or its time is over, and with it the promise of a wakeup
   * where its urgency asks for one. The same id again changes nothing and is `stored`.
   */
  putMessage(record: MessageRecord): Promise<MessageOutcome>;

  /** Messages that wait for the device, the oldest first, without those whose time is over and those of another kind than it takes. */
  pendingMessages(device: DeviceId, query: { nowMs: number; limit: number }): Promise<Message[]>;

  /** These messages were written to the device's socket. */
  noteSent(device: DeviceId, messages: readonly MessageId[], nowMs: number): Promise<void>;

  /**
   * The device has these messages: their end, unless they ended before. An ack is the last word on what was taken to be
   * expired or dropped, and its receipt is told anew; what an app server or the device took back stays so.
   */
  ackMessages(
    device: DeviceId,
    messages: readonly AckedMessage[],
    nowMs: number,
  ): Promise<MessagesEnded>;

  /** What became of an acked message in the app. Tells whether that is news; a code that is none of a nack never is. */
  nackMessage(device: DeviceId, message: AckedMessage): Promise<boolean>;

  /**
   * The device is there and passes these messages over, however often it is sent them: they stay pending, and no
   * wakeup is worth sending for them any more. Tells of a wakeup that ended by it.
   */
  noteIgnored(
    device: DeviceId,
    messages: readonly MessageId[],
    nowMs: number,
  ): Promise<EndedWakeup | undefined>;

  /** What became of a message; `undefined` when it is not known, or not any more. */
  messageStatus(device: DeviceId, message: MessageId): Promise<MessageStatus | undefined>;

  /**
   * Ends a message that is pending; `ended`: it had before, or its time is over. A wakeup that was only owed for it is not
   * sent any more. The window of one under way goes on, for it tells of the device.
   */
  cancelMessage(
    device: DeviceId,
    message: MessageId,
    nowMs: number,
  ): Promise<'cancelled' | 'ended' | 'unknown'>;

  /**
   * Ends messages whose time is over, across devices, along an index, as `cancelMessage` does one. Tells how many;
   * fewer than `limit`: there are no more.
   */
  expireMessages(nowMs: number, limit: number): Promise<number>;

  /** Forgets messages that ended before this time; along an index. Tells how many. */
  forgetMessages(endedBeforeMs: number, limit: number): Promise<number>;

  /** The receipts of a subscription after this serial, in the order in which the messages ended; along an index. */
  receipts(receipt: ReceiptId, query: { after: number; limit: number }): Promise<Receipt[]>;

  /** A device's wakeup as it is. */
  wakeupOf(device: DeviceId): Promise<DeviceWakeup | undefined>;

  /**
   * Applies an event to the wakeup with this serial. `undefined` when it changed nothing: the wakeup ended or was
   * replaced meanwhile, or the event came too late, or `begun` found nothing pending whose time is not over. `begun`
   * counts up the counter of authenticated wakeups, and is the only one for each message of normal urgency that is
   * pending then, unless it is `unsent` or `passed` without an answer of its gateway; `triggered` is noted in the messages.
   */
  move(change: {
    device: DeviceId;
    serial: number;
    event: WakeupReport;
  }): Promise<Moved | undefined>;

  /**
   * The device has shown that it is at this address. Changes nothing when it said another one meanwhile. Other
   * devices that said the same address lose it: the newest proof wins.
   */
  prove(proof: {
    device: DeviceId;
    address: WakeupAddress;
    /** A nonce came back. Otherwise a wakeup had its effect, which takes an address from no device that proved it so. */
    isNonce: boolean;
    nowMs: number;
    wakeupDueMs: number;
  }): Promise<ProofOutcome>;

  /**
   * Wakeups of a network that are due by then: `owed`, those to be sent, gathered or not, prompt before bulk and the oldest first;
   * `sent`, those whose window is over. Across devices, along an index.
   */
  dueWakeups(query: {
    network: NetworkKey;
    phase: 'owed' | 'sent';
    nowMs: number;
    limit: number;
  }): Promise<DeviceWakeup[]>;

  /**
   * Windows of wakeups of a network that are over before then last until then: central was down, and nobody could say
   * hello. Across devices, along an index. Tells how many; fewer than `limit`: there are no more.
   */
  extendWindows(query: { network: NetworkKey; untilMs: number; limit: number }): Promise<number>;

  /** Devices whose believed address was said before this time, the oldest first; across devices, along an index. */
  leasesOver(saidBeforeMs: number, limit: number): Promise<DeviceWakeup[]>;

  /** The device was at its address until now: its lease begins anew. */
  renewAddress(device: DeviceId, nowMs: number): Promise<void>;

  /**
   * Devices that said nothing since then, have no channel and are owed no wakeup: with them nothing is lost. Looks at the
   * `limit` devices that stand behind this one in the order of their ids; `next`: where to go on, unless there are no more.
   */
  vacantDevices(query: {
    after: DeviceId | undefined;
    saidBeforeMs: number;
    limit: number;
  }): Promise<{ vacant: DeviceId[]; next: DeviceId | undefined }>;

  /** Forgets a device if that is still so of it. Tells whether it was. */
  forgetDevice(device: DeviceId, saidBeforeMs: number): Promise<boolean>;

  /** Devices that are dark, longest first; across devices, along an index. */
  darkDevices(limit: number): Promise<DarkDevice[]>;

  /** How many devices of each network are dark, or owed a wakeup, now or once it is gathered; networks without any are left out. Nothing is counted for it. */
  wakeupCounts(): Promise<WakeupCount[]>;

  /** Totals across devices: for pages, never for decisions. Nothing is counted for it. */
  counts(): Promise<StoreCounts>;

  close(): Promise<void>;
}
