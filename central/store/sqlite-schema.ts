// The tables, and how an older database becomes a newer one: `user_version` counts the steps taken.
import type { Database } from './sqlite-database.js';

// A channel's row holds two numbers: `put` raises version, `ack` raises acked, pending means version > acked.
// -1 is below every version. A device's row holds its wakeup (../wakeup/states.ts) beside its address, for both
// change together.
const steps = [
  `
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
  `,
  // A wakeup that was given up becomes a dark device; every other address is believed as it was.
  `
  ALTER TABLE device ADD COLUMN authenticated INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE device ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE device ADD COLUMN state TEXT NOT NULL DEFAULT 'none';
  ALTER TABLE device ADD COLUMN serial INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE device ADD COLUMN counter INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE device ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE device ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE device ADD COLUMN due_at INTEGER;
  ALTER TABLE device ADD COLUMN sent_at INTEGER;
  ALTER TABLE device ADD COLUMN since_at INTEGER;
  ALTER TABLE device ADD COLUMN dark_at INTEGER;
  ALTER TABLE device ADD COLUMN dark_reason TEXT;
  UPDATE device SET state = 'resting' WHERE network IS NOT NULL;
  UPDATE device SET (state, serial, attempts, due_at, sent_at) = (
    SELECT iif(sent_at IS NULL, 'owed', 'awaited'), serial, attempts, due_at, sent_at
    FROM wakeup WHERE wakeup.device = device.device
  ) WHERE device IN (SELECT device FROM wakeup WHERE due_at IS NOT NULL);
  UPDATE device SET state = 'dark', dark_at = said_at, dark_reason = 'unconfirmed'
  WHERE device IN (SELECT device FROM wakeup WHERE due_at IS NULL);
  DROP TABLE wakeup;
  CREATE INDEX device_owed ON device (network, lane, due_at) WHERE state = 'owed';
  CREATE INDEX device_sent ON device (network, due_at) WHERE state IN ('sending', 'awaited');
  CREATE INDEX device_lease ON device (said_at) WHERE state IN ('resting', 'owed', 'sending', 'awaited');
  CREATE INDEX device_dark ON device (dark_at, network) WHERE state = 'dark';
  CREATE INDEX device_address ON device (network, ip, port, state) WHERE ip IS NOT NULL;
  `,
  // Messages. wakes: 0 not at all, 1 once, 2 until it is taken; tried_by: the serial of that one wakeup. The body and
  // what is needed to read it go when it ends. Receipts are numbered in the order of ends, for ever: the number
  // outlives its row, so that a reader who has come that far misses none.
  `
  ALTER TABLE device ADD COLUMN takes TEXT NOT NULL DEFAULT 'text';
  ALTER TABLE device ADD COLUMN not_before INTEGER;
  ALTER TABLE channel ADD COLUMN key TEXT;
  INSERT INTO meta (key, value) VALUES ('receipts', 0);
  CREATE TABLE message (
    serial INTEGER PRIMARY KEY,
    device BLOB NOT NULL,
    id BLOB NOT NULL,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    urgency INTEGER NOT NULL,
    wakes INTEGER NOT NULL,
    topic TEXT,
    receipt BLOB,
    stored_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    tried_by INTEGER,
    woken_at INTEGER, sent_at INTEGER, ended_at INTEGER,
    ended_as TEXT,
    code INTEGER,
    ignored INTEGER NOT NULL DEFAULT 0,
    receipt_serial INTEGER,
    encoding TEXT,
    body BLOB
  );
  CREATE UNIQUE INDEX message_id ON message (device, id);
  CREATE INDEX message_pending ON message (device, serial) WHERE ended_at IS NULL;
  CREATE INDEX message_expiry ON message (expires_at) WHERE ended_at IS NULL;
  CREATE INDEX message_ended ON message (ended_at) WHERE ended_at IS NOT NULL;
  CREATE INDEX message_remembered ON message (device, ended_at) WHERE ended_at IS NOT NULL;
  CREATE INDEX message_receipt ON message (receipt, receipt_serial) WHERE receipt_serial IS NOT NULL;
  DROP INDEX device_owed;
  DROP INDEX device_lease;
  CREATE INDEX device_owed ON device (network, lane, due_at, state)
    WHERE state IN ('gathering', 'owed');
  CREATE INDEX device_lease ON device (said_at)
    WHERE state IN ('resting', 'gathering', 'owed', 'sending', 'awaited');
  `,
  // How many there are of what, in a network or in none: kept with every change, for to count a million rows takes a
  // second, and nothing else is done meanwhile. So is the highest serial of a wakeup.
  `
  CREATE TABLE tally (
    what TEXT NOT NULL, network TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (what, network)
  ) WITHOUT ROWID;
  INSERT INTO tally VALUES
    ('devices', '', (SELECT count(*) FROM device)),
    ('channels', '', (SELECT count(*) FROM channel)),
    ('pending', '', (SELECT count(*) FROM channel WHERE version > acked)),
    ('messages', '', (SELECT count(*) FROM message WHERE ended_at IS NULL));
  INSERT INTO tally
    SELECT iif(state = 'dark', 'dark', 'owed'), network, count(*) FROM device
    WHERE state IN ('gathering', 'owed', 'dark') AND network IS NOT NULL GROUP BY 1, 2;
  CREATE TRIGGER device_added AFTER INSERT ON device BEGIN
    UPDATE tally SET count = count + 1 WHERE what = 'devices' AND network = '';
  END;
  CREATE TRIGGER device_removed AFTER DELETE ON device BEGIN
    UPDATE tally SET count = count - 1 WHERE what = 'devices' AND network = '';
    UPDATE tally SET count = count - 1
    WHERE what = iif(old.state = 'dark', 'dark', 'owed') AND network = old.network
      AND old.state IN ('gathering', 'owed', 'dark');
  END;
  CREATE TRIGGER device_from AFTER UPDATE OF state, network ON device
    WHEN old.state IN ('gathering', 'owed', 'dark') AND old.network IS NOT NULL
      AND (old.state, old.network) IS NOT (new.state, new.network)
  BEGIN
    UPDATE tally SET count = count - 1
    WHERE what = iif(old.state = 'dark', 'dark', 'owed') AND network = old.network;
  END;
  CREATE TRIGGER device_to AFTER UPDATE OF state, network ON device
    WHEN new.state IN ('gathering', 'owed', 'dark') AND new.network IS NOT NULL
      AND (old.state, old.network) IS NOT (new.state, new.network)
  BEGIN
    INSERT INTO tally VALUES (iif(new.state = 'dark', 'dark', 'owed'), new.network, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
  END;
  CREATE TRIGGER channel_added AFTER INSERT ON channel BEGIN
    UPDATE tally SET count = count + 1 WHERE what = 'channels' AND network = '';
  END;
  CREATE TRIGGER channel_changed AFTER UPDATE OF version, acked ON channel
    WHEN (old.version > old.acked) <> (new.version > new.acked)
  BEGIN
    UPDATE tally SET count = count + iif(new.version > new.acked, 1, -1)
    WHERE what = 'pending' AND network = '';
  END;
  CREATE TRIGGER channel_removed AFTER DELETE ON channel BEGIN
    UPDATE tally SET count = count - 1 WHERE what = 'channels' AND network = '';
    UPDATE tally SET count = count - (old.version > old.acked) WHERE what = 'pending' AND network = '';
  END;
  CREATE TRIGGER message_added AFTER INSERT ON message BEGIN
    UPDATE tally SET count = count + 1 WHERE what = 'messages' AND network = '';
  END;
  CREATE TRIGGER message_ended AFTER UPDATE OF ended_at ON message WHEN old.ended_at IS NULL BEGIN
    UPDATE tally SET count = count - 1 WHERE what = 'messages' AND network = '';
  END;
  INSERT INTO meta SELECT 'serials', coalesce(max(serial), 0) FROM device;
  `,
];

/** Opens or upgrades the tables. Throws when the file was written by a newer version of this program. */
export function migrate(db: Database, nowMs: number): void {
  const found = db.prepare('PRAGMA user_version').pluck().get() as number;
  if (found > steps.length) {
    throw new Error(
      `the database is of schema ${found} and this version knows ${steps.length}; run the newer version`,
    );
  }
  db.transaction(() => {
    for (const step of steps.slice(found)) db.exec(step);
    db.exec(`PRAGMA user_version = ${steps.length}`);
    const born = db.prepare("INSERT OR IGNORE INTO meta (key, value) VALUES ('born_at', ?)");
    born.run(nowMs);
  }).exclusive();
}
