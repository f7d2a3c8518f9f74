// Messages' rows: what is kept of one, and the one place where it ends.

import { urgencies } from '../../shared/wakeup/request.js';
import {
  bytesOfDevice,
  bytesOfMessage,
  bytesOfReceipt,
  type ChannelId,
  deviceIdOf,
  messageIdOf,
  type ReceiptId,
} from '../protocol/ids.js';
import type { BodyEncoding, Message, MessageKind } from '../protocol/messages.js';
import type { MessageEnd, MessageRecord, MessageStatus, Receipt } from './messages.js';
import type { Database } from './sqlite-database.js';

export interface MessageRow {
  serial: number;
  device: Buffer;
  id: Buffer;
  channel: ChannelId;
  kind: MessageKind;
  urgency: number;
  wakes: number;
  ignored: number;
  receipt: Buffer | null;
  stored_at: number;
  expires_at: number;
  woken_at: number | null;
  sent_at: number | null;
  ended_at: number | null;
  ended_as: MessageEnd | null;
  code: number | null;
  receipt_serial: number | null;
  encoding: string | null;
  body: Buffer | null;
}

/** What of a row decides about its end. */
export type Ending = Pick<MessageRow, 'serial' | 'device' | 'receipt'>;
type FoundMessage = Ending & Pick<MessageRow, 'expires_at' | 'ended_as'>;

/** Which of a device's pending messages. */
export interface Selection {
  channel: ChannelId;
  topic?: string;
}

interface EndedAt {
  nowMs: number;
  code?: number | undefined;
}

export interface MessageRows {
  /** What decides about a message's end, and how it ended if it did. Its body, which may be large, is not read. */
  find(device: Buffer, id: Buffer): FoundMessage | undefined;
  status(device: Buffer, id: Buffer): MessageStatus | undefined;
  insert(record: MessageRecord, wakes: Wakes): Ending;
  end(row: Ending, as: MessageEnd, at: EndedAt): void;
  /** Ends those of a device's pending messages. Tells how many. */
  endAll(device: Buffer, which: Selection, as: MessageEnd, nowMs: number): number;
  /** Ends as dropped what is beyond the limit: what the device cannot read now, then the least urgent, and of these the oldest. */
  trim(device: Buffer, limit: { nowMs: number; messagesMax: number }): Ending[];
  /** Pending ones whose time is over, across devices. */
  overdue(nowMs: number, limit: number): Ending[];
  /** Without those that the device's dialect cannot carry. */
  pending(device: Buffer, query: { nowMs: number; limit: number }): Message[];
  receipts(receipt: ReceiptId, query: { after: number; limit: number }): Receipt[];
  noteSent(device: Buffer, id: Buffer, nowMs: number): void;
  /** What the app made of an acked message. Tells whether that is news. */
  noteCode(device: Buffer, id: Buffer, code: number): boolean;
  /** It wants no wakeup any more. */
  noteIgnored(device: Buffer, id: Buffer): void;
  /** The wakeup of this serial begins: messages that want only one have had it. */
  noteBegun(device: Buffer, wakeup: number): void;
  /** It was none after all, or nobody knows. */
  noteUnsent(device: Buffer, wakeup: number): void;
  /** The wakeup that began then has left. */
  noteWoken(device: Buffer, begunMs: number): void;
  /** Whether one is pending that wants wakeups until it is taken. */
  isUrgent(device: Buffer, nowMs: number): boolean;
  forget(endedBeforeMs: number, limit: number): number;
  /** Forgets what became of a device's messages but for those that ended last. */
  forgetOldest(device: Buffer, endedMax: number): void;
}

/** For how many wakeups a message asks, as its column says it. */
export const wakes = { never: 0, once: 1, always: 2 } as const;
export type Wakes = (typeof wakes)[keyof typeof wakes];

