// Which engine a `store` setting names.
import { isAbsolute, join } from 'node:path';
import { openSqlite } from './sqlite.js';
import type { Store } from './store.js';

/** `sqlite:<file>` or `sqlite::memory:`; `undefined` for anything else. */
export function parseStoreUrl(text: string, folder: string): { path: string } | undefined {
  if (!text.startsWith('sqlite:')) return undefined;
  const path = text.slice('sqlite:'.length);
  if (path === '') return undefined;
  return { path: path === ':memory:' || isAbsolute(path) ? path : join(folder, path) };
}

export function openStore(options: {
  path: string;
  nowMs: number;
  queueMax: number;
}): Promise<Store> {
  return openSqlite(options);
}
