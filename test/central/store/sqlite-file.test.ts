// SQLite as central uses it: one file for one process, that outlives both and fails without taking them along.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { type MessageId, newMessageId, newReceiptId } from '../../../central/protocol/ids.js';
import { openStore } from '../../../central/store/open.js';
import { type Database, openDatabase } from '../../../central/store/sqlite-database.js';
import type { Store } from '../../../central/store/store.js';
import { channel, helloRecord, sampleIds, sampleMs } from '../../support/central-samples.js';
import { messageOf, storeChannel, storeDevice } from '../../support/central-store-process.js';
import { anyAddress, meet, phrases, windowMs } from './phrases.js';

const c1 = channel('c1');
const program = fileURLToPath(new URL('../../support/central-store-process.js', import.meta.url));

const open = (path: string, { nowMs = sampleMs, queueMax = 1000 } = {}) =>
  openStore({ path, nowMs, queueMax });

const pragmaOf = (db: Database, name: string) => db.prepare(`PRAGMA ${name}`).pluck().get();

/** A process that holds the store of a file; `lines` are what it says. */
function holdInProcess(t: { teardown(fn: () => void): void }, path: string) {
  // Without what a test runner adds to node: it ends a process at the signal of a full disk, which node ignores.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, program, path];
  const child = spawn('env', command, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const { stdin, stdout, pid } = child;
  if (pid === undefined) throw new Error('the process did not start');
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const says = async () => (await lines.next()).value as string | undefined;
  return {
    pid,
    says,
    put(version: number | MessageId) {
      stdin.write(`${version}\n`);
      return says();
    },
    kill: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

t.test('a file keeps everything, and when it began', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const first = await open(path);
  const address = anyAddress();
  const { device, put, miss, begin, move } = await meet(async () => first, { address });
  await put(device, c1, 5, { lane: 'bulk' });
  await miss(device);
  await begin(device);
  await move(device, { name: 'triggered' });
  const { device: dark, darken } = await meet(async () => first, { address: anyAddress() });
  await darken(dark);
  const all = async (store: Store) => [
    ...[await store.counts(), await store.pending(device), await store.darkDevices(10)],
    ...[await store.wakeupOf(device), await store.wakeupOf(dark)],
  ];
  const before = await all(first);
  await first.close();

  const second = await open(path, { nowMs: sampleMs + 1_000_000 });
  t.teardown(() => second.close());
  t.equal(second.bornAtMs, sampleMs);
  t.same(await all(second), before);
  const kept = { state: 'awaited', address, attempts: 2, lane: 'bulk', dueMs: windowMs };
  t.match(await second.wakeupOf(device), kept);
  t.same(await phrases(second).due('sent'), [device]);
});

t.test('a wakeup goes on after a restart from where it was', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const device = sampleIds.newDevice();
  const address = anyAddress();
  /** Does one thing to the device between two restarts. */
  async function alone<T>(act: (words: ReturnType<typeof phrases>) => Promise<T>): Promise<T> {
    const store = await open(path);
    const result = await act(phrases(store));
    await store.close();
    return result;
  }
  await alone(({ hello }) => hello(device, { address, trust: 'prove', channels: [c1] }));
  await alone(({ put }) => put(device, c1, 1));
  t.match(await alone(({ prove }) => prove(device, address)), { now: { state: 'owed' } });
  await alone(({ begin }) => begin(device));
  const passed = { name: 'passed' as const, nowMs: windowMs, attemptsMax: 2 };
  t.match(await alone(({ move }) => move(device, passed)), { now: { state: 'owed', attempts: 1 } });
  await alone(({ begin }) => begin(device));
  await alone(({ move }) => move(device, { name: 'triggered' }));
  t.match(await alone(({ move }) => move(device, passed)), { now: { state: 'dark' } });
  const back = await alone(({ hello }) => hello(device, { address, trust: 'prove' }));
  t.match(back, { now: { state: 'probation' } });
  t.match(await alone(({ prove }) => prove(device, address)), { now: { state: 'owed' } });
});

t.test('after a restart no wakeup has the serial of another, and counters go on', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const serials: (number | undefined)[] = [];
  const device = sampleIds.newDevice();
  const address = anyAddress();
  let last = 0;
  for (const [version, nowMs] of [sampleMs, sampleMs - 50_000].entries()) {
    const store = await open(path, { nowMs });
    const { hello, put, begin } = phrases(store);
    const other = sampleIds.newDevice();
    await hello(other, { address: anyAddress(), channels: [c1], nowMs });
    serials.push((await put(other, c1, 1)).owed?.serial);
    const { now } = await hello(device, { address, channels: [c1], nowMs });
    t.ok((now?.counter ?? 0) >= last + 2);
    serials.push(now?.serial, (await put(device, c1, version)).owed?.serial);
    const begun = await begin(device, { nowMs });
    serials.push(begun?.now.serial);
    t.ok((begun?.now.counter ?? 0) > (now?.counter ?? 0));
    last = begun?.now.counter ?? 0;
    await store.ack(device, [{ channel: c1, version }]);
    await store.close();
  }
  t.equal(new Set(serials).size, serials.length);
});

