// What central must not lose, as every engine keeps it. Everything else in central is a hint.
//
// Guarantees of every method: atomic; idempotent (the same call again changes nothing more); resolved only when
// the change survives a crash and power loss; a read sees every write resolved before it began. A method touches
// the rows of one device only, except where it says so. Rejects with code `store-failed` or `store-busy`.
import type { CodedError } from '../../shared/errors.js';
import type { NetworkKey } from '../../shared/network.js';
import type { ChannelId, DeviceId } from '../protocol/ids.js';
import type { Update, WakeupAddress } from '../protocol/messages.js';

export type StoreError = CodedError<'store-failed' | 'store-busy'>;

/**
 * A wakeup that a device is owed. It exists exactly while something is pending for a device with an address:
 * `put` makes it, the `ack` that leaves nothing pending removes it, `hello` starts it afresh.
 */
export interface OwedWakeup {
  device: DeviceId;
  address: WakeupAddress;
  /** When the device last said this address, in milliseconds since the epoch. */
  saidAtMs: number;
  /** How many times it was sent. */
  attempts: number;
  /** Whether the last of these left towards the device, so that its reconnect is awaited. */
  isAwaited: boolean;
  /** Tells this wakeup from one that replaced it. */
  serial: number;
}

export interface HelloRecord {
  device: DeviceId;
  /** Where the device was promised (201) to be woken; `undefined` when it was promised nothing (200). */
  address: WakeupAddress | undefined;
  /** `undefined`: no synchronisation. Otherwise the device's channels become exactly these. */
  channels: readonly ChannelId[] | undefined;
  /** Issued just now: it cannot have channels from before. */
  isNew: boolean;
  nowMs: number;
  /** When what is pending is owed a wakeup, should the device not take it until then. */
  wakeupDueMs: number;
  channelsMax: number;
}

export interface HelloOutcome {
  outcome: 'known' | 'too-many-channels';
  channelsAdded: number;
  channelsRemoved: number;
  /** The wakeup this hello answers, where one had been sent. */
  answered?: { network: NetworkKey; sentAtMs: number };
}

export interface PutRecord {
  device: DeviceId;
  channel: ChannelId;
  version: number;
  wakeupDueMs: number;
}

export interface PutOutcome {
  /**
   * `stale`: not newer than what is stored, nothing changed. `unknown-device` also stands for a device that
   * has not yet told this database its channels, so that nobody can say whether the channel exists.
   */
  outcome: 'stored' | 'stale' | 'unknown-channel' | 'unknown-device';
  /** The wakeup the device is owed now; absent when nothing was stored or the device has no address. */
  owed?: OwedWakeup;
  /** This put made it. Otherwise it was owed before, and needs no other for this version. */
  isOwedAnew: boolean;
}

export interface StoreCounts {
  devices: number;
  channels: number;
  pending: number;
  owedWakeups: number;
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
  ): Promise<'registered' | 'too-many-channels'>;

  unregister(device: DeviceId, channel: ChannelId): Promise<void>;

  /** Keeps a version if it is newer, and with it the promise to wake a device that can be woken. */
  put(record: PutRecord): Promise<PutOutcome>;

  /** Raises acked versions, never past the stored ones. */
  ack(device: DeviceId, updates: readonly Update[]): Promise<void>;

  /** What is stored and not acked. */
  pending(device: DeviceId): Promise<Update[]>;

  /** Wakeups due by then, the oldest first; across devices, along an index. */
  dueWakeups(nowMs: number, limit: number): Promise<OwedWakeup[]>;

  /**
   * Notes an attempt or a delay. `dueMs` undefined: no more until the device connects. Does nothing when the
   * wakeup was answered or replaced meanwhile.
   */
  planWakeup(plan: {
    device: DeviceId;
    serial: number;
    attempts: number;
    dueMs: number | undefined;
    /** When the attempt was sent whose reconnect is awaited; absent when none is. */
    sentAtMs?: number;
  }): Promise<void>;

  /** The device was at its address until now: its lease begins anew. */
  renewAddress(device: DeviceId, nowMs: number): Promise<void>;

  /** The address a device was promised to be woken at, and when it said so. */
  addressOf(device: DeviceId): Promise<{ address: WakeupAddress; saidAtMs: number } | undefined>;

  /** Totals across devices: for pages, never for decisions. */
  counts(): Promise<StoreCounts>;

  close(): Promise<void>;
}
