// The store's methods as SQL, on a connection that someone else opened and whose transactions someone else makes. Here
// are devices, their addresses and their channels; wakeups and messages have files of their own.

import { bytesOfDevice, type ChannelId, deviceIdOf } from '../protocol/ids.js';
import type { Update, WakeupAddress } from '../protocol/messages.js';
import { isBelieved, type WakeupEvent } from '../wakeup/states.js';
import type { Database } from './sqlite-database.js';
import { createMessageActs } from './sqlite-message-acts.js';
import { createMessageRows } from './sqlite-messages.js';
import { createWakeupActs } from './sqlite-wakeup-acts.js';
import { createWakeupRows, type DeviceRow, deviceWakeupOf } from './sqlite-wakeups.js';
import type { HelloRecord, Moved, PutRecord, Store, StoreCounts } from './store.js';

type Methods = Omit<Store, 'bornAtMs' | 'problem' | 'close'>;

/** The store's methods, each synchronous and taking its arguments as a list. */
export type SqliteEngine = {
  [Name in keyof Methods]: (
    ...args: Parameters<Methods[Name]>
  ) => Awaited<ReturnType<Methods[Name]>>;
};

export function createSqliteEngine(db: Database): SqliteEngine {
  const sql = prepareStatements(db);
  const wakeups = createWakeupRows(db);
  const messages = createMessageRows(db);

  function remove(device: Buffer, channel: ChannelId, nowMs: number): void {
    sql.unregister.run(device, channel);
    messages.endAll(device, { channel }, 'unregistered', nowMs);
  }

  function synchronise(device: Buffer, channels: readonly ChannelId[], nowMs: number) {
    const wanted = new Set<string>(channels);
    const known = sql.channels.all(device) as ChannelId[];
    const gone = known.filter((channel) => !wanted.delete(channel));
    for (const channel of gone) remove(device, channel, nowMs);
    for (const channel of wanted) sql.register.run(device, channel);
  }

  /** Other devices at this address: those that are believed to be there, or others that said so. */
  function othersAt(
    { network, address, port }: WakeupAddress,
    device: Buffer,
    who: 'holdersAt' | 'claimantsAt',
  ): DeviceRow[] {
    return sql[who].all(network, address.text, port, device) as DeviceRow[];
  }

  /** The address is another device's now: theirs is forgotten. */
  function takeFrom(others: readonly DeviceRow[], nowMs: number): Moved[] {
    return others.flatMap((other) => {
      const moved = wakeups.apply(other, { name: 'taken', nowMs });
      sql.forgetAddress.run(other.device);
      return moved ?? [];
    });
  }

  function rowOf(device: Buffer): DeviceRow {
    const row = wakeups.get(device);
    if (!row) throw new Error('a row that was just written is not there');
    return row;
  }

  /** Why a hello is not taken. */
  function refusalOf(record: HelloRecord, before: DeviceRow | undefined) {
    if (new Set(record.channels).size > record.channelsMax) return 'too-many-channels';
    return record.mustBeKnown && !before?.synced ? 'stranger' : undefined;
  }

  /** `key`: of the channel, as `keyOf` tells it. */
  function whyNotRaised(key: string | null | undefined, row: DeviceRow | undefined) {
    if (key === undefined) return row?.synced ? 'unknown-channel' : 'unknown-device';
    return key === null ? 'stale' : 'belongs-to-key';
  }

  const keyOf = (device: Buffer, channel: string) =>
    sql.keyOf.get(device, channel) as string | null | undefined;

  return {
    ...createMessageActs({ messages, wakeups, keyOf }),
    ...createWakeupActs(db, { messages, wakeups }),

    hello(record) {
      const device = bytesOfDevice(record.device);
      const before = wakeups.get(device);
      const refusal = refusalOf(record, before);
      if (refusal) return { outcome: refusal, losers: [] };
      // However many claim an address, one has it; only a proof looks at the others.
      const holders = record.address ? othersAt(record.address, device, 'holdersAt') : [];
      const claim = judge(record, before, holders);
      const { nowMs, wakeupDueMs: dueMs, takes } = record;
      if (record.channels) synchronise(device, record.channels, nowMs);
      if (!before) sql.addDevice.run(device, nowMs);
      // What is pending is read by it below; hardly any device changes it.
      if (before?.takes !== takes) sql.setTakes.run(takes, device);
      const known = { nowMs, dueMs, isPending: wakeups.isWanted(device, nowMs) };
      const moved = wakeups.apply(before ?? rowOf(device), { name: claim.event, ...known });
      sql.saveHello.run({ device, ...helloColumns(record, claim) });
      const now = deviceWakeupOf(rowOf(device));
      const losers = isBelieved(now.state) ? takeFrom(holders, nowMs) : [];
      return { ...moved, outcome: 'known', now, losers };
    },

    prove({ device: id, address, isNonce, nowMs, wakeupDueMs: dueMs }) {
      const device = bytesOfDevice(id);
      const row = wakeups.get(device);
      if (!row || !isAt(row, address)) return { losers: [] };
      const holders = othersAt(address, device, 'holdersAt');
      const others = isNonce ? [...holders, ...othersAt(address, device, 'claimantsAt')] : holders;
      if (!isNonce && others.some(({ proven }) => proven === 1)) return { losers: [] };
      const isPending = wakeups.isWanted(device, nowMs);
      const event: WakeupEvent = { name: 'proved', nowMs, dueMs, isPending };
      const moved = wakeups.apply(row, event);
      if (!moved) return { losers: [] };
      sql.setProven.run(Number(isNonce), nowMs, device);
      return { ...moved, losers: takeFrom(others, nowMs) };
    },

    register(id, channel, channelsMax, key) {
      const device = bytesOfDevice(id);
      const isKnown = sql.isChannel.get(device, channel) === 1;
      if (!isKnown && (sql.channelCount.get(device) as number) >= channelsMax) {
        return 'too-many-channels';
      }
      sql.register.run(device, channel);
      // Who speaks Simple Push cannot name a key, and its app servers cannot sign.
      const keepsKey = key === undefined && wakeups.get(device)?.takes === 'push';
      if (!keepsKey) sql.setKey.run(key ?? null, device, channel);
      return 'registered';
    },

    unregister(id, channel, nowMs) {
      const device = bytesOfDevice(id);
      remove(device, channel, nowMs);
      return wakeups.settle(device, 'settled');
    },

    put(record: PutRecord) {
      const device = bytesOfDevice(record.device);
      const raised = sql.raiseVersion.run(record.version, device, record.channel, record.version);
      const row = wakeups.get(device);
      if (raised.changes === 0) {
        return { outcome: whyNotRaised(keyOf(device, record.channel), row), isOwedAnew: false };
      }
      if (!row) return { outcome: 'stored', isOwedAnew: false };
      const { nowMs, wakeupDueMs: dueMs, lane } = record;
      return { outcome: 'stored', ...wakeups.owe(row, { nowMs, dueMs, lane, isUrgent: true }) };
    },

    ack(id, updates) {
      const device = bytesOfDevice(id);
      for (const { channel, version } of updates) {
        sql.raiseAcked.run({ device, channel, version });
      }
      return wakeups.settle(device, 'settled');
    },

    pending(id) {
      return sql.pending.all(bytesOfDevice(id)) as Update[];
    },

    leasesOver(saidBeforeMs, limit) {
      return (sql.leasesOver.all(saidBeforeMs, limit) as DeviceRow[]).map(deviceWakeupOf);
    },

    renewAddress(id, nowMs) {
      sql.renewAddress.run(nowMs, bytesOfDevice(id));
    },

    vacantDevices({ after, saidBeforeMs, limit }) {
      const from = after ? bytesOfDevice(after) : Buffer.alloc(0);
      const rows = sql.vacantDevices.all(saidBeforeMs, from, limit) as Vacancy[];
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        vacant: rows.flatMap(({ device, is_vacant }) => (is_vacant ? [deviceIdOf(device)] : [])),
        next: last && deviceIdOf(last.device),
      };
    },

    forgetDevice(device, saidBeforeMs) {
      return sql.forgetDevice.run(bytesOfDevice(device), saidBeforeMs).changes === 1;
    },

    counts() {
      return Object.fromEntries(sql.counts.all() as [string, number][]) as unknown as StoreCounts;
    },
  };
}