/** Reads and changes messages, inside a transaction that someone else makes. */
export function createMessageRows(db: Database): MessageRows {
  const sql = prepareStatements(db);

  function end({ serial, receipt }: Ending, as: MessageEnd, at: EndedAt) {
    const receiptSerial = receipt ? sql.nextReceipt.get(at.nowMs) : null;
    sql.end.run(at.nowMs, as, at.code ?? null, receiptSerial, serial);
  }

  function endEach(rows: unknown[], as: MessageEnd, nowMs: number): Ending[] {
    const ending = rows as Ending[];
    for (const row of ending) end(row, as, { nowMs });
    return ending;
  }

  function select(device: Buffer, which: Selection): unknown[] {
    if (which.topic === undefined) return sql.ofChannel.all(device, which.channel);
    return sql.ofTopic.all(device, which.channel, which.topic);
  }

  return {
    end,
    find: (device, id) => sql.find.get(device, id) as FoundMessage | undefined,
    status(device, id) {
      const row = sql.status.get(device, id) as MessageRow | undefined;
      return row && statusOf(row);
    },
    insert(record, wakes) {
      const columns = columnsOf(record, wakes);
      const serial = Number(sql.insert.run(columns).lastInsertRowid);
      return { serial, device: columns.device, receipt: columns.receipt };
    },
    endAll: (device, which, as, nowMs) => endEach(select(device, which), as, nowMs).length,
    trim(device, { nowMs, messagesMax }) {
      const excess = (sql.count.get(device, nowMs) as number) - messagesMax;
      if (excess <= 0) return [];
      return endEach(sql.excess.all({ device, nowMs, excess }), 'dropped', nowMs);
    },
    overdue: (nowMs, limit) => sql.overdue.all(nowMs, limit) as Ending[],
    pending: (device, { nowMs, limit }) =>
      (sql.pending.all(device, nowMs, limit) as MessageRow[]).map(messageOf),
    receipts: (receipt, { after, limit }) =>
      (sql.receipts.all(bytesOfReceipt(receipt), after, limit) as MessageRow[]).map(receiptOf),
    noteSent: (device, id, nowMs) => void sql.noteSent.run(nowMs, device, id),
    noteCode: (device, id, code) => sql.noteCode.run({ code, device, id }).changes > 0,
    noteIgnored: (device, id) => void sql.noteIgnored.run(device, id),
    noteBegun: (device, wakeup) => void sql.noteBegun.run(wakeup, device),
    noteUnsent: (device, wakeup) => void sql.noteUnsent.run(device, wakeup),
    noteWoken: (device, begunMs) => void sql.noteWoken.run({ device, begunMs }),
    isUrgent: (device, nowMs) => sql.isUrgent.get(device, nowMs) === 1,
    forget: (endedBeforeMs, limit) => sql.forget.run(endedBeforeMs, limit).changes,
    forgetOldest: (device, endedMax) => void sql.forgetOldest.run(device, endedMax),
  };
}

function columnsOf(record: MessageRecord, wakes: Wakes) {
  const { channel, kind, topic, body, receipt, nowMs, expiresMs } = record;
  return {
    ...{ device: bytesOfDevice(record.device), id: bytesOfMessage(record.id), channel, kind },
    ...{ urgency: urgencies.indexOf(record.urgency), wakes, nowMs, expiresMs },
    topic: topic ?? null,
    receipt: receipt === undefined ? null : bytesOfReceipt(receipt),
    encoding: JSON.stringify(record.encoding),
    body: body === undefined ? null : Buffer.from(body),
  };
}

function messageOf({ id, channel, kind, body, encoding, ignored }: MessageRow): Message {
  return {
    ...{ id: messageIdOf(id), channel, kind, body: body ?? undefined },
    ...(ignored === 1 && { isIgnored: true }),
    encoding: JSON.parse(encoding ?? '{}') as BodyEncoding,
  };
}

function receiptOf(row: MessageRow): Receipt {
  return {
    device: deviceIdOf(row.device),
    id: messageIdOf(row.id),
    end: row.ended_as as MessageEnd,
    code: row.code ?? undefined,
    endedMs: row.ended_at ?? 0,
    serial: row.receipt_serial ?? 0,
  };
}

function statusOf(row: MessageRow): MessageStatus {
  return {
    ...{ id: messageIdOf(row.id), storedMs: row.stored_at, expiresMs: row.expires_at },
    ...stateOf(row),
    urgency: urgencies[row.urgency] ?? 'normal',
    code: row.code ?? undefined,
  };
}

/** How far a message has come, and since when. */
function stateOf(row: MessageRow): Pick<MessageStatus, 'state' | 'atMs'> {
  if (row.ended_as !== null) return { state: row.ended_as, atMs: row.ended_at ?? 0 };
  if (row.sent_at !== null) return { state: 'delivered', atMs: row.sent_at };
  if (row.woken_at !== null) return { state: 'wakeup-sent', atMs: row.woken_at };
  return { state: 'stored', atMs: row.stored_at };
}

/** What the device's dialect carries. The others wait until it speaks theirs again, and are worth no wakeup until then. */
export const isReadable = `
  kind = coalesce((SELECT takes FROM device d WHERE d.device = message.device), 'text')`;
