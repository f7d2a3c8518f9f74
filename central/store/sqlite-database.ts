// The database, opened so that nothing of it becomes garbage. With Node.js 24.19 and newer a process may abort when a
// statement or a connection of better-sqlite3 12 is collected (nodejs/node#65446), so both are kept for ever: whoever
// opens a database prepares a bounded number of statements. `pragma` is not among what it can do, for each call of it
// makes one more: what it sets is set with `exec`, what it tells with a prepared `PRAGMA`.
import Sqlite from 'better-sqlite3';

export type Database = Pick<Sqlite.Database, 'prepare' | 'exec' | 'transaction' | 'close'>;

const kept: object[] = [];

/** Opens a file, or `:memory:`. Throws an `SqliteError`. */
export function openDatabase(path: string, options?: Sqlite.Options): Database {
  const db = new Sqlite(path, options);
  const prepare = db.prepare.bind(db);
  db.prepare = (source: string) => {
    const statement = prepare(source);
    kept.push(statement);
    return statement as never;
  };
  kept.push(db);
  return db;
}

/** Another process has the file open. */
export function isHeldByAnother(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
}
