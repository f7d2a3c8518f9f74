// The thread that owns the database, so that a slow disk slows answers and never sockets.
// Each message is a list of calls; it becomes one transaction, and its answer comes after the commit.
import { parentPort, workerData } from 'node:worker_threads';
import { isHeldByAnother, openDatabase } from './sqlite-database.js';
import { createSqliteEngine, type SqliteEngine } from './sqlite-engine.js';
import { migrate } from './sqlite-schema.js';

export interface WorkerCall {
  method: keyof SqliteEngine;
  args: unknown[];
}

export type WorkerAnswer =
  | { kind: 'opened'; bornAtMs: number }
  | { kind: 'results'; results: unknown[] }
  | { kind: 'failed'; message: string };

const { path, nowMs } = workerData as { path: string; nowMs: number };
const port = parentPort;
if (!port) throw new Error('this file is a worker thread');

const answer = (message: WorkerAnswer) => port.postMessage(message);

try {
  const db = openDatabase(path);
  // One central for one database: a second one would not know which sockets the first holds.
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec('PRAGMA journal_mode = WAL');
  // A 200 to an app server means the version survives power loss.
  db.exec('PRAGMA synchronous = FULL');
  migrate(db, nowMs);
  const engine = createSqliteEngine(db) as Record<string, (...args: unknown[]) => unknown>;
  const run = db.transaction((calls: WorkerCall[]) =>
    calls.map(({ method, args }) => engine[method]?.(...args)),
  );
  const born = db.prepare("SELECT value FROM meta WHERE key = 'born_at'").pluck();
  answer({ kind: 'opened', bornAtMs: born.get() as number });

  port.on('message', (calls: WorkerCall[] | 'close') => {
    if (calls === 'close') {
      db.close();
      port.close();
      return;
    }
    try {
      answer({ kind: 'results', results: run(calls) });
    } catch (error) {
      answer({ kind: 'failed', message: String(error) });
    }
  });
} catch (error) {
  answer({ kind: 'failed', message: whyNotOpened(error) });
  port.close();
}

function whyNotOpened(error: unknown): string {
  return isHeldByAnother(error)
    ? 'another process has it open; stop that one or configure another store'
    : String(error);
}
