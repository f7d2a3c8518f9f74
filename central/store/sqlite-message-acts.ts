// The store's methods that are about messages with a payload, and what each makes of the device's wakeup.
import { parseNackCode } from '../protocol/codes.js';
import { bytesOfDevice, bytesOfMessage } from '../protocol/ids.js';
import type { MessageOutcome, MessageRecord } from './messages.js';
import type { SqliteEngine } from './sqlite-engine.js';
import { type MessageRow, type MessageRows, wakes } from './sqlite-messages.js';
import type { DeviceRow, WakeupRows } from './sqlite-wakeups.js';

type Acts = Pick<
  SqliteEngine,
  | 'putMessage'
  | 'pendingMessages'
  | 'noteSent'
  | 'ackMessages'
  | 'nackMessage'
  | 'noteIgnored'
  | 'messageStatus'
  | 'cancelMessage'
  | 'expireMessages'
  | 'forgetMessages'
  | 'receipts'
>;

export function createMessageActs(parts: {
  messages: MessageRows;
  wakeups: WakeupRows;
  /** The channel's key, `null` where it has none; `undefined`: there is no such channel. */
  keyOf: (device: Buffer, channel: string) => string | null | undefined;
}): Acts {
  const { messages, wakeups, keyOf } = parts;

  /** Why a message is not for this channel. */
  function refusalOf(record: MessageRecord, row: DeviceRow | undefined) {
    const key = keyOf(bytesOfDevice(record.device), record.channel);
    if (key === undefined) return row?.synced ? 'unknown-channel' : 'unknown-device';
    if (record.kind !== (row?.takes ?? 'text')) return 'wrong-kind';
    if (key === null || key === record.key) return undefined;
    return record.key === undefined ? 'key-missing' : 'wrong-key';
  }

  /** Keeps a message that is due to wait, and ends what has to go for it. */
  function keep(record: MessageRecord, waiting: DeviceRow | undefined): Partial<MessageOutcome> {
    const { channel, topic, nowMs, messagesMax, messagesEndedMax } = record;
    const device = bytesOfDevice(record.device);
    const replaced =
      topic === undefined ? 0 : messages.endAll(device, { channel, topic }, 'replaced', nowMs);
    const wanted = wantedOf(record);
    const row = messages.insert(record, wanted?.wakes ?? wakes.never);
    const isOver = record.expiresMs <= nowMs;
    if (isOver) messages.end(row, 'expired', { nowMs });
    const dropped = messages.trim(device, { nowMs, messagesMax });
    messages.forgetOldest(device, messagesEndedMax);
    wakeups.settle(device, 'released');
    const gone = { replaced, dropped: dropped.length };
    if (isOver) return { ...gone, endedAs: 'expired' };
    if (dropped.some(({ serial }) => serial === row.serial)) return { ...gone, endedAs: 'dropped' };
    if (!wanted || !waiting) return gone;
    const { dueMs } = wanted;
    const isUrgent = wanted.wakes === wakes.always;
    return { ...gone, ...wakeups.owe(waiting, { nowMs, dueMs, lane: record.lane, isUrgent }) };
  }

  return {
    putMessage(record) {
      const device = bytesOfDevice(record.device);
      const nothing = { isOwedAnew: false, replaced: 0, dropped: 0 };
      if (messages.find(device, bytesOfMessage(record.id)))
        return { outcome: 'stored', ...nothing };
      const row = wakeups.get(device);
      const refusal = refusalOf(record, row);
      if (refusal) return { outcome: refusal, ...nothing };
      return { outcome: 'stored', ...nothing, ...keep(record, row) };
    },

    pendingMessages(device, query) {
      return messages.pending(bytesOfDevice(device), query);
    },

    noteSent(device, ids, nowMs) {
      for (const id of ids) messages.noteSent(bytesOfDevice(device), bytesOfMessage(id), nowMs);
    },

    ackMessages(id, said, nowMs) {
      const device = bytesOfDevice(id);
      const acked = said.filter(({ id, code }) => {
        const row = messages.find(device, bytesOfMessage(id));
        if (!row || !mayBeAcked(row)) return false;
        messages.end(row, 'acked', { nowMs, code });
        return true;
      });
      const ended = wakeups.settle(device, 'settled');
      return { acked, ...(ended ? { ended } : {}) };
    },

    nackMessage(device, { id, code }) {
      const known = parseNackCode(code);
      if (known === undefined) return false;
      return messages.noteCode(bytesOfDevice(device), bytesOfMessage(id), known);
    },

    noteIgnored(id, ignored, nowMs) {
      const device = bytesOfDevice(id);
      for (const message of ignored) messages.noteIgnored(device, bytesOfMessage(message));
      return wakeups.settle(device, 'settled', nowMs);
    },

    messageStatus(device, id) {
      return messages.status(bytesOfDevice(device), bytesOfMessage(id));
    },

    cancelMessage(id, message, nowMs) {
      const device = bytesOfDevice(id);
      const row = messages.find(device, bytesOfMessage(message));
      if (!row) return 'unknown';
      // One whose time is over ends as expired, whoever comes first to note it.
      if (row.ended_as !== null || row.expires_at <= nowMs) return 'ended';
      messages.end(row, 'cancelled', { nowMs });
      wakeups.settle(device, 'released');
      return 'cancelled';
    },

    expireMessages(nowMs, limit) {
      const overdue = messages.overdue(nowMs, limit);
      for (const row of overdue) messages.end(row, 'expired', { nowMs });
      const devices = new Map(overdue.map(({ device }) => [device.toString('hex'), device]));
      for (const device of devices.values()) wakeups.settle(device, 'released');
      return overdue.length;
    },

    forgetMessages(endedBeforeMs, limit) {
      return messages.forget(endedBeforeMs, limit);
    },

    receipts(receipt, query) {
      return messages.receipts(receipt, query);
    },
  };
}

/** Nobody who ended it so could know whether the device had it; whoever took it back did so, whatever the device has. */
function mayBeAcked({ ended_as }: Pick<MessageRow, 'ended_as'>): boolean {
  return ended_as === null || ended_as === 'expired' || ended_as === 'dropped';
}

/** The wakeup that a message wants, and by when. */
function wantedOf({ urgency, wakeupDueMs: dueMs }: MessageRecord) {
  if (dueMs === undefined || urgency === 'low' || urgency === 'very-low') return undefined;
  return { wakes: urgency === 'high' ? wakes.always : wakes.once, dueMs };
}
