// Whatever looks across devices goes along an index: of a million of them, a question reads those it is about.

import t from 'tap';
import { newReceiptId } from '../../../central/protocol/ids.js';
import { openDatabase } from '../../../central/store/sqlite-database.js';
import { createSqliteEngine, type SqliteEngine } from '../../../central/store/sqlite-engine.js';
import { migrate } from '../../../central/store/sqlite-schema.js';
import {
  helloRecord,
  messageRecord,
  sampleIds,
  sampleMs,
  wakeupAddress,
} from '../../support/central-samples.js';

const address = wakeupAddress();
const { network } = address;

let listener: ((sql: string) => void) | undefined;
const db = openDatabase(':memory:', { verbose: (sql) => listener?.(String(sql)) });
migrate(db, sampleMs);
const engine = createSqliteEngine(db);

/** How SQLite goes about each statement that a call to the store runs. */
function plansOf(act: (engine: SqliteEngine) => unknown): Map<string, string> {
  const run = new Set<string>();
  listener = (sql) => void run.add(sql.replace(/\s+/g, ' ').trim());
  act(engine);
  listener = undefined;
  const plan = (sql: string) =>
    (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[])
      .map(({ detail }) => detail)
      .join('; ');
  return new Map([...run].map((sql) => [sql, plan(sql)]));
}

const questions: [string, RegExp, (engine: SqliteEngine) => unknown][] = [
  [
    'which wakeups are owed',
    /^SEARCH device USING INDEX device_owed \(network=\? AND lane=\? AND due_at<\?\)$/,
    (engine) => engine.dueWakeups({ network, phase: 'owed', nowMs: sampleMs, limit: 9 }),
  ],
  [
    'which windows are over',
    /^SEARCH device USING INDEX device_sent \(network=\? AND due_at<\?\)$/,
    (engine) => engine.dueWakeups({ network, phase: 'sent', nowMs: sampleMs, limit: 9 }),
  ],
  [
    'which leases are over',
    /^SEARCH device USING INDEX device_lease \(said_at<\?\)$/,
    (engine) => engine.leasesOver(sampleMs, 9),
  ],
  [
    'which devices are longest dark',
    /^SCAN device USING INDEX device_dark; CORRELATED SCALAR SUBQUERY 1; SEARCH c USING PRIMARY KEY \(device=\?\); CORRELATED SCALAR SUBQUERY 2; SEARCH m USING INDEX message_pending \(device=\?\)$/,
    (engine) => engine.darkDevices(9),
  ],
  [
    'which devices are vacant',
    /^SEARCH device USING PRIMARY KEY \(device>\?\); CORRELATED SCALAR SUBQUERY 1; SEARCH channel USING PRIMARY KEY \(device=\?\)$/,
    (engine) => engine.vacantDevices({ after: undefined, saidBeforeMs: sampleMs, limit: 9 }),
  ],
  [
    'which messages are over',
    /^SEARCH message USING INDEX message_expiry \(expires_at<\?\)$/,
    (engine) => engine.expireMessages(sampleMs, 9),
  ],
  [
    'which messages ended long ago',
    /LIST SUBQUERY 1; SEARCH message USING COVERING INDEX message_ended \(ended_at<\?\)/,
    (engine) => engine.forgetMessages(sampleMs, 9),
  ],
  [
    'which receipts are new',
    /^SEARCH message USING INDEX message_receipt \(receipt=\? AND receipt_serial>\?\)$/,
    (engine) => engine.receipts(newReceiptId(), { after: 0, limit: 9 }),
  ],
];

for (const [question, wanted, act] of questions) {
  t.test(`${question} is answered along an index, in its order`, async (t) => {
    const plans = plansOf(act);
    t.ok(plans.size > 0);
    for (const [sql, plan] of plans) t.match(plan, wanted, sql);
  });
}

t.test('how many there are of what is read and not counted', async (t) => {
  const plans = plansOf((engine) => [engine.counts(), engine.wakeupCounts()]);
  t.same([...plans.values()], ['SCAN tally', 'SCAN tally']);
});

t.test('a start looks through no rows', async (t) => {
  const plans = plansOf(() => createSqliteEngine(db));
  t.same([...plans.keys()], []);
});

t.test(
  'a hello looks for who has its address, and a proof for who claims it, along an index',
  async (t) => {
    const device = sampleIds.newDevice();
    const times = { nowMs: sampleMs, wakeupDueMs: sampleMs };
    const proof = { device, address, isNonce: true, ...times };
    const plans = plansOf((engine) => {
      engine.hello(helloRecord(device, { address, trust: 'prove' }));
      engine.prove(proof);
    });
    const at = [...plans].filter(([sql]) => sql.includes('ip = '));
    const looks = at.filter(([sql]) => sql.startsWith('SELECT'));
    t.same(looks.map(([, plan]) => plan).sort(), [
      'SEARCH device USING INDEX device_address (network=? AND ip=? AND port=? AND state=?)',
      'SEARCH device USING INDEX device_address (network=? AND ip=? AND port=?)',
    ]);
  },
);

