// A process whose store's thread has memory collected once the database is open, while no JavaScript runs there.
// Its exit code is 0 if that did not end it.
import { isMainThread, Worker } from 'node:worker_threads';

if (isMainThread) {
  const workerData = { path: ':memory:', nowMs: 1 };
  new Worker(new URL(import.meta.url), { workerData, execArgv: [] });
} else {
  await import('../../central/store/sqlite-worker.js');
  let made: object[] = [];
  for (let i = 0; i < 300; i++) {
    made = Array.from({ length: 20_000 }, (_, of) => ({ of }));
    await null;
  }
  // The thread would go on to wait for calls.
  process.exit(made.length === 20_000 ? 0 : 1);
}
