// `PUT /v1/notify/<token>`: an app server has a new version, or a text to show. Stored first, answered second,
// delivered third.
import type { Clock } from '../../shared/clock.js';
import { json } from '../../shared/http.js';
import type { Deliver } from '../deliver/deliver.js';
import type { ChannelId, DeviceId, Ids } from '../protocol/ids.js';
import { versionMax } from '../protocol/messages.js';
import type { MessageOutcome } from '../store/messages.js';
import type { PutOutcome, Store, WakeupLane } from '../store/store.js';
import type { ProblemName } from './problems.js';
import { parseTtl } from './push-headers.js';
import type { Done, Handler } from './resource.js';
import type { TakesMessage } from './take-message.js';

export interface NotifyParts {
  store: Store;
  ids: Ids;
  deliver: Deliver;
  take: TakesMessage;
  clock: Clock;
  /** Why a device of ours is not known: it may be that none is, for now. */
  unknownDevice: () => 'recovering' | 'gone';
  wakeupAfterMs: number;
}

interface Target {
  device: DeviceId;
  channel: ChannelId;
  lane: WakeupLane;
}

type Refused = Exclude<(PutOutcome | MessageOutcome)['outcome'], 'stored' | 'stale'>;

/** What a form may say. */
export type Form = { version: number } | { text: string; ttlSeconds: number };

export function createNotify(parts: NotifyParts): Handler {
  const { store, ids, deliver, take, clock, unknownDevice, wakeupAfterMs } = parts;
  const ok = json(200, {});

  function refusalOf(outcome: Refused): ProblemName {
    switch (outcome) {
      case 'unknown-device':
        return unknownDevice() === 'recovering' ? 'recovering' : 'channel-not-found';
      case 'unknown-channel':
        return 'channel-not-found';
      // A device that speaks Web Push shows no texts.
      case 'wrong-kind':
        return 'bad-body';
      // A channel with a key takes what that key signs alone, and nothing is signed here.
      case 'belongs-to-key':
      case 'key-missing':
      case 'wrong-key':
        return 'signed-only';
    }
  }

  async function putVersion(target: Target, version: number): Promise<Done | ProblemName> {
    const nowMs = clock.now();
    const wakeupDueMs = nowMs + wakeupAfterMs;
    const put = await store.put({ ...target, version, nowMs, wakeupDueMs });
    if (put.outcome === 'stale') return { result: put.outcome, answer: ok };
    if (put.outcome !== 'stored') return refusalOf(put.outcome);
    const afterwards = () => void deliver(target.device, put);
    return { result: put.outcome, answer: ok, afterwards };
  }

  async function putText(target: Target, text: string, ttlSeconds: number) {
    const { outcome, afterwards } = await take({
      ...{ ...target, kind: 'text', body: Buffer.from(text), encoding: {}, ttlSeconds },
      // Somebody wants it shown now.
      urgency: 'high',
      ...{ topic: undefined, key: undefined, receipt: undefined },
    });
    if (outcome !== 'stored') return refusalOf(outcome);
    return { result: 'message-stored', answer: ok, afterwards } satisfies Done;
  }

  return async ({ token, body, lane }) => {
    const target = ids.parseToken(token);
    if (!target) return 'channel-not-found';
    const form = body === 'too-large' ? 'body-too-large' : parseForm(body);
    if (typeof form === 'string') return form;
    return 'version' in form
      ? putVersion({ ...target, lane }, form.version)
      : putText({ ...target, lane }, form.text, form.ttlSeconds);
  };
}

/** Reads `version=N` or `body=<text>[&ttl=<seconds>]`, a form (application/x-www-form-urlencoded, whatever its type says). */
export function parseForm(body: Uint8Array): Form | ProblemName {
  // The empty pair in front keeps a leading `?` from being taken for the mark of a query.
  const fields = [...new URLSearchParams(`&${Buffer.from(body).toString('utf8')}`)];
  const { version, body: text, ttl = '', ...others } = Object.fromEntries(fields);
  const names = new Set(fields.map(([name]) => name));
  if (names.size !== fields.length || Object.keys(others).length > 0) return 'bad-body';
  if (text === undefined) {
    return version === undefined || names.has('ttl') ? 'bad-body' : parseVersion(version);
  }
  // Without a time of its own it is kept for as long as this server keeps messages.
  const ttlSeconds = names.has('ttl') ? parseTtl(ttl) : Number.POSITIVE_INFINITY;
  if (version !== undefined || text === '' || ttlSeconds === undefined) return 'bad-body';
  return { text, ttlSeconds };
}

function parseVersion(value: string): Form | ProblemName {
  const version = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
  return version <= versionMax ? { version } : 'bad-version';
}
