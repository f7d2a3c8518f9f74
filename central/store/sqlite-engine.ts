// The store's methods as SQL, on a connection that someone else opened and whose transactions someone else makes.
import type { Database } from 'better-sqlite3';
import { parseAddress } from '../../shared/address.js';
import type { NetworkKey } from '../../shared/network.js';
import type { Protocol } from '../../shared/wakeup/request.js';
import { bytesOfDevice, type ChannelId, deviceIdOf } from '../protocol/ids.js';
import type { Update, WakeupAddress } from '../protocol/messages.js';
import type { HelloOutcome, HelloRecord, OwedWakeup, PutRecord, Store } from './store.js';

type Methods = Omit<Store, 'bornAtMs' | 'problem' | 'close'>;

/** The store's methods, each synchronous and taking its arguments as a list. */
export type SqliteEngine = {
  [Name in keyof Methods]: (
    ...args: Parameters<Methods[Name]>
  ) => Awaited<ReturnType<Methods[Name]>>;
};

interface AddressRow {
  network: string | null;
  ip: string | null;
  port: number | null;
  protocol: string | null;
  said_at: number;
}

interface WakeupRow extends AddressRow {
  device: Buffer;
  serial: number;
  attempts: number;
  sent_at: number | null;
}

export function createSqliteEngine(db: Database): SqliteEngine {
  const sql = prepareStatements(db);
  let serial = sql.maxSerial.get() as number;

  function owe(device: Buffer, dueMs: number): void {
    serial += 1;
    sql.owe.run({ device, serial, dueMs });
  }

  function synchronise(device: Buffer, channels: readonly ChannelId[]) {
    const wanted = new Set<string>(channels);
    const known = sql.channels.all(device) as string[];
    const gone = known.filter((channel) => !wanted.delete(channel));
    for (const channel of gone) sql.unregister.run(device, channel);
    for (const channel of wanted) sql.register.run(device, channel);
    return { channelsAdded: wanted.size, channelsRemoved: gone.length };
  }

  /** Keeps "owed exactly while something is pending for a device with an address" true after a removal. */
  function settle(device: Buffer): void {
    if (sql.hasPending.get(device) === 0) sql.unowe.run(device);
  }

  return {
    hello(record: HelloRecord) {
      const device = bytesOfDevice(record.device);
      const none = { channelsAdded: 0, channelsRemoved: 0 };
      if (new Set(record.channels).size > record.channelsMax) {
        return { outcome: 'too-many-channels', ...none };
      }
      const answered = answeredBy(sql.owed.get(device) as WakeupRow | undefined);
      sql.saveDevice.run({ device, ...addressColumns(record) });
      const changed = record.channels ? synchronise(device, record.channels) : none;
      sql.unowe.run(device);
      if (record.address && sql.hasPending.get(device) === 1) owe(device, record.wakeupDueMs);
      return { outcome: 'known', ...changed, ...(answered ? { answered } : {}) };
    },

    register(id, channel, channelsMax) {
      const device = bytesOfDevice(id);
      const isKnown = sql.isChannel.get(device, channel) === 1;
      if (!isKnown && (sql.channelCount.get(device) as number) >= channelsMax) {
        return 'too-many-channels';
      }
      sql.register.run(device, channel);
      return 'registered';
    },

    unregister(id, channel) {
      const device = bytesOfDevice(id);
      sql.unregister.run(device, channel);
      settle(device);
    },

    put(record: PutRecord) {
      const device = bytesOfDevice(record.device);
      const raised = sql.raiseVersion.run(record.version, device, record.channel, record.version);
      if (raised.changes === 0) {
        if (sql.isChannel.get(device, record.channel) === 1) {
          return { outcome: 'stale', isOwedAnew: false };
        }
        const isSynced = sql.isSynced.get(device) === 1;
        return { outcome: isSynced ? 'unknown-channel' : 'unknown-device', isOwedAnew: false };
      }
      const made = sql.oweUnlessOwed.run({ device, serial: serial + 1, dueMs: record.wakeupDueMs });
      serial += made.changes;
      const [owed] = (sql.owed.all(device) as WakeupRow[]).flatMap(owedOf);
      return { outcome: 'stored', isOwedAnew: made.changes === 1, ...(owed ? { owed } : {}) };
    },

    ack(id, updates) {
      const device = bytesOfDevice(id);
      for (const { channel, version } of updates) {
        sql.raiseAcked.run({ device, channel, version });
      }
      settle(device);
    },

    pending(id) {
      return sql.pending.all(bytesOfDevice(id)) as Update[];
    },

    dueWakeups(nowMs, limit) {
      return (sql.dueWakeups.all(nowMs, limit) as WakeupRow[]).flatMap(owedOf);
    },

    planWakeup({ device, serial, attempts, dueMs, sentAtMs }) {
      sql.planWakeup.run({
        device: bytesOfDevice(device),
        serial,
        attempts,
        dueMs: dueMs ?? null,
        sentAtMs: sentAtMs ?? null,
      });
    },

    renewAddress(id, nowMs) {
      sql.renewAddress.run(nowMs, bytesOfDevice(id));
    },

    addressOf(id) {
      const row = sql.address.get(bytesOfDevice(id)) as AddressRow | undefined;
      const address = row && addressOf(row);
      return address ? { address, saidAtMs: row.said_at } : undefined;
    },

    counts() {
      return sql.counts.get() as ReturnType<SqliteEngine['counts']>;
    },
  };
}

