// Devices' rows: a wakeup as columns, and the one place where an event changes them.

import { parseAddress } from '../../shared/address.js';
import type { NetworkKey } from '../../shared/network.js';
import type { Protocol } from '../../shared/wakeup/request.js';
import { deviceIdOf } from '../protocol/ids.js';
import type { MessageKind, WakeupAddress } from '../protocol/messages.js';
import {
  type DarkReason,
  isBelieved,
  step,
  type WakeupEvent,
  type WakeupRecord,
  type WakeupReport,
  type WakeupState,
} from '../wakeup/states.js';
import type { Database } from './sqlite-database.js';
import { isReadable } from './sqlite-messages.js';
import {
  type DeviceWakeup,
  type EndedWakeup,
  type LateHello,
  type Moved,
  type PutOutcome,
  type WakeupLane,
  wakeupLanes,
} from './store.js';

export interface DeviceRow {
  device: Buffer;
  synced: number;
  takes: MessageKind;
  network: string | null;
  ip: string | null;
  port: number | null;
  protocol: string | null;
  said_at: number;
  authenticated: number;
  /** A nonce came back from this address. */
  proven: number;
  state: WakeupState;
  serial: number;
  counter: number;
  lane: number;
  attempts: number;
  due_at: number | null;
  not_before: number | null;
  sent_at: number | null;
  since_at: number | null;
  dark_at: number | null;
  dark_reason: string | null;
}

/** Reads and changes the wakeups of devices, inside a transaction that someone else makes. */
export function createWakeupRows(db: Database) {
  const read = db.prepare('SELECT * FROM device WHERE device = ?');
  const write = db.prepare(`
    UPDATE device SET state = @state, serial = @serial, counter = @counter, attempts = @attempts,
      due_at = @dueMs, not_before = @notBeforeMs, sent_at = @sentMs,
      since_at = @sinceMs, dark_at = @darkMs, dark_reason = @darkReason, lane = @lane, proven = iif(@state = 'dark', 0, proven)
    WHERE device = @device`);
  const wants = db
    .prepare(`
      SELECT EXISTS (SELECT 1 FROM channel WHERE device = @device AND version > acked)
        OR EXISTS (SELECT 1 FROM message WHERE device = @device AND ended_at IS NULL
          AND ${isReadable} AND expires_at > @nowMs AND (wakes = 2 OR (wakes = 1 AND tried_by IS NULL)))`)
    .pluck();
  const serials = db
    .prepare("UPDATE meta SET value = value + 1 WHERE key = 'serials' RETURNING value")
    .pluck();
  /** Higher than any that was given before, in this process or in one before it. */
  const nextSerial = () => serials.get() as number;

  const get = (device: Buffer) => read.get(device) as DeviceRow | undefined;

  /** Whether something pending wants a wakeup. Without a time, also what nobody has yet noted to be over. */
  const isWanted = (device: Buffer, nowMs = 0) => wants.get({ device, nowMs }) === 1;

  /** Applies an event to a device's wakeup. `undefined` when it changed nothing. */
  function apply(row: DeviceRow, event: WakeupEvent): Moved | undefined {
    const from = deviceWakeupOf(row);
    const made = step(from, event);
    if (!made) return undefined;
    // What was begun under the old number finds its wakeup replaced.
    const isAnother = renumbering.has(event.name) || isMade(from.state, made.to.state);
    const isBegun = event.name === 'begun';
    const now: DeviceWakeup = {
      ...from,
      ...made.to,
      // What came while nothing could be owed told no lane.
      lane: isBelieved(from.state) ? from.lane : 'prompt',
      serial: isAnother ? nextSerial() : from.serial,
      counter: isBegun ? Math.max(event.nowMs, from.counter + 1) : from.counter,
    };
    write.run({ ...columnsOf(now), device: row.device });
    const ended = made.outcome && endedOf(row, made.outcome, from);
    const late = made.isLate && lateOf(row);
    return { now, ...(ended ? { ended } : {}), ...(late ? { late } : {}) };
  }

  return {
    get,
    isWanted,
    apply,

    /** Applies what was reported, with what is pending now. */
    report(row: DeviceRow, event: WakeupReport): Moved | undefined {
      const { device } = row;
      if (event.name === 'unsent')
        return apply(row, { ...event, isWorthAnother: isWanted(device) });
      if (!isVerdict(event)) return apply(row, event);
      return apply(row, { ...event, isWorthAnother: isWanted(device, event.nowMs) });
    },

    /** What was just stored wants a wakeup. */
    owe(row: DeviceRow, put: Owing): Pick<PutOutcome, 'owed' | 'isOwedAnew'> {
      const { nowMs, dueMs, isUrgent } = put;
      const isFirst = row.state === 'resting';
      const lane = wakeupLanes.indexOf(put.lane);
      // What waits in bulk is prompt from the first one on that was sent alone.
      const before = { ...row, lane: isFirst ? lane : Math.min(lane, row.lane) };
      const moved = apply(before, { name: 'put', nowMs, dueMs, isUrgent });
      // What joins a wakeup that is owed already replaces it.
      const isOwedAnew = moved !== undefined && moved.ended === undefined;
      return { isOwedAnew, ...(moved ? { owed: moved.now } : {}) };
    },

    /** Keeps "owed exactly while something pending wants it" true after a removal. */
    settle(device: Buffer, by: 'settled' | 'released', nowMs?: number): EndedWakeup | undefined {
      const row = isWanted(device, nowMs) ? undefined : get(device);
      return row && apply(row, { name: by })?.ended;
    },
  };
}

