// A message of an app server, whichever way it came: kept with its times, or why not.
import type { Clock } from '../../shared/clock.js';
import type { Urgency } from '../../shared/wakeup/request.js';
import type { Deliver } from '../deliver/deliver.js';
import type { Presence } from '../presence/presence.js';
import { type MessageId, newMessageId } from '../protocol/ids.js';
import type { MessageOutcome, MessageRecord } from '../store/messages.js';
import type { Store } from '../store/store.js';

export interface MessageLimits {
  ttlMaxSeconds: number;
  messagesPerDeviceMax: number;
  messagesEndedPerDeviceMax: number;
  gatherNormalMs: number;
  wakeupRetryFloorMs: number;
}

/** What an app server decides about its message. */
export interface Sending
  extends Omit<
    MessageRecord,
    'id' | 'nowMs' | 'expiresMs' | 'wakeupDueMs' | 'messagesMax' | 'messagesEndedMax'
  > {
  ttlSeconds: number;
}

export interface Taken {
  outcome: MessageOutcome['outcome'];
  id: MessageId;
  /** For how long it is kept, in seconds. */
  ttlSeconds: number;
  afterwards: () => void;
}

export type TakesMessage = (sending: Sending) => Promise<Taken>;

/** RFC 8030 section 5.2: TTL 0 is delivered at once or never. A connected device has this long to take it. */
const atOnceMs = 10_000;

export function createTakeMessage(parts: {
  store: Store;
  presence: Presence;
  deliver: Deliver;
  clock: Clock;
  limits: MessageLimits;
}): TakesMessage {
  const { store, presence, deliver, clock, limits } = parts;
  return async ({ ttlSeconds: asked, ...sending }) => {
    const nowMs = clock.now();
    const id = newMessageId(nowMs);
    const ttlSeconds = Math.min(asked, limits.ttlMaxSeconds);
    const atOnce = presence.holds(sending.device) ? atOnceMs : 0;
    const put = await store.putMessage({
      ...sending,
      ...{ id, nowMs, messagesMax: limits.messagesPerDeviceMax },
      messagesEndedMax: limits.messagesEndedPerDeviceMax,
      expiresMs: nowMs + (ttlSeconds * 1000 || atOnce),
      // What is for now is for an open socket: a device that sleeps comes too late for it.
      wakeupDueMs: ttlSeconds === 0 ? undefined : nowMs + waitFor(sending.urgency, ttlSeconds),
    });
    const afterwards = () => void deliver(sending.device, put);
    return { outcome: put.outcome, id, ttlSeconds, afterwards };
  };

  /** How long a wakeup may wait: for others to join it, or only for the device to take the message from its socket. */
  function waitFor(urgency: Urgency, ttlSeconds: number): number {
    if (urgency === 'high') return limits.wakeupRetryFloorMs;
    // A device that is woken has the other half to come for it.
    return Math.min(limits.gatherNormalMs, (ttlSeconds * 1000) / 2);
  }
}
