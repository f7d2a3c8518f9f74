// The store without its thread: the same tables and the same SQL, each call a transaction of its own and answered
// later, so that a test can cut the power between any two of them.
import { openDatabase } from '../../../central/store/sqlite-database.js';
import { createSqliteEngine } from '../../../central/store/sqlite-engine.js';
import { migrate } from '../../../central/store/sqlite-schema.js';
import type { Store } from '../../../central/store/store.js';
import type { Turns } from './turns.js';

type Methods = Omit<Store, 'bornAtMs' | 'problem' | 'close'>;

/** A call that is committed, before whoever made it hears of it. */
export type Commit = {
  [Name in keyof Methods]: {
    method: Name;
    args: Parameters<Methods[Name]>;
    result: Awaited<ReturnType<Methods[Name]>>;
  };
}[keyof Methods];

export interface PaperStore {
  store: Store;
  /** The power fails: what is not committed is lost, and nobody hears of anything any more. */
  cut(): void;
}

export function openPaperStore(options: {
  file: string;
  nowMs: number;
  turns: Turns;
  onCommit: (commit: Commit) => void;
}): PaperStore {
  const { file, nowMs, turns, onCommit } = options;
  const db = openDatabase(file);
  // No power fails while a test runs: what was committed is there for whoever opens the file next.
  db.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY');
  migrate(db, nowMs);
  const engine = createSqliteEngine(db) as Record<string, (...args: unknown[]) => unknown>;
  const run = db.transaction((method: string, args: unknown[]) => engine[method]?.(...args));
  let isCut = false;

  function call(method: string, args: unknown[]): Promise<unknown> {
    return new Promise((resolve) => {
      turns.later(() => {
        if (isCut) return;
        const result = run(method, args);
        onCommit({ method, args, result } as Commit);
        turns.later(() => void (isCut || resolve(result)));
      });
    });
  }

  const methods = Object.keys(engine).map(
    (method) => [method, (...args: unknown[]) => call(method, args)] as const,
  );
  const cut = () => {
    isCut = true;
    db.close();
  };
  const store = {
    ...(Object.fromEntries(methods) as unknown as Methods),
    ...{ bornAtMs: nowMs, problem: () => undefined },
    close: () => Promise.resolve(cut()),
  };
  return { store, cut };
}
