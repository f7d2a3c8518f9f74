// The tables, and how an older database becomes a newer one: `user_version` counts the steps taken.
import type { Database } from 'better-sqlite3';

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
];

/** Opens or upgrades the tables. Throws when the file was written by a newer version of this program. */
export function migrate(db: Database, nowMs: number): void {
  const found = db.pragma('user_version', { simple: true }) as number;
  if (found > steps.length) {
    throw new Error(
      `the database is of schema ${found} and this version knows ${steps.length}; run the newer version`,
    );
  }
  db.transaction(() => {
    for (const step of steps.slice(found)) db.exec(step);
    db.pragma(`user_version = ${steps.length}`);
    const born = db.prepare("INSERT OR IGNORE INTO meta (key, value) VALUES ('born_at', ?)");
    born.run(nowMs);
  }).exclusive();
}
