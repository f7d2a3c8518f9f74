// The tables, and how an older database becomes a newer one: `user_version` counts the steps taken.
import type { Database } from 'better-sqlite3';

// A channel's row holds two numbers: `put` raises version, `ack` raises acked, pending means version > acked.
// -1 is below every version. A wakeup's row is an OwedWakeup; due_at NULL means no more attempts.
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
