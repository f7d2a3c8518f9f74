import { join } from 'node:path';
import t from 'tap';
import { openStore } from '../../../central/store/open.js';
import { storeContract } from './contract.js';

let files = 0;
storeContract('SQLite in memory', (options) => openStore({ path: ':memory:', ...options }));
storeContract('SQLite in a file', (options) =>
  openStore({ path: join(t.testdir(), `${files++}.db`), ...options }),
);