t.test('what was answered survives a process that is killed', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const holder = holdInProcess(t, path);
  t.equal(await holder.says(), 'open');
  t.equal(await holder.put(41), 'stored well');
  t.equal(await holder.put(42), 'stored well');
  await holder.kill();
  const store = await open(path);
  t.teardown(() => store.close());
  t.same(await store.pending(storeDevice), [{ channel: storeChannel, version: 42 }]);
});

t.test('a message that was answered survives it as a version does, once and whole', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const holder = holdInProcess(t, path);
  t.equal(await holder.says(), 'open');
  const ids = [newMessageId(3), newMessageId(2), newMessageId(1)] as const;
  for (const id of ids) t.equal(await holder.put(id), 'stored well');
  t.equal(await holder.put(7), 'stored well');
  await holder.kill();
  const store = await open(path);
  t.teardown(() => store.close());
  t.match(await store.putMessage(messageOf(ids[0])), { outcome: 'stored' }, 'sent once more');
  const found = await store.pendingMessages(storeDevice, { nowMs: 1, limit: 10 });
  const bodies = found.map(({ body }) => Buffer.from(body ?? []).toString());
  t.same(
    found.map(({ id }) => id),
    ids,
  );
  t.same(bodies, ids);
  t.same(await store.pending(storeDevice), [{ channel: storeChannel, version: 7 }]);
});

t.test('of a message that ended nothing is left in its row but what became of it', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const store = await open(path);
  const { send, device } = await meet(async () => store);
  const kept = { kind: 'text', body: Buffer.from('a secret'), topic: 'a-topic' } as const;
  const { id } = await send(device, c1, { ...kept, encoding: { encoding: 'a-coding' } });
  const rows = () => {
    const db = openDatabase(path, { readonly: true });
    const found = db.prepare('SELECT body, encoding, topic, ended_as FROM message').all();
    db.close();
    return found as Record<string, unknown>[];
  };
  await store.close();
  t.match(rows(), [{ topic: 'a-topic', ended_as: null }]);
  const again = await open(path);
  await again.cancelMessage(device, id, sampleMs);
  await again.close();
  t.same(rows(), [{ body: null, encoding: null, topic: null, ended_as: 'cancelled' }]);
});

t.test('receipts are numbered on after a restart, whatever was forgotten', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const receipt = newReceiptId();
  const device = sampleIds.newDevice();
  const serials: number[] = [];
  for (let i = 0; i < 3; i++) {
    const store = await open(path);
    const { hello, send } = phrases(store);
    await hello(device, { channels: [c1] });
    const { id } = await send(device, c1, { kind: 'text', receipt });
    await store.cancelMessage(device, id, sampleMs);
    const [told] = await store.receipts(receipt, { after: serials.at(-1) ?? 0, limit: 10 });
    serials.push(told?.serial ?? 0);
    await store.forgetMessages(sampleMs + 1, 10);
    await store.close();
  }
  t.same(serials, [sampleMs, sampleMs + 1, sampleMs + 2]);
});

t.test('receipts are numbered on where the database was lost', async (t) => {
  const receipt = newReceiptId();
  const device = sampleIds.newDevice();
  let after = 0;
  for (const nowMs of [sampleMs, sampleMs + 1_000]) {
    const store = await open(':memory:');
    const { hello, send } = phrases(store);
    await hello(device, { channels: [c1] });
    for (let i = 0; i < 3; i++) {
      const { id } = await send(device, c1, { kind: 'text', receipt });
      await store.cancelMessage(device, id, nowMs);
    }
    const told = await store.receipts(receipt, { after, limit: 10 });
    t.equal(told.length, 3);
    after = told.at(-1)?.serial ?? 0;
    await store.close();
  }
});

t.test('a second process on the same file is refused, and the first goes on', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const store = await open(path);
  t.teardown(() => store.close());
  const second = holdInProcess(t, path);
  const why = 'another process has it open; stop that one or configure another store';
  t.equal(await second.says(), `refused ${path}: ${why}`);
  t.match(await store.counts(), { devices: 0 });
});

t.test('a database of a newer version is refused and left as it is', async (t) => {
  const path = join(t.testdir(), 'central.db');
  await (await open(path)).close();
  const later = openDatabase(path);
  const found = pragmaOf(later, 'user_version') as number;
  later.exec(`PRAGMA user_version = ${found + 1}`);
  later.close();
  await t.rejects(open(path), {
    code: 'store-failed',
    message: `${path}: Error: the database is of schema ${found + 1} and this version knows ${found}; run the newer version`,
  });
  const db = openDatabase(path);
  t.equal(pragmaOf(db, 'user_version'), found + 1);
  db.close();
});

