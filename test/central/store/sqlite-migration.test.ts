// A database of the first schema, and what becomes of its wakeups when a newer central opens it.
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bytesOfDevice, type DeviceId, newReceiptId } from '../../../central/protocol/ids.js';
import { openStore } from '../../../central/store/open.js';
import { openDatabase } from '../../../central/store/sqlite-database.js';
import { channel, sampleIds, sampleMs, wakeupAddress } from '../../support/central-samples.js';
import { attemptsMax, darkCounts, phrases } from './phrases.js';

const c1 = channel('c1');
const bornAtMs = sampleMs - 1_000_000;

const firstSchema = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE device (
    device BLOB PRIMARY KEY,
    synced INTEGER NOT NULL,
    network TEXT, ip TEXT, port INTEGER, protocol TEXT,
    said_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE channel (
    device BLOB NOT NULL,
    channel TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT -1,
    acked INTEGER NOT NULL DEFAULT -1,
    PRIMARY KEY (device, channel)
  ) WITHOUT ROWID;
  CREATE TABLE wakeup (
    device BLOB PRIMARY KEY,
    serial INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,
    sent_at INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX wakeup_due ON wakeup (due_at) WHERE due_at IS NOT NULL;
  PRAGMA user_version = 1;
`;

interface OldDevice {
  ip?: string;
  version?: number;
  wakeup?: { serial: number; attempts: number; dueAt: number | null; sentAt: number | null };
}

/** A file as an older central left it. */
function writeOldDatabase(path: string, devices: OldDevice[]): DeviceId[] {
  const db = openDatabase(path);
  db.exec(`PRAGMA journal_mode = WAL; ${firstSchema}`);
  db.prepare("INSERT INTO meta VALUES ('born_at', ?)").run(bornAtMs);
  const addDevice = db.prepare('INSERT INTO device VALUES (?, 1, ?, ?, ?, ?, ?)');
  const addChannel = db.prepare('INSERT INTO channel VALUES (?, ?, ?, -1)');
  const addWakeup = db.prepare('INSERT INTO wakeup VALUES (?, ?, ?, ?, ?)');
  const ids = devices.map(({ ip, version, wakeup }) => {
    const device = sampleIds.newDevice();
    const bytes = bytesOfDevice(device);
    const place = ip === undefined ? [null, null, null, null] : ['214-07', ip, 8080, 'udp'];
    addDevice.run(bytes, ...place, sampleMs);
    addChannel.run(bytes, c1, version ?? -1);
    if (wakeup) {
      addWakeup.run(bytes, wakeup.serial, wakeup.attempts, wakeup.dueAt, wakeup.sentAt);
    }
    return device;
  });
  db.close();
  return ids;
}

/** Opens such a file with the present program. */
async function upgrade(t: Test, devices: OldDevice[]) {
  const path = join(t.testdir(), 'central.db');
  const ids = writeOldDatabase(path, devices);
  const store = await openStore({ path, nowMs: sampleMs + 5, queueMax: 100 });
  t.teardown(() => store.close());
  return { store, path, ids, ...phrases(store) };
}

const dueAt = sampleMs + 100;

t.test('a wakeup that was owed is owed, one that was sent is awaited', async (t) => {
  const { store, ids, due, move, hello } = await upgrade(t, [
    { ip: '10.0.0.1', version: 1, wakeup: { serial: 7, attempts: 2, dueAt, sentAt: null } },
    { ip: '10.0.0.2', version: 1, wakeup: { serial: 9, attempts: 3, dueAt, sentAt: sampleMs } },
  ]);
  const [owed, awaited] = ids;
  if (!owed || !awaited) return t.fail('no devices');
  const old = { saidAtMs: sampleMs, dueMs: dueAt, isAuthenticated: false, lane: 'prompt' };
  t.match(await store.wakeupOf(owed), {
    ...{ state: 'owed', serial: 7, attempts: 2, ...old, address: wakeupAddress('10.0.0.1') },
  });
  t.match(await store.wakeupOf(awaited), {
    ...{ state: 'awaited', serial: 9, attempts: 3, ...old, address: wakeupAddress('10.0.0.2') },
    sentMs: sampleMs,
  });
  t.same(await due('owed'), [owed]);
  t.same(await due('sent'), [awaited]);
  const begun = await move(owed, { name: 'begun', nowMs: sampleMs, dueMs: dueAt });
  t.match(begun?.now, { attempts: 3 });
  t.ok((begun?.now.serial ?? 0) > 9);
  const answered = await hello(awaited, { address: wakeupAddress('10.0.0.2') });
  t.match(answered.ended, { outcome: 'success', attempts: 3 });
});

t.test(
  'a wakeup that was given up makes its device a dark one, and keeps its version',
  async (t) => {
    const { store, ids, due, pending } = await upgrade(t, [
      { ip: '10.0.0.1', version: 4, wakeup: { serial: 1, attempts: 5, dueAt: null, sentAt: null } },
      { ip: '10.0.0.2', version: 4, wakeup: { serial: 2, attempts: 5, dueAt: null, sentAt: 1 } },
    ]);
    for (const device of ids) {
      const wakeup = await store.wakeupOf(device);
      t.match(wakeup, { state: 'dark', attempts: 0, darkMs: sampleMs, darkReason: 'unconfirmed' });
      t.same([wakeup?.dueMs, wakeup?.sentMs], [undefined, undefined]);
      t.same(await pending(device), { c1: 4 });
    }
    t.same([...(await due('owed')), ...(await due('sent'))], []);
    const reason = 'unconfirmed';
    const dark = { network: '214-07', darkMs: sampleMs, reason, pending: 1 };
    const listed = await store.darkDevices(10);
    t.same(new Set(listed.map(({ device }) => device)), new Set(ids));
    t.match(listed, [dark, dark]);
    t.same(await darkCounts(store), [{ network: '214-07', count: 2 }]);
  },
);

t.test('every other address is believed as it was', async (t) => {
  const { store, ids, put, hello } = await upgrade(t, [{ ip: '10.0.0.1', version: 3 }, {}]);
  const [resting, none] = ids;
  if (!resting || !none) return t.fail('no devices');
  const address = wakeupAddress('10.0.0.1');
  t.match(await store.wakeupOf(resting), { state: 'resting', attempts: 0, address });
  t.same(await store.leasesOver(sampleMs, 10), []);
  t.match(await store.leasesOver(sampleMs + 1, 10), [{ device: resting }]);
  t.match(await put(resting, c1, 5), { isOwedAnew: true, owed: { state: 'owed' } });
  t.match(await store.wakeupOf(none), { state: 'none', address: undefined });
  t.same(await put(none, c1, 1), { outcome: 'stored', isOwedAnew: false });
  t.match(await hello(resting, { address, trust: 'prove' }), { now: { state: 'claimed' } });
});

t.test(
  'of several that said one address all are believed, until one of them says it again',
  async (t) => {
    const { store, ids, hello, stateOf } = await upgrade(t, [
      ...[{ ip: '10.0.0.1' }, { ip: '10.0.0.1' }, { ip: '10.0.0.1' }],
    ]);
    const [first, ...others] = ids;
    if (!first) return t.fail('no devices');
    for (const device of ids) t.equal(await stateOf(device), 'resting');
    const { losers } = await hello(first, { address: wakeupAddress('10.0.0.1') });
    t.same(new Set(losers.map(({ now }) => now.device)), new Set(others));
    t.equal((await darkCounts(store))[0]?.count, 2);
  },
);

t.test('every device takes versions and texts, and its channels belong to nobody', async (t) => {
  const { store, ids, pending, send, due } = await upgrade(t, [{ ip: '10.0.0.1', version: 3 }]);
  const [device] = ids;
  if (!device) return t.fail('no device');
  t.same(await store.pendingMessages(device, { nowMs: sampleMs, limit: 10 }), []);
  t.match(await send(device, c1, { kind: 'push' }), { outcome: 'wrong-kind' });
  const text = await send(device, c1, { kind: 'text', key: 'anybody', receipt: newReceiptId() });
  t.match(text, { outcome: 'stored', owed: { state: 'gathering' } });
  t.same(await due('owed'), [device]);
  t.equal(await store.cancelMessage(device, text.id, sampleMs), 'cancelled');
  t.match(await store.counts(), { messages: 0 });
  t.same(await pending(device), { c1: 3 });
});

t.test('how many there are of what is known from then on', async (t) => {
  const wakeup = { serial: 7, attempts: 2, sentAt: null };
  const { store } = await upgrade(t, [
    { ip: '10.0.0.1', version: 1, wakeup: { ...wakeup, dueAt } },
    { ip: '10.0.0.2', version: 1, wakeup: { ...wakeup, dueAt: null } },
    {},
  ]);
  t.same(await store.counts(), { devices: 3, channels: 3, pending: 2, messages: 0 });
  t.same(await store.wakeupCounts(), [
    { network: '214-07', state: 'dark', count: 1 },
    { network: '214-07', state: 'owed', count: 1 },
  ]);
});

t.test('it is done once, and the database is as old as before', async (t) => {
  const { store, path, ids, miss } = await upgrade(t, [
    { ip: '10.0.0.1', version: 1, wakeup: { serial: 7, attempts: 0, dueAt, sentAt: null } },
  ]);
  const [device] = ids;
  if (!device) return t.fail('no device');
  t.equal(store.bornAtMs, bornAtMs);
  for (let i = 0; i < attemptsMax; i++) await miss(device);
  const before = await store.wakeupOf(device);
  t.match(before, { state: 'dark' });
  await store.close();
  const again = await openStore({ path, nowMs: sampleMs, queueMax: 100 });
  t.teardown(() => again.close());
  t.same(await again.wakeupOf(device), before);
  t.equal(again.bornAtMs, bornAtMs);
});
