// The store as central's parts use it, with what becomes of messages counted on its way.
import { ackLabel, type MessageCounts } from './metrics.js';
import type { Store } from './store/store.js';

/** Messages that end with their channel, or with the dialect of their device, are not told by the store. */
export function countedStore(store: Store, counts: MessageCounts): Store {
  return {
    ...store,
    async putMessage(record) {
      const put = await store.putMessage(record);
      counts.ended('replaced', put.replaced);
      counts.ended('dropped', put.dropped);
      // Its time was over before it came: it was for an open socket alone.
      const isOver = put.outcome === 'stored' && record.expiresMs <= record.nowMs;
      counts.ended('expired', Number(isOver));
      return put;
    },
    async ackMessages(device, messages, nowMs) {
      const acked = await store.ackMessages(device, messages, nowMs);
      for (const { code } of messages) counts.acked(ackLabel(code));
      counts.ended('acked', acked.messages);
      return acked;
    },
    async nackMessage(device, message) {
      await store.nackMessage(device, message);
      counts.acked(ackLabel(message.code));
    },
    async cancelMessage(device, message, nowMs) {
      const outcome = await store.cancelMessage(device, message, nowMs);
      counts.ended('cancelled', Number(outcome === 'cancelled'));
      return outcome;
    },
  };
}
