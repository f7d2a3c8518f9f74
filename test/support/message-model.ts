// What is known of a device's messages without asking the store, kept in the simplest way there is.
import type { ChannelId, MessageId } from '../../central/protocol/ids.js';
import type { MessageKind } from '../../central/protocol/messages.js';
import type { MessageRecord } from '../../central/store/messages.js';
import { urgencies } from '../../shared/wakeup/request.js';

interface Kept extends MessageRecord {
  /** The serial of the one wakeup that it had. */
  triedBy?: number | undefined;
}

export interface MessageModel {
  /** What the device can be sent; those of another kind wait. */
  takes: MessageKind;
  /** Pending ones that it can be sent, in the order in which they came. */
  pending(): MessageId[];
  /** Of all kinds. */
  count(): number;
  /** Whether one of them wants a wakeup; without a time, also one that is over. */
  wantsWakeup(nowMs?: number): boolean;
  isUrgent(): boolean;
  /** Those that it replaced and those that were too many. */
  send(record: MessageRecord): { replaced: number; dropped: number };
  remove(isGone: (message: MessageRecord) => boolean): number;
  begun(wakeup: number): void;
  unsent(wakeup: number): void;
}

export function createMessageModel(): MessageModel {
  let kept: Kept[] = [];

  function remove(isGone: (message: Kept) => boolean): number {
    const before = kept.length;
    kept = kept.filter((message) => !isGone(message));
    return before - kept.length;
  }

  function dropLeast(): void {
    const rank = ({ urgency }: Kept) => urgencies.indexOf(urgency);
    const least = Math.min(...kept.map(rank));
    const gone = kept.find((message) => rank(message) === least);
    remove((message) => message === gone);
  }

  const readable = () => kept.filter(({ kind }) => kind === model.takes);
  const once = () => readable().filter(({ urgency }) => urgency === 'normal');

  const model: MessageModel = {
    takes: 'text',
    remove,
    pending: () => readable().map(({ id }) => id),
    count: () => kept.length,
    isUrgent: () => readable().some(({ urgency }) => urgency === 'high'),
    wantsWakeup: (nowMs = 0) =>
      readable()
        .filter(({ expiresMs, wakeupDueMs }) => expiresMs > nowMs && wakeupDueMs !== undefined)
        .some((message) => message.urgency === 'high' || isUntried(message)),
    send(record) {
      const { topic, channel, expiresMs, nowMs, messagesMax } = record;
      const isOld = (other: Kept) => other.topic === topic && other.channel === channel;
      const replaced = topic === undefined ? 0 : remove(isOld);
      if (expiresMs > nowMs) kept.push(record);
      const dropped = Math.max(0, kept.length - messagesMax);
      for (let i = 0; i < dropped; i++) dropLeast();
      return { replaced, dropped };
    },
    begun(wakeup) {
      for (const message of once()) message.triedBy ??= wakeup;
    },
    unsent(wakeup) {
      for (const message of once()) if (message.triedBy === wakeup) message.triedBy = undefined;
    },
  };
  return model;
}

function isUntried({ urgency, triedBy }: Kept): boolean {
  return urgency === 'normal' && triedBy === undefined;
}

/** The channels of messages, for whoever removes those of one. */
export const isOf = (channel: ChannelId) => (message: MessageRecord) => message.channel === channel;