const owedWakeups = `
  SELECT w.device, w.serial, w.attempts, w.sent_at, d.network, d.ip, d.port, d.protocol, d.said_at
  FROM wakeup w JOIN device d ON d.device = w.device`;

function prepareStatements(db: Database) {
  return {
    maxSerial: db.prepare('SELECT coalesce(max(serial), 0) FROM wakeup').pluck(),
    // A device stays synchronised once it was; only one that this database never met is not.
    saveDevice: db.prepare(`
      INSERT INTO device (device, synced, network, ip, port, protocol, said_at)
      VALUES (@device, @synced, @network, @ip, @port, @protocol, @nowMs)
      ON CONFLICT (device) DO UPDATE SET synced = max(synced, excluded.synced),
        network = excluded.network, ip = excluded.ip, port = excluded.port,
        protocol = excluded.protocol, said_at = excluded.said_at`),
    isSynced: db.prepare('SELECT synced FROM device WHERE device = ?').pluck(),
    address: db.prepare('SELECT network, ip, port, protocol, said_at FROM device WHERE device = ?'),
    renewAddress: db.prepare(
      'UPDATE device SET said_at = ? WHERE device = ? AND network IS NOT NULL',
    ),
    channels: db.prepare('SELECT channel FROM channel WHERE device = ?').pluck(),
    channelCount: db.prepare('SELECT count(*) FROM channel WHERE device = ?').pluck(),
    isChannel: db.prepare('SELECT 1 FROM channel WHERE device = ? AND channel = ?').pluck(),
    register: db.prepare('INSERT OR IGNORE INTO channel (device, channel) VALUES (?, ?)'),
    unregister: db.prepare('DELETE FROM channel WHERE device = ? AND channel = ?'),
    raiseVersion: db.prepare(
      'UPDATE channel SET version = ? WHERE device = ? AND channel = ? AND version < ?',
    ),
    raiseAcked: db.prepare(`
      UPDATE channel SET acked = max(acked, min(version, @version))
      WHERE device = @device AND channel = @channel`),
    pending: db.prepare(
      'SELECT channel, version FROM channel WHERE device = ? AND version > acked',
    ),
    hasPending: db
      .prepare('SELECT EXISTS (SELECT 1 FROM channel WHERE device = ? AND version > acked)')
      .pluck(),
    owe: db.prepare(
      'INSERT OR REPLACE INTO wakeup (device, serial, due_at) VALUES (@device, @serial, @dueMs)',
    ),
    // Only a device that was promised to be woken is owed anything.
    oweUnlessOwed: db.prepare(`
      INSERT OR IGNORE INTO wakeup (device, serial, due_at)
      SELECT device, @serial, @dueMs FROM device WHERE device = @device AND network IS NOT NULL`),
    unowe: db.prepare('DELETE FROM wakeup WHERE device = ?'),
    owed: db.prepare(`${owedWakeups} WHERE w.device = ?`),
    dueWakeups: db.prepare(`${owedWakeups} WHERE w.due_at <= ? ORDER BY w.due_at LIMIT ?`),
    planWakeup: db.prepare(`
      UPDATE wakeup SET attempts = @attempts, due_at = @dueMs, sent_at = @sentAtMs
      WHERE device = @device AND serial = @serial`),
    counts: db.prepare(`
      SELECT (SELECT count(*) FROM device) AS devices, (SELECT count(*) FROM channel) AS channels,
        (SELECT count(*) FROM channel WHERE version > acked) AS pending,
        (SELECT count(*) FROM wakeup) AS owedWakeups`),
  };
}

function addressColumns({ address, channels, isNew, nowMs }: HelloRecord) {
  return {
    synced: isNew || channels !== undefined ? 1 : 0,
    network: address?.network ?? null,
    ip: address?.address.text ?? null,
    port: address?.port ?? null,
    protocol: address?.protocol ?? null,
    nowMs,
  };
}

/** The wakeup whose reconnect is awaited. */
function answeredBy(row: WakeupRow | undefined): HelloOutcome['answered'] {
  if (!row || row.sent_at === null) return undefined;
  return { network: row.network as NetworkKey, sentAtMs: row.sent_at };
}

function owedOf(row: WakeupRow): OwedWakeup[] {
  const address = addressOf(row);
  if (!address) return [];
  const { said_at: saidAtMs, attempts, serial } = row;
  const isAwaited = row.sent_at !== null;
  return [{ device: deviceIdOf(row.device), address, saidAtMs, attempts, serial, isAwaited }];
}

function addressOf(row: AddressRow): WakeupAddress | undefined {
  const address = parseAddress(row.ip);
  if (!address || row.network === null || row.port === null) return undefined;
  return {
    network: row.network as NetworkKey,
    address,
    port: row.port,
    protocol: row.protocol as Protocol,
  };
}
