// What a device's socket is sent: everything pending in the store that this socket has not been sent yet.
import type { ChannelId, DeviceId, MessageId } from '../protocol/ids.js';
import type { AckedMessage, Message, MessageKind, Update } from '../protocol/messages.js';
import type { Store } from '../store/store.js';

/** What a socket was sent and has not acked. */
export interface Sent {
  channel: ChannelId;
  /** The newest one of a channel that was sent; `undefined` for a message. */
  version: number | undefined;
  /** When it, or the oldest version that still waits for an ack, was sent last. */
  sentAtMs: number;
  /** It, or an older version of its channel, was sent a second time on this socket. */
  isResent: boolean;
  /** Its time for an ack has passed once. */
  isOverdue: boolean;
  /** It passed twice, and the device is there: nobody waits for an ack of this message any longer. */
  isIgnored: boolean;
}

/** Versions under their channel, messages under their id. */
export type Unacked = Map<ChannelId | MessageId, Sent>;

export interface Pending {
  updates: readonly Update[];
  messages: readonly Message[];
}

export const sizeOf = ({ updates, messages }: Pending) => updates.length + messages.length;

/** What a device has, as it said. */
export interface Acked {
  updates: readonly Update[];
  messages: readonly AckedMessage[];
}

/** Messages that a device may have without an ack: the oldest. Those behind them follow as these are acked. */
export const messagesInFlightMax = 20;

/**
 * Reads what is pending: the versions, and the oldest of the messages. `hasMore`: others wait behind those.
 * `stillIgnored`: which of the ignored ones are pending.
 */
export async function readPending(options: {
  store: Store;
  device: DeviceId;
  /** What the device can be sent beside versions, once the store has answered: a hello may change it meanwhile. */
  takes: () => MessageKind;
  nowMs: number;
  /** Of all messages as they are written; a single one may be larger. */
  bytesMax: number;
  /** Messages that the device ignores; they take no place of the others. */
  ignored: ReadonlySet<MessageId>;
}): Promise<Pending & { hasMore: boolean; stillIgnored: readonly MessageId[] }> {
  const { store, device, takes, nowMs, bytesMax, ignored } = options;
  const limit = messagesInFlightMax + ignored.size;
  const [updates, oldest] = await Promise.all([
    store.pending(device),
    store.pendingMessages(device, { nowMs, limit }),
  ]);
  const wanted = oldest.filter(({ id }) => !ignored.has(id));
  const fitting = withinBytes(wanted, bytesMax);
  return {
    updates,
    messages: fitting.filter(({ kind }) => kind === takes()),
    hasMore: oldest.length === limit || fitting.length < wanted.length,
    stillIgnored: oldest.flatMap(({ id }) => (ignored.has(id) ? [id] : [])),
  };
}

/** What a byte of a body becomes at most: a third more in base64, and six where a text has control characters. */
const wireBytesPerByte: Record<MessageKind, number> = { push: 4 / 3, text: 6 };

function withinBytes(messages: readonly Message[], bytesMax: number): readonly Message[] {
  let bytes = 0;
  const end = messages.findIndex(({ body, kind }, i) => {
    bytes += (body?.length ?? 0) * wireBytesPerByte[kind];
    return bytes > bytesMax && i > 0;
  });
  return end < 0 ? messages : messages.slice(0, end);
}

/** Leaves out what this socket was sent already. */
export function unsent({ updates, messages }: Pending, unacked: Unacked | undefined): Pending {
  if (!unacked) return { updates, messages };
  const sentVersion = (channel: ChannelId) => unacked.get(channel)?.version ?? -1;
  return {
    updates: updates.filter(({ channel, version }) => version > sentVersion(channel)),
    messages: messages.filter(({ id }) => !unacked.has(id)),
  };
}

/** Leaves out what was acked while the reading was under way, which may have come too early to know. */
export function notAcked({ updates, messages }: Pending, acks: readonly Acked[]): Pending {
  const versions = new Map<ChannelId, number>();
  const ids = new Set<MessageId>();
  for (const acked of acks) {
    for (const { channel, version } of acked.updates) {
      versions.set(channel, Math.max(version, versions.get(channel) ?? -1));
    }
    for (const { id } of acked.messages) ids.add(id);
  }
  return {
    updates: updates.filter(({ channel, version }) => version > (versions.get(channel) ?? -1)),
    messages: messages.filter(({ id }) => !ids.has(id)),
  };
}

/**
 * Notes what was sent just now. `isRepetition`: what is unacked was sent again, a channel perhaps with a newer version.
 * Otherwise a newer version takes over the time and the repetition of the one it replaces: a channel with a steady
 * stream would never count as unanswered.
 */
export function noteSent(
  unacked: Unacked,
  { updates, messages }: Pending,
  { nowMs, isRepetition }: { nowMs: number; isRepetition: boolean },
): void {
  const note = (
    key: ChannelId | MessageId,
    sent: Pick<Sent, 'channel' | 'version'> & Partial<Sent>,
  ) => {
    const before = unacked.get(key);
    const times =
      before && !isRepetition ? before : { sentAtMs: nowMs, isResent: before !== undefined };
    const { sentAtMs, isResent } = times;
    const { isOverdue = false, isIgnored = false } = before ?? {};
    unacked.set(key, { sentAtMs, isResent, isOverdue, isIgnored, ...sent });
  };
  for (const { channel, version } of updates) note(channel, { channel, version });
  for (const { id, channel, isIgnored = false } of messages) {
    note(id, { channel, version: undefined, isIgnored });
  }
}

/** Forgets what the store no longer has for this device: acked elsewhere, over, or its channel is gone. */
export function keepPending(
  unacked: Unacked,
  { updates, messages }: Pending,
  stillIgnored: readonly MessageId[],
): void {
  const pending = new Set<ChannelId | MessageId>(stillIgnored);
  for (const { channel } of updates) pending.add(channel);
  for (const { id } of messages) pending.add(id);
  for (const key of unacked.keys()) if (!pending.has(key)) unacked.delete(key);
}

/** Those that the device was sent twice, and passes over though it is there. */
export function ignoredIn(unacked: Unacked | undefined): Set<MessageId> {
  const ignored = new Set<MessageId>();
  for (const [key, { isIgnored }] of unacked ?? []) if (isIgnored) ignored.add(key as MessageId);
  return ignored;
}

/** When the one that waits longest for its ack was sent; `undefined` when none does. */
export function oldestSentMs(unacked: Unacked | undefined): number | undefined {
  let oldest: number | undefined;
  for (const { sentAtMs, isIgnored } of unacked?.values() ?? []) {
    if (!isIgnored) oldest = Math.min(oldest ?? sentAtMs, sentAtMs);
  }
  return oldest;
}

/** Forgets what was acked: an ack counts for its version and older ones (Simple Push: only `>=` clears). */
export function noteAcked(unacked: Unacked, { updates, messages }: Acked): void {
  for (const { channel, version } of updates) {
    if (version >= (unacked.get(channel)?.version ?? Number.POSITIVE_INFINITY)) {
      unacked.delete(channel);
    }
  }
  for (const { id } of messages) unacked.delete(id);
}

/** Forgets a channel that is gone, and its messages. */
export function forgetChannel(unacked: Unacked, channel: ChannelId): void {
  for (const [key, sent] of unacked) if (sent.channel === channel) unacked.delete(key);
}
