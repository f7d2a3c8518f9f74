import { join } from 'node:path';
import t from 'tap';
import { openStore } from '../../../central/store/open.js';
import { storeContract } from './contract.js';

// Many processes, or many stores: a busy machine needs longer than the runner gives a file.
t.setTimeout(200_000);

let files = 0;
storeContract('SQLite in memory', (options) => openStore({ path: ':memory:', ...options }));
storeContract('SQLite in a file', (options) =>
  openStore({ path: join(t.testdir(), `${files++}.db`), ...options }),
);