// In the words of the index: SQLite takes a partial one only where a query repeats its condition.
const pendingOf = 'FROM message WHERE device = ? AND ended_at IS NULL';
const ending = `SELECT serial, device, receipt ${pendingOf}`;

function prepareStatements(db: Database) {
  return {
    find: db.prepare(`
      SELECT serial, device, receipt, expires_at, ended_as FROM message
      WHERE device = ? AND id = ?`),
    status: db.prepare(`
      SELECT id, urgency, stored_at, expires_at, woken_at, sent_at, ended_at, ended_as, code
      FROM message WHERE device = ? AND id = ?`),
    insert: db.prepare(`
      INSERT INTO message (device, id, channel, kind, urgency, wakes, topic, receipt, stored_at,
        expires_at, encoding, body)
      VALUES (@device, @id, @channel, @kind, @urgency, @wakes, @topic, @receipt, @nowMs,
        @expiresMs, @encoding, @body)`),
    end: db.prepare(`
      UPDATE message SET ended_at = ?, ended_as = ?, code = ?, receipt_serial = ?, topic = NULL,
        encoding = NULL, body = NULL
      WHERE serial = ?`),
    // Readers outlive a database: one that began empty goes on above what they have read.
    nextReceipt: db
      .prepare("UPDATE meta SET value = max(value + 1, ?) WHERE key = 'receipts' RETURNING value")
      .pluck(),
    ofChannel: db.prepare(`${ending} AND channel = ? ORDER BY serial`),
    ofTopic: db.prepare(`${ending} AND channel = ? AND topic = ? ORDER BY serial`),
    count: db.prepare(`SELECT count(*) ${pendingOf} AND expires_at > ?`).pluck(),
    excess: db.prepare(`
      SELECT serial, device, receipt FROM message
      WHERE device = @device AND ended_at IS NULL AND expires_at > @nowMs
      ORDER BY ${isReadable}, urgency, serial LIMIT @excess`),
    overdue: db.prepare(`
      SELECT serial, device, receipt FROM message WHERE ended_at IS NULL AND expires_at <= ?
      ORDER BY expires_at LIMIT ?`),
    pending: db.prepare(`
      SELECT id, channel, kind, body, encoding, ignored ${pendingOf} AND expires_at > ? AND ${isReadable}
      ORDER BY serial LIMIT ?`),
    receipts: db.prepare(`
      SELECT device, id, ended_as, code, ended_at, receipt_serial FROM message WHERE receipt = ? AND receipt_serial > ?
      ORDER BY receipt_serial LIMIT ?`),
    noteSent: db.prepare(`
      UPDATE message SET sent_at = ?
      WHERE device = ? AND id = ? AND ended_at IS NULL AND sent_at IS NULL`),
    noteCode: db.prepare(`
      UPDATE message SET code = @code
      WHERE device = @device AND id = @id AND ended_as = 'acked' AND code IS NOT @code`),
    noteIgnored: db.prepare(`
      UPDATE message SET wakes = 0, ignored = 1 WHERE device = ? AND id = ? AND ended_at IS NULL`),
    noteBegun: db.prepare(`
      UPDATE message SET tried_by = ?
      WHERE device = ? AND ended_at IS NULL AND wakes = 1 AND tried_by IS NULL AND ${isReadable}`),
    noteUnsent: db.prepare(`
      UPDATE message SET tried_by = NULL
      WHERE device = ? AND ended_at IS NULL AND wakes = 1 AND tried_by = ?`),
    // One that came after it left rides along, but was not what it left for.
    noteWoken: db.prepare(`
      UPDATE message SET woken_at = @begunMs
      WHERE device = @device AND ended_at IS NULL AND wakes > 0 AND woken_at IS NULL
        AND stored_at <= @begunMs AND ${isReadable}`),
    isUrgent: db
      .prepare(`
        SELECT EXISTS (SELECT 1 ${pendingOf} AND expires_at > ? AND wakes = 2 AND ${isReadable})`)
      .pluck(),
    forget: db.prepare(`
      DELETE FROM message WHERE serial IN (
        SELECT serial FROM message WHERE ended_at < ? ORDER BY ended_at LIMIT ?)`),
    forgetOldest: db.prepare(`
      DELETE FROM message WHERE serial IN (
        SELECT serial FROM message WHERE device = ? AND ended_at IS NOT NULL
        ORDER BY ended_at DESC, serial DESC LIMIT -1 OFFSET ?)`),
  };
}
