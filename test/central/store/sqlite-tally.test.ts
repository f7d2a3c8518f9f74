// How many there are of what: kept with every change, and always what counting all rows would tell.
import t from 'tap';
import { openDatabase } from '../../../central/store/sqlite-database.js';
import { createSqliteEngine, type SqliteEngine } from '../../../central/store/sqlite-engine.js';
import { migrate } from '../../../central/store/sqlite-schema.js';
import type { WakeupEvent } from '../../../central/wakeup/states.js';
import {
  channel,
  helloRecord,
  messageRecord,
  sampleIds,
  sampleMs,
  wakeupAddress,
} from '../../support/central-samples.js';

const [c1, c2] = [channel('c1'), channel('c2')];
const times = { nowMs: sampleMs, wakeupDueMs: sampleMs };
const here = wakeupAddress('10.0.0.1');
const elsewhere = { ...here, network: '214-08' } as typeof here;

function setup() {
  const db = openDatabase(':memory:');
  migrate(db, sampleMs);
  const engine = createSqliteEngine(db);
  const totals = db.prepare(`
    SELECT (SELECT count(*) FROM device) AS devices, (SELECT count(*) FROM channel) AS channels,
      (SELECT count(*) FROM channel WHERE version > acked) AS pending,
      (SELECT count(*) FROM message WHERE ended_at IS NULL) AS messages`);
  const ofNetworks = db.prepare(`
    SELECT iif(state = 'dark', 'dark', 'owed') AS state, network, count(*) AS count FROM device
    WHERE state IN ('gathering', 'owed', 'dark') GROUP BY 1, 2`);
  return { db, engine, counted: () => [totals.get(), ofNetworks.all()] };
}

const told = (engine: SqliteEngine) => [engine.counts(), engine.wakeupCounts()];

t.test('whatever is done to a device, its channels and its messages', async (t) => {
  const { engine, counted } = setup();
  const device = sampleIds.newDevice();
  const hello = (changes: Parameters<typeof helloRecord>[1]) => () =>
    engine.hello(helloRecord(device, changes));
  const put = (version: number) => () =>
    engine.put({ device, channel: c1, version, lane: 'prompt', ...times });
  const report = (event: WakeupEvent) => () =>
    engine.move({ device, serial: engine.wakeupOf(device)?.serial ?? 0, event });
  const message = messageRecord(device, c1, { urgency: 'normal' });
  const messagesEnd = sampleMs + 1_000_000_000;
  const acts: [string, () => unknown][] = [
    ['hello with two channels', hello({ channels: [c1, c2], address: here })],
    ['register again', () => engine.register(device, c1, 9)],
    ['put', put(1)],
    ['put newer', put(2)],
    ['put older', put(1)],
    ['hello in another network', hello({ address: elsewhere })],
    ['begun', report({ name: 'begun', nowMs: sampleMs, dueMs: sampleMs })],
    ['unsent', report({ name: 'unsent', dueMs: sampleMs, isWorthAnother: true })],
    ['ack of the older', () => engine.ack(device, [{ channel: c1, version: 1 }])],
    ['ack', () => engine.ack(device, [{ channel: c1, version: 2 }])],
    ['hello in Web Push', hello({ takes: 'push', address: here })],
    ['message', () => engine.putMessage(message)],
    ['the same message', () => engine.putMessage(message)],
    ['cancelled', () => engine.cancelMessage(device, message.id, sampleMs)],
    ['more messages', () => [1, 2, 3].map(() => engine.putMessage(messageRecord(device, c2)))],
    ['one too many', () => engine.putMessage(messageRecord(device, c2, { messagesMax: 3 }))],
    ['expired', () => engine.expireMessages(messagesEnd, 2)],
    ['forgotten', () => engine.forgetMessages(messagesEnd + 1, 9)],
    ['put again', put(3)],
    ['unregister what is pending', () => engine.unregister(device, c1, sampleMs)],
    ['lease over', report({ name: 'lapsed', nowMs: sampleMs })],
    ['hello of a dark one', hello({ channels: [], address: here })],
    ['forgotten', () => engine.forgetDevice(device, sampleMs + 1)],
    ['hello of a new one', hello({ channels: [], address: here })],
    ['lease over again', report({ name: 'lapsed', nowMs: sampleMs })],
    ['forgotten while dark', () => engine.forgetDevice(device, sampleMs + 1)],
  ];
  for (const [name, act] of acts) {
    act();
    t.same(told(engine), counted(), name);
  }
});

t.test('what is taken back is not told', async (t) => {
  const { db, engine, counted } = setup();
  const device = sampleIds.newDevice();
  const undone = db.transaction(() => {
    engine.hello(helloRecord(device, { channels: [c1], address: here }));
    engine.put({ device, channel: c1, version: 1, lane: 'prompt', ...times });
    throw new Error('undone');
  });
  t.throws(undone, { message: 'undone' });
  t.same(told(engine), [{ devices: 0, channels: 0, pending: 0, messages: 0 }, []]);
  t.same(told(engine), counted());
});
