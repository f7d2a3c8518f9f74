// `PUT /v1/notify/<token>`: an app server has a new version. Stored first, answered second, delivered third.

import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import { type Answer, json, type Problem, problem } from '../../shared/http.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { Deliver } from '../deliver/deliver.js';
import type { Ids } from '../protocol/ids.js';
import { versionMax } from '../protocol/messages.js';
import type { PutOutcome, Store, WakeupLane } from '../store/store.js';

export interface NotifyParts {
  store: Store;
  ids: Ids;
  deliver: Deliver;
  clock: Clock;
  log: Log;
  /** How long after its empty start a database may not know devices that exist. */
  recoveryMs: number;
  wakeupAfterMs: number;
  count: (result: NotifyResult) => void;
}

/** What became of a request; also the label of its metric. */
export type NotifyResult = 'stored' | 'stale' | keyof typeof notifyProblems;

/** An answer, and what is to be done once it is on its way. */
export interface Notified {
  answer: Answer;
  afterwards?: () => void;
}

// The document answers all three with 404, also a bad body and a bad version.
const notifyProblems = {
  'channel-not-found': {
    status: 404,
    title: 'Channel not found',
    detail: 'No device has this endpoint; ask the app to register again.',
  },
  'bad-body': {
    status: 404,
    title: 'Bad body received',
    detail: 'Send exactly one form field: version=<number>.',
  },
  'bad-version': {
    status: 404,
    title: 'Bad version received',
    detail: `A version is a whole number from 0 to ${versionMax}.`,
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    detail: 'Your address asks faster than this server takes requests. Try again, slower.',
    headers: { 'retry-after': '1' },
  },
  'body-too-large': {
    status: 413,
    title: 'Body too large',
    detail: 'Send exactly one form field: version=<number>.',
  },
  recovering: {
    status: 503,
    title: 'The device is not known yet',
    detail:
      'The server lost its database and waits for the device to connect. Keep the endpoint and try again.',
    headers: { 'retry-after': '60' },
  },
  'store-down': {
    status: 503,
    title: 'The version could not be stored',
    detail: 'Nothing was changed. Try again.',
    headers: { 'retry-after': '5' },
  },
} as const satisfies Record<string, Omit<Problem, 'type'>>;

type ProblemName = keyof typeof notifyProblems;

/** The body of a PUT, or why it was not read. */
export type Body = Buffer | 'too-large' | 'too-many-requests';

/** Handles a PUT. Never rejects. */
export function createNotify(parts: NotifyParts) {
  const { store, ids, deliver, clock, log, recoveryMs, wakeupAfterMs, count } = parts;

  function refuse(name: ProblemName): Notified {
    count(name);
    const { headers, ...rest } = { headers: {}, ...notifyProblems[name] };
    return { answer: problem({ type: name, ...rest, headers }) };
  }

  function unknownDevice(): ProblemName {
    const isRecovering = clock.now() < store.bornAtMs + recoveryMs;
    return isRecovering ? 'recovering' : 'channel-not-found';
  }

  return async (token: string, body: Body, lane: WakeupLane): Promise<Notified> => {
    if (body === 'too-many-requests') return refuse(body);
    const target = ids.parseToken(token);
    if (!target) return refuse('channel-not-found');
    const version = body === 'too-large' ? 'body-too-large' : parseVersion(body);
    if (typeof version === 'string') return refuse(version);
    let put: PutOutcome;
    try {
      const nowMs = clock.now();
      const wakeupDueMs = nowMs + wakeupAfterMs;
      put = await store.put({ ...target, version, nowMs, wakeupDueMs, lane });
    } catch (error) {
      log(traces.storeFailed, { error: messageOf(error) });
      return refuse('store-down');
    }
    if (put.outcome === 'unknown-device') return refuse(unknownDevice());
    if (put.outcome === 'unknown-channel') return refuse('channel-not-found');
    count(put.outcome);
    const answer = json(200, {});
    return put.outcome === 'stale'
      ? { answer }
      : { answer, afterwards: () => deliver(target.device, put) };
  };
}

/** Reads `version=N`, a form with that one field (application/x-www-form-urlencoded, whatever its type says). */
export function parseVersion(body: Uint8Array): number | ProblemName {
  // The empty pair in front keeps a leading `?` from being taken for the mark of a query.
  const fields = [...new URLSearchParams(`&${Buffer.from(body).toString('utf8')}`)];
  const [name, value] = fields[0] ?? [];
  if (fields.length !== 1 || name !== 'version' || value === undefined) return 'bad-body';
  const version = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
  return version <= versionMax ? version : 'bad-version';
}