/** What a hello says of the device's address. */
interface Claim {
  event: 'said' | 'claimed' | 'left' | 'proved';
  address: WakeupAddress | undefined;
  isProven: boolean;
}

function judge(
  record: HelloRecord,
  before: DeviceRow | undefined,
  holders: readonly DeviceRow[],
): Claim {
  const { address, trust } = record;
  if (!address) return { event: 'left', address, isProven: false };
  const isSame = before !== undefined && isAt(before, address);
  const isProven = isSame && before.proven === 1;
  if (isProven) return { event: 'said', address, isProven };
  if (trust === 'prove') return { event: 'claimed', address, isProven };
  // Who cannot prove anything takes nothing from a device that has.
  if (holders.some(({ proven }) => proven === 1)) {
    return { event: 'left', address: undefined, isProven };
  }
  const isForgiven =
    before?.state === 'probation' && (before.dark_at ?? 0) <= record.forgiveBeforeMs;
  return { event: isForgiven ? 'proved' : 'said', address, isProven };
}

function isAt(row: DeviceRow, { network, address, port, protocol }: WakeupAddress): boolean {
  const isSamePlace = row.network === network && row.ip === address.text && row.port === port;
  return isSamePlace && row.protocol === protocol;
}

function helloColumns(record: HelloRecord, claim: Claim) {
  const { channels, isNew, nowMs, isAuthenticated } = record;
  const { address, isProven } = claim;
  return {
    synced: isNew || channels !== undefined ? 1 : 0,
    network: address?.network ?? null,
    ip: address?.address.text ?? null,
    port: address?.port ?? null,
    protocol: address?.protocol ?? null,
    nowMs,
    authenticated: Number(isAuthenticated),
    proven: Number(isProven),
  };
}

