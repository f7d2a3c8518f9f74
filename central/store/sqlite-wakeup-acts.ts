// The store's methods that are about wakeups: what an event makes of one, what is due, and who is dark.
import type { NetworkKey } from '../../shared/network.js';
import { bytesOfDevice, deviceIdOf } from '../protocol/ids.js';
import type { DarkReason, WakeupReport } from '../wakeup/states.js';
import type { Database } from './sqlite-database.js';
import type { SqliteEngine } from './sqlite-engine.js';
import type { MessageRows } from './sqlite-messages.js';
import { type DeviceRow, deviceWakeupOf, type WakeupRows } from './sqlite-wakeups.js';
import { type Moved, type WakeupCount, wakeupLanes } from './store.js';

type Acts = Pick<
  SqliteEngine,
  'wakeupOf' | 'move' | 'extendWindows' | 'dueWakeups' | 'darkDevices' | 'wakeupCounts'
>;

export function createWakeupActs(
  db: Database,
  { messages, wakeups }: { messages: MessageRows; wakeups: WakeupRows },
): Acts {
  const sql = prepareStatements(db);

  /** Lane by lane: what is not due in the first is not read on the way to the second. */
  function owed(network: NetworkKey, nowMs: number, limit: number): unknown[] {
    const prompt = sql.owed.all(network, wakeupLanes.indexOf('prompt'), nowMs, limit);
    const rest = limit - prompt.length;
    return [...prompt, ...sql.owed.all(network, wakeupLanes.indexOf('bulk'), nowMs, rest)];
  }

  /** Applies what was reported, and notes in the device's messages what its wakeup has come to. */
  function report(row: DeviceRow, event: WakeupReport): Moved | undefined {
    const { device, serial, state, sent_at: begunMs } = row;
    // Messages that want one wakeup want it still where nobody knows that it left: before it is asked what another one
    // is worth. After a crash, too, so that none is lost by it.
    const isUnsent = state === 'sending' && (event.name === 'unsent' || event.name === 'passed');
    if (isUnsent) messages.noteUnsent(device, serial);
    const moved = wakeups.report(row, event);
    if (moved && event.name === 'begun') messages.noteBegun(device, moved.now.serial);
    if (moved && event.name === 'triggered' && begunMs !== null) {
      messages.noteWoken(device, begunMs);
    }
    return moved;
  }

  return {
    wakeupOf(id) {
      const row = wakeups.get(bytesOfDevice(id));
      return row && deviceWakeupOf(row);
    },

    move({ device, serial, event }) {
      const row = wakeups.get(bytesOfDevice(device));
      if (row?.serial !== serial) return undefined;
      if (event.name !== 'begun') return report(row, event);
      const { nowMs } = event;
      // What waited longer than its time is not worth a page.
      if (!wakeups.isWanted(row.device, nowMs)) {
        wakeups.apply(row, { name: 'released' });
        return undefined;
      }
      const moved = report(row, event);
      return moved && { ...moved, isUrgent: messages.isUrgent(row.device, nowMs) };
    },

    extendWindows(query) {
      return sql.extendWindows.run(query).changes;
    },

    dueWakeups({ network, phase, nowMs, limit }) {
      const rows =
        phase === 'owed' ? owed(network, nowMs, limit) : sql.sent.all(network, nowMs, limit);
      return (rows as DeviceRow[]).map(deviceWakeupOf);
    },

    darkDevices(limit) {
      const rows = sql.darkDevices.all(limit) as (DeviceRow & { pending: number })[];
      return rows.map(({ device, network, dark_at, dark_reason, pending }) => ({
        device: deviceIdOf(device),
        network: network as NetworkKey,
        darkMs: dark_at ?? 0,
        reason: dark_reason as DarkReason,
        pending,
      }));
    },

    wakeupCounts() {
      return sql.wakeupCounts.all() as WakeupCount[];
    },
  };
}

// In the words of the index: SQLite takes a partial one only where a query repeats its condition.
const toBeSent = "state IN ('gathering', 'owed')";
const underWay = "state IN ('sending', 'awaited')";

function prepareStatements(db: Database) {
  return {
    owed: db.prepare(`
      SELECT * FROM device WHERE ${toBeSent} AND network = ? AND lane = ? AND due_at <= ?
      ORDER BY due_at LIMIT ?`),
    sent: db.prepare(`
      SELECT * FROM device WHERE ${underWay} AND network = ? AND due_at <= ?
      ORDER BY due_at LIMIT ?`),
    extendWindows: db.prepare(`
      UPDATE device SET due_at = @untilMs WHERE device IN (
        SELECT device FROM device WHERE ${underWay} AND network = @network AND due_at < @untilMs
        ORDER BY due_at LIMIT @limit)`),
    darkDevices: db.prepare(`
      SELECT *, (SELECT count(*) FROM channel c
        WHERE c.device = device.device AND version > acked) + (SELECT count(*) FROM message m
        WHERE m.device = device.device AND ended_at IS NULL) AS pending
      FROM device WHERE state = 'dark' ORDER BY dark_at LIMIT ?`),
    wakeupCounts: db.prepare(
      "SELECT what AS state, network, count FROM tally WHERE network <> '' AND count > 0",
    ),
  };
}