t.test('which of its messages a device has to forget is answered along an index', async (t) => {
  const device = sampleIds.newDevice();
  const channel = 'c1' as Parameters<SqliteEngine['put']>[0]['channel'];
  engine.hello(helloRecord(device, { channels: [channel], takes: 'push' }));
  const plans = plansOf((engine) => engine.putMessage(messageRecord(device, channel)));
  const forgets = [...plans].filter(([sql]) => sql.startsWith('DELETE'));
  t.same(
    forgets.map(([, plan]) => /COVERING INDEX .*$/.exec(plan)?.[0]),
    ['COVERING INDEX message_remembered (device=? AND ended_at>?)'],
  );
});

t.test('however many of its messages are over, a device is looked at once', async (t) => {
  const device = sampleIds.newDevice();
  const channel = 'c1' as Parameters<SqliteEngine['put']>[0]['channel'];
  engine.hello(helloRecord(device, { channels: [channel], takes: 'push' }));
  for (let i = 0; i < 5; i++) {
    engine.putMessage(messageRecord(device, channel, { expiresMs: sampleMs + 1 }));
  }
  let looks = 0;
  listener = (sql) => {
    if (sql.includes('tried_by IS NULL')) looks += 1;
  };
  t.equal(engine.expireMessages(sampleMs + 1, 9), 5);
  listener = undefined;
  t.equal(looks, 1);
});

t.test('no body is read but for whoever is sent it', async (t) => {
  const device = sampleIds.newDevice();
  const channel = 'c1' as Parameters<SqliteEngine['put']>[0]['channel'];
  engine.hello(helloRecord(device, { channels: [channel], takes: 'push' }));
  const record = messageRecord(device, channel);
  const plans = plansOf((engine) => {
    for (let i = 0; i < 2; i++) engine.putMessage(record);
    engine.messageStatus(device, record.id);
    engine.ackMessages(device, [{ id: record.id, code: 100 }], sampleMs);
    engine.nackMessage(device, { id: record.id, code: 301 });
    engine.cancelMessage(device, record.id, sampleMs);
    engine.receipts(newReceiptId(), { after: 0, limit: 9 });
  });
  const read = [...plans].filter(([sql]) => /^SELECT .*FROM message/.test(sql));
  t.ok(read.length > 4);
  for (const [sql] of read) t.notMatch(sql, /body|\* FROM message/);
});

t.test('whatever is about one device reads the rows of that one', async (t) => {
  const device = sampleIds.newDevice();
  const channel = 'c1' as Parameters<SqliteEngine['put']>[0]['channel'];
  const times = { nowMs: sampleMs, wakeupDueMs: sampleMs };
  const elsewhere = wakeupAddress('10.9.9.9');
  const plans = plansOf((engine) => {
    engine.hello(helloRecord(device, { channels: [channel] }));
    engine.register(device, channel, 9);
    engine.put({ device, channel, version: 1, lane: 'prompt', ...times });
    engine.pending(device);
    engine.hello(helloRecord(device, { channels: [channel], takes: 'push', address: elsewhere }));
    const message = { urgency: 'high', topic: 'a', receipt: newReceiptId() } as const;
    const { id } = messageRecord(device, channel);
    engine.putMessage(messageRecord(device, channel, { ...message, id }));
    engine.putMessage(messageRecord(device, channel, { messagesMax: 1 }));
    engine.pendingMessages(device, { nowMs: sampleMs, limit: 9 });
    engine.noteSent(device, [id], sampleMs);
    engine.noteIgnored(device, [id], sampleMs);
    engine.messageStatus(device, id);
    for (const event of [
      { name: 'begun', nowMs: sampleMs, dueMs: sampleMs },
      { name: 'unsent', dueMs: sampleMs },
      { name: 'begun', nowMs: sampleMs, dueMs: sampleMs },
      { name: 'triggered' },
    ] as const) {
      const serial = engine.wakeupOf(device)?.serial ?? 0;
      if (!engine.move({ device, serial, event })) throw new Error(`${event.name} does nothing`);
    }
    engine.ackMessages(device, [{ id, code: 100 }], sampleMs);
    engine.nackMessage(device, { id, code: 301 });
    engine.cancelMessage(device, id, sampleMs);
    engine.wakeupOf(device);
    engine.renewAddress(device, sampleMs);
    engine.ack(device, [{ channel, version: 1 }]);
    engine.unregister(device, channel, sampleMs);
    engine.forgetDevice(device, sampleMs + 1);
  });
  for (const [sql, plan] of plans) t.notMatch(plan, /SCAN (device|channel|message)/, sql);
  t.ok(plans.size > 25);
});
