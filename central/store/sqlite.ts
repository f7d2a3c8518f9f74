// The embedded engine. Calls made while a transaction is under way gather and become the next one, so that many
// writes share one sync of the disk; what a caller awaits is resolved after its commit.
import { Worker } from 'node:worker_threads';
import { CodedError } from '../../shared/errors.js';
import type { WorkerAnswer, WorkerCall } from './sqlite-worker.js';
import type { Store, StoreError } from './store.js';

interface Waiting {
  call: WorkerCall;
  resolve: (value: never) => void;
  reject: (error: StoreError) => void;
}

const callsPerTransactionMax = 1000;

/**
 * Calls that nobody waits for at a socket or a request. They go behind those that somebody waits for, so many in a
 * transaction: however many wakeups are due, a version is stored as soon as it was. `noteSent` is none of them: it must not
 * come after the ack.
 */
const patientCalls = new Set<WorkerCall['method']>([
  'move',
  'dueWakeups',
  'extendWindows',
  'leasesOver',
  'renewAddress',
  'expireMessages',
  'forgetMessages',
  'vacantDevices',
  'forgetDevice',
]);
const patientPerTransactionMax = 100;

export interface SqliteOptions {
  /** A file, or `:memory:`. */
  path: string;
  nowMs: number;
  /** Calls that may wait; beyond, they are rejected with `store-busy`. */
  queueMax: number;
}

/** Opens the database in a thread of its own. Rejects with `store-failed` when it cannot be opened. */
export async function openSqlite(options: SqliteOptions): Promise<Store> {
  const worker = new Worker(new URL('./sqlite-worker.js', import.meta.url), {
    workerData: { path: options.path, nowMs: options.nowMs },
    // What the process was told to load before anything else has no business in this thread.
    execArgv: [],
  });
  const opened = await nextAnswer(worker);
  if (opened.kind !== 'opened') throw failed(`${options.path}: ${describe(opened)}`);
  return createStore(worker, opened.bornAtMs, options.queueMax);
}

function createStore(worker: Worker, bornAtMs: number, queueMax: number): Store {
  /** Who waits for an answer, and who can wait longer. */
  const lines: Record<'prompt' | 'patient', Waiting[]> = { prompt: [], patient: [] };
  let underWay: Waiting[] | undefined;
  let isPlanned = false;
  let end: StoreError | undefined;
  let problem: string | undefined;
  let onIdle = () => {};
  let closed: Promise<void> | undefined;

  const waiting = () => lines.prompt.length + lines.patient.length;

  function send(): void {
    isPlanned = false;
    if (underWay || waiting() === 0) return;
    underWay = [
      ...lines.prompt.splice(0, callsPerTransactionMax),
      ...lines.patient.splice(0, patientPerTransactionMax),
    ];
    worker.postMessage(underWay.map(({ call }) => call));
  }

  function settle(answer: WorkerAnswer): void {
    const done = underWay ?? [];
    underWay = undefined;
    problem = answer.kind === 'results' ? undefined : describe(answer);
    for (const [i, { resolve, reject }] of done.entries()) {
      if (answer.kind === 'results') resolve(answer.results[i] as never);
      else reject(failed(describe(answer)));
    }
    if (waiting() > 0) send();
    else onIdle();
  }

  function die(error: StoreError): void {
    end = error;
    const { prompt, patient } = lines;
    for (const { reject } of [...(underWay ?? []), ...prompt.splice(0), ...patient.splice(0)]) {
      reject(error);
    }
    underWay = undefined;
    onIdle();
  }

  worker.on('message', settle);
  worker.on('error', (error) => {
    die(failed(error.message));
    // A fault of ours in the thread: the process ends, and whoever runs it starts it anew.
    throw error;
  });
  worker.on('exit', () => die(end ?? failed('the store is closed')));

  function call<T>(method: WorkerCall['method'], ...args: unknown[]): Promise<T> {
    if (end) return Promise.reject(end);
    if (waiting() >= queueMax) {
      return Promise.reject(new CodedError('store-busy', `${queueMax} calls wait for the disk`));
    }
    return new Promise((resolve, reject) => {
      const line = lines[patientCalls.has(method) ? 'patient' : 'prompt'];
      line.push({ call: { method, args }, resolve: resolve as (value: never) => void, reject });
      // All calls of this turn of the event loop go together.
      if (!isPlanned && !underWay) setImmediate(send);
      isPlanned = true;
    });
  }

  async function finish(): Promise<void> {
    if (end) return;
    if (underWay || waiting() > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('close');
    await gone;
  }

  function close(): Promise<void> {
    closed ??= finish();
    return closed;
  }

  return {
    bornAtMs,
    problem: () => end?.message ?? problem,
    hello: (record) => call('hello', record),
    register: (device, channel, max, key) => call('register', device, channel, max, key),
    unregister: (device, channel, nowMs) => call('unregister', device, channel, nowMs),
    put: (record) => call('put', record),
    ack: (device, updates) => call('ack', device, updates),
    pending: (device) => call('pending', device),
    putMessage: (record) => call('putMessage', record),
    pendingMessages: (device, query) => call('pendingMessages', device, query),
    noteSent: (device, messages, nowMs) => call('noteSent', device, messages, nowMs),
    ackMessages: (device, messages, nowMs) => call('ackMessages', device, messages, nowMs),
    nackMessage: (device, message) => call('nackMessage', device, message),
    noteIgnored: (device, messages, nowMs) => call('noteIgnored', device, messages, nowMs),
    messageStatus: (device, message) => call('messageStatus', device, message),
    cancelMessage: (device, message, nowMs) => call('cancelMessage', device, message, nowMs),
    expireMessages: (nowMs, limit) => call('expireMessages', nowMs, limit),
    forgetMessages: (endedBeforeMs, limit) => call('forgetMessages', endedBeforeMs, limit),
    receipts: (receipt, query) => call('receipts', receipt, query),
    wakeupOf: (device) => call('wakeupOf', device),
    move: (change) => call('move', change),
    prove: (proof) => call('prove', proof),
    dueWakeups: (query) => call('dueWakeups', query),
    extendWindows: (query) => call('extendWindows', query),
    leasesOver: (saidBeforeMs, limit) => call('leasesOver', saidBeforeMs, limit),
    renewAddress: (device, nowMs) => call('renewAddress', device, nowMs),
    vacantDevices: (query) => call('vacantDevices', query),
    forgetDevice: (device, saidBeforeMs) => call('forgetDevice', device, saidBeforeMs),
    darkDevices: (limit) => call('darkDevices', limit),
    wakeupCounts: () => call('wakeupCounts'),
    counts: () => call('counts'),
    close,
  };
}

function nextAnswer(worker: Worker): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', (error) => reject(failed(error.message)));
  });
}

function describe(answer: WorkerAnswer): string {
  return answer.kind === 'failed' ? answer.message : 'the store answered out of turn';
}

function failed(message: string): StoreError {
  return new CodedError('store-failed', message);
}