t.test('a database without tables, of user_version 0, gets them', async (t) => {
  const path = join(t.testdir({ 'central.db': '' }), 'central.db');
  const store = await open(path);
  t.same(await store.counts(), {
    ...{ devices: 0, channels: 0, pending: 0, messages: 0 },
  });
  await store.close();
  const db = openDatabase(path);
  t.ok((pragmaOf(db, 'user_version') as number) > 0);
  t.equal(pragmaOf(db, 'journal_mode'), 'wal');
  db.close();
});

t.test('what can be no database is refused with its path', async (t) => {
  const folder = t.testdir({
    'text.db': 'This is a letter to somebody, not a database.'.repeat(9),
  });
  mkdirSync(join(folder, 'folder.db'));
  for (const path of ['text.db', 'folder.db', 'no/such/folder.db'].map((name) =>
    join(folder, name),
  )) {
    const error: unknown = await open(path).catch((error: unknown) => error);
    t.match(error, { code: 'store-failed' });
    t.match((error as Error).message, path);
  }
  t.match(readFileSync(join(folder, 'text.db'), 'utf8'), /^This is a letter/);
});

t.test('a damaged database fails its calls and nothing else', async (t) => {
  const path = join(t.testdir(), 'central.db');
  await (await open(path)).close();
  const bytes = readFileSync(path);
  writeFileSync(
    path,
    Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0xff)]),
  );
  const store = await open(path).catch((error: unknown) => error);
  t.match(store, { code: 'store-failed' });
});

t.test('the process lives when memory of the open store is collected', async (t) => {
  const program = fileURLToPath(new URL('../../support/central-store-garbage.js', import.meta.url));
  t.doesNotThrow(() => execFileSync('env', ['-u', 'NODE_OPTIONS', process.execPath, program]));
});

t.test('calls beyond queueMax are refused as busy, the others are answered', async (t) => {
  const store = await open(':memory:', { queueMax: 100 });
  t.teardown(() => store.close());
  const device = sampleIds.newDevice();
  const { hello, put } = phrases(store);
  await hello(device, { channels: [c1] });
  const results = await Promise.allSettled(
    Array.from({ length: 250 }, (_, i) => put(device, c1, i)),
  );
  const codes = results.map((result) =>
    result.status === 'fulfilled' ? result.value.outcome : result.reason.code,
  );
  t.same(codes, [...Array(100).fill('stored'), ...Array(150).fill('store-busy')]);
  t.equal(store.problem(), undefined, 'a crowd is no fault of the disk');
  t.match(await put(device, c1, 1000), { outcome: 'stored' });
});

t.test('what somebody waits for goes before the work on many wakeups', async (t) => {
  const store = await open(':memory:');
  t.teardown(() => store.close());
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  const device = sampleIds.newDevice();
  const event = { name: 'lapsed', nowMs: sampleMs } as const;
  const calls = Array.from({ length: 250 }, () =>
    store.move({ device, serial: 1, event }).then(note('move')),
  );
  calls.push(store.hello(helloRecord(device)).then(note('hello')));
  await Promise.all(calls);
  t.same(order, ['hello', ...Array(250).fill('move')]);
});

t.test('calls of one turn of the event loop share one transaction', async (t) => {
  const path = join(t.testdir(), 'central.db');
  const store = await open(path);
  t.teardown(() => store.close());
  const device = sampleIds.newDevice();
  const { hello, put } = phrases(store);
  await hello(device, { channels: [c1] });
  // Each transaction adds the pages it changed to the log, however often it changed them.
  const logBytes = () => statSync(`${path}-wal`).size;
  const before = logBytes();
  for (let version = 0; version < 20; version++) await put(device, c1, version);
  const oneByOne = logBytes() - before;
  const puts = Array.from({ length: 200 }, (_, i) => put(device, c1, 20 + i));
  t.ok((await Promise.all(puts)).every(({ outcome }) => outcome === 'stored'));
  const together = logBytes() - before - oneByOne;
  t.ok(oneByOne >= 20 * 4096, `${oneByOne} bytes one by one`);
  t.ok(together <= oneByOne / 10, `${together} bytes together`);
});

const prlimit = '/usr/bin/prlimit';
const options = { skip: existsSync(prlimit) ? false : 'prlimit is not here' };

t.test(
  'a disk that takes no more fails calls, and the store is well again with it',
  options,
  async (t) => {
    const path = join(t.testdir(), 'central.db');
    const holder = holdInProcess(t, path);
    const limitFiles = (bytes: string) =>
      execFileSync(prlimit, ['--pid', String(holder.pid), `--fsize=${bytes}:unlimited`]);
    t.equal(await holder.says(), 'open');
    t.equal(await holder.put(1), 'stored well');
    limitFiles(String(statSync(`${path}-wal`).size));
    t.equal(await holder.put(2), 'store-failed unwell');
    t.equal(await holder.put(3), 'store-failed unwell');
    limitFiles('unlimited');
    t.equal(await holder.put(2), 'stored well', 'what failed was not kept');
    t.equal(await holder.put(2), 'stale well');
    await holder.kill();
    const store = await open(path);
    t.teardown(() => store.close());
    t.same(await store.pending(storeDevice), [{ channel: storeChannel, version: 2 }]);
  },
);
