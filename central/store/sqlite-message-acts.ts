// The store's methods that are about messages with a payload, and what each makes of the device's wakeup.
import { bytesOfDevice, bytesOfMessage } from '../protocol/ids.js';
import type { WakeupReport } from '../wakeup/states.js';
import type { MessageOutcome, MessageRecord } from './messages.js';
import type { SqliteEngine } from './sqlite-engine.js';
import {
  type MessageRow,
  type MessageRows,
  statusOf,
  type Wakes,
  wakes,
} from './sqlite-messages.js';
import type { DeviceRow, WakeupRows } from './sqlite-wakeups.js';
import type { DeviceWakeup } from './store.js';

type Acts = Pick<
  SqliteEngine,
  | 'putMessage'
  | 'pendingMessages'
  | 'noteSent'
  | 'ackMessages'
  | 'nackMessage'
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
    const { channel, topic, nowMs, messagesMax } = record;
    const device = bytesOfDevice(record.device);
    const replaced =
      topic === undefined ? 0 : messages.endAll(device, { channel, topic }, 'replaced', nowMs);
    const wanted = wakesOf(record);
    const row = messages.insert(record, wanted);
    const isOver = record.expiresMs <= nowMs;
    if (isOver) messages.end(row, 'expired', { nowMs });
    const dropped = messages.trim(device, { nowMs, messagesMax });
    const isKept = !isOver && dropped.every((gone) => gone.serial !== row.serial);
    wakeups.settle(device, 'released');
    const put = { nowMs, dueMs: record.wakeupDueMs ?? nowMs, lane: record.lane };
    const owed =
      isKept && waiting && wanted > 0
        ? wakeups.owe(waiting, { ...put, isUrgent: wanted === wakes.always })
        : {};
    return { replaced, dropped: dropped.length, ...owed };
  }

  return {
    putMessage(record) {
      const device = bytesOfDevice(record.device);
      const nothing = { isOwedAnew: false, replaced: 0, dropped: 0 };
      if (messages.get(device, bytesOfMessage(record.id))) return { outcome: 'stored', ...nothing };
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

    ackMessages(id, acked, nowMs) {
      const device = bytesOfDevice(id);
      const pending = acked.flatMap(({ id, code }) => {
        const row = messages.get(device, bytesOfMessage(id));
        if (!row || !isPending(row)) return [];
        messages.end(row, 'acked', { nowMs, code });
        return [row];
      });
      const ended = wakeups.settle(device, 'settled');
      return { messages: pending.length, ...(ended ? { ended } : {}) };
    },

    nackMessage(device, { id, code }) {
      messages.noteCode(bytesOfDevice(device), bytesOfMessage(id), code);
    },

    messageStatus(device, id) {
      const row = messages.get(bytesOfDevice(device), bytesOfMessage(id));
      return row && statusOf(row);
    },

    cancelMessage(id, message, nowMs) {
      const device = bytesOfDevice(id);
      const row = messages.get(device, bytesOfMessage(message));
      if (!row) return 'unknown';
      if (!isPending(row)) return 'ended';
      messages.end(row, 'cancelled', { nowMs });
      wakeups.settle(device, 'released');
      return 'cancelled';
    },

    expireMessages(nowMs, limit) {
      const overdue = messages.overdue(nowMs, limit);
      for (const row of overdue) messages.end(row, 'expired', { nowMs });
      for (const { device } of overdue) wakeups.settle(device, 'released');
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

/** Notes in a device's messages what its wakeup has come to. `row`: the wakeup as it was before; `now`: as it is. */
export function noteWakeup(
  messages: MessageRows,
  event: WakeupReport,
  { row, now }: { row: DeviceRow; now: DeviceWakeup },
): void {
  const { device, serial, sent_at: begunMs } = row;
  if (event.name === 'begun') messages.noteBegun(device, now.serial);
  if (event.name === 'unsent') messages.noteUnsent(device, serial);
  // A gateway that never answered counts as one that sent.
  const hasLeft = event.name === 'triggered' || event.name === 'passed';
  if (hasLeft && begunMs !== null) messages.noteWoken(device, begunMs);
}

function isPending(row: MessageRow): boolean {
  return row.ended_at === null;
}

function wakesOf({ urgency, wakeupDueMs }: MessageRecord): Wakes {
  if (wakeupDueMs === undefined || urgency === 'low' || urgency === 'very-low') return wakes.never;
  return urgency === 'high' ? wakes.always : wakes.once;
}