export type WakeupRows = ReturnType<typeof createWakeupRows>;

interface Owing {
  nowMs: number;
  dueMs: number;
  isUrgent: boolean;
  lane: WakeupLane;
}

type Report<Name extends WakeupReport['name']> = Extract<WakeupReport, { name: Name }>;
type Verdict = Report<'passed' | 'refused' | 'sign'>;

function isVerdict(event: WakeupReport): event is Verdict {
  return event.name === 'passed' || event.name === 'refused' || event.name === 'sign';
}

const renumbering = new Set<WakeupEvent['name']>(['said', 'claimed', 'left', 'proved', 'begun']);

/** What was stored made this wakeup. One that serves something older, hastened or not, keeps its number. */
function isMade(from: WakeupState, to: WakeupState): boolean {
  return from === 'resting' && (to === 'gathering' || to === 'owed');
}

export function deviceWakeupOf(row: DeviceRow): DeviceWakeup {
  return {
    ...recordOf(row),
    device: deviceIdOf(row.device),
    address: addressOf(row),
    saidAtMs: row.said_at,
    isAuthenticated: row.authenticated === 1,
    counter: row.counter,
    lane: wakeupLanes[row.lane] ?? 'prompt',
    serial: row.serial,
  };
}

function recordOf(row: DeviceRow): WakeupRecord {
  return {
    state: row.state,
    attempts: row.attempts,
    dueMs: row.due_at ?? undefined,
    notBeforeMs: row.not_before ?? undefined,
    sentMs: row.sent_at ?? undefined,
    sinceMs: row.since_at ?? undefined,
    darkMs: row.dark_at ?? undefined,
    darkReason: (row.dark_reason as DarkReason | null) ?? undefined,
  };
}

function columnsOf(wakeup: DeviceWakeup) {
  const { state, serial, counter, attempts, dueMs, notBeforeMs } = wakeup;
  const { sentMs, sinceMs, darkMs, darkReason } = wakeup;
  return {
    ...{ state, serial, counter, attempts, lane: wakeupLanes.indexOf(wakeup.lane) },
    ...{
      dueMs: dueMs ?? null,
      notBeforeMs: notBeforeMs ?? null,
      sentMs: sentMs ?? null,
      sinceMs: sinceMs ?? null,
    },
    ...{ darkMs: darkMs ?? null, darkReason: darkReason ?? null },
  };
}

function endedOf(row: DeviceRow, outcome: EndedWakeup['outcome'], from: WakeupRecord): EndedWakeup {
  const { state, attempts, dueMs, sinceMs } = from;
  // One that is owed again has when the last one was sent.
  const sentMs = state === 'sending' || state === 'awaited' ? from.sentMs : undefined;
  return { network: row.network as NetworkKey, outcome, attempts, sentMs, dueMs, sinceMs };
}

function lateOf({ network, attempts, sent_at: sentMs }: DeviceRow): LateHello | undefined {
  if (sentMs === null) return undefined;
  return { network: network as NetworkKey, attempts, sentMs };
}

function addressOf(row: DeviceRow): WakeupAddress | undefined {
  const address = parseAddress(row.ip);
  if (!address || row.network === null || row.port === null) return undefined;
  return {
    network: row.network as NetworkKey,
    address,
    port: row.port,
    protocol: row.protocol as Protocol,
  };
}
