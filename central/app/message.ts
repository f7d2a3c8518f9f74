// `/wpush/v1/messages/<token>` (RFC 8030 section 5: the push message resource): what became of a message, and its end.
import type { Clock } from '../../shared/clock.js';
import { json } from '../../shared/http.js';
import type { Ids } from '../protocol/ids.js';
import { type MessageEnd, type MessageStatus, messageEnds } from '../store/messages.js';
import type { Store } from '../store/store.js';
import type { Handler } from './resource.js';

interface Parts {
  store: Store;
  ids: Ids;
  clock: Clock;
}

/** Tells the status of a message. */
export function createStatus({ store, ids, clock }: Parts): Handler {
  return async ({ token }) => {
    const target = ids.parseMessageToken(token);
    const status = target && (await store.messageStatus(target.device, target.message));
    if (!status) return 'message-not-found';
    return { result: 'status-read', answer: json(200, statusBody(status, clock.now())) };
  };
}

/** Ends a message that is pending. One that ended before stays as it is, and the answer is the same. */
export function createCancel({ store, ids, clock }: Parts): Handler {
  return async ({ token }) => {
    const target = ids.parseMessageToken(token);
    if (!target) return 'message-not-found';
    const outcome = await store.cancelMessage(target.device, target.message, clock.now());
    if (outcome === 'unknown') return 'message-not-found';
    const answer = { status: 204, headers: { 'cache-control': 'no-store' }, body: '' };
    return { result: 'message-cancelled', answer };
  };
}

/** Its time is over, though nobody has noted it yet: it is not delivered any more. */
function isOver({ state, expiresMs }: MessageStatus, nowMs: number): boolean {
  return expiresMs <= nowMs && !messageEnds.includes(state as MessageEnd);
}

function statusBody(message: MessageStatus, nowMs: number) {
  const { urgency, storedMs, expiresMs, code } = message;
  const { state, atMs } = isOver(message, nowMs) ? { state: 'expired', atMs: expiresMs } : message;
  return {
    status: state,
    urgency,
    storedAt: timeText(storedMs),
    expiresAt: timeText(expiresMs),
    at: timeText(atMs),
    code,
  };
}

/** A time as app servers read it: ISO 8601 in UTC. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