/**
 * Devices that lose an address at once without ever having had it. Many may say the same one, such as that of an
 * emulator; of others the claim stays, and they have to prove it as before.
 */
const claimantsMax = 100;

interface Vacancy {
  device: Buffer;
  is_vacant: 0 | 1;
}

const vacant = `said_at < ? AND state IN ('none', 'claimed', 'probation', 'resting', 'dark')
  AND NOT EXISTS (SELECT 1 FROM channel WHERE channel.device = device.device)`;
const atAddress = 'network = ? AND ip = ? AND port = ?';
// In the words of the index: SQLite takes a partial one only where a query repeats its condition.
const believed = "state IN ('resting', 'gathering', 'owed', 'sending', 'awaited')";

function prepareStatements(db: Database) {
  return {
    addDevice: db.prepare('INSERT INTO device (device, synced, said_at) VALUES (?, 0, ?)'),
    setTakes: db.prepare('UPDATE device SET takes = ? WHERE device = ?'),
    // A device stays synchronised once it was; only one that this database never met is not. Two counters pass
    // with a hello: what the device is told, and one for a wakeup on probation.
    saveHello: db.prepare(`
      UPDATE device SET synced = max(synced, @synced), network = @network, ip = @ip, port = @port,
        protocol = @protocol, said_at = @nowMs, authenticated = @authenticated,
        proven = @proven, counter = max(counter + 1, @nowMs) + 1
      WHERE device = @device`),
    setProven: db.prepare('UPDATE device SET proven = ?, said_at = ? WHERE device = ?'),
    holdersAt: db.prepare(
      `SELECT * FROM device WHERE ${atAddress} AND device <> ? AND ${believed}`,
    ),
    claimantsAt: db.prepare(
      `SELECT * FROM device WHERE ${atAddress} AND device <> ? AND NOT ${believed} LIMIT ${claimantsMax}`,
    ),
    // The network stays, for whoever counts the dark ones of each.
    forgetAddress: db.prepare(
      'UPDATE device SET ip = NULL, port = NULL, protocol = NULL, proven = 0 WHERE device = ?',
    ),
    renewAddress: db.prepare(`UPDATE device SET said_at = ? WHERE device = ? AND ${believed}`),
    channels: db.prepare('SELECT channel FROM channel WHERE device = ?').pluck(),
    channelCount: db.prepare('SELECT count(*) FROM channel WHERE device = ?').pluck(),
    keyOf: db.prepare('SELECT key FROM channel WHERE device = ? AND channel = ?').pluck(),
    setKey: db.prepare('UPDATE channel SET key = ? WHERE device = ? AND channel = ?'),
    isChannel: db.prepare('SELECT 1 FROM channel WHERE device = ? AND channel = ?').pluck(),
    register: db.prepare('INSERT OR IGNORE INTO channel (device, channel) VALUES (?, ?)'),
    unregister: db.prepare('DELETE FROM channel WHERE device = ? AND channel = ?'),
    raiseVersion: db.prepare(
      'UPDATE channel SET version = ? WHERE device = ? AND channel = ? AND version < ? AND key IS NULL',
    ),
    raiseAcked: db.prepare(`
      UPDATE channel SET acked = max(acked, min(version, @version))
      WHERE device = @device AND channel = @channel`),
    pending: db.prepare(
      'SELECT channel, version FROM channel WHERE device = ? AND version > acked',
    ),
    leasesOver: db.prepare(
      `SELECT * FROM device WHERE ${believed} AND said_at < ? ORDER BY said_at LIMIT ?`,
    ),
    vacantDevices: db.prepare(
      `SELECT device, (${vacant}) AS is_vacant FROM device WHERE device > ? ORDER BY device LIMIT ?`,
    ),
    forgetDevice: db.prepare(`DELETE FROM device WHERE device = ? AND ${vacant}`),
    counts: db.prepare("SELECT what, count FROM tally WHERE network = ''").raw(),
  };
}
