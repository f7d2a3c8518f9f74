// The store as central's parts use it, with what becomes of messages counted on its way.
import { ackLabel, type MessageCounts } from './metrics.js';
import type { Store } from './store/store.js';

/** Messages that end with their channel are not told by the store. */
export function countedStore(store: Store, counts: MessageCounts): Store {
  return {
    ...store,
    async putMessage(record) {
      const put = await store.putMessage(record);
      counts.ended('replaced', put.replaced);
      counts.ended('dropped', put.dropped);
      // Its time was over before it came: it was for an open socket alone.
      counts.ended('expired', Number(put.endedAs === 'expired'));
      return put;
    },
    async ackMessages(device, messages, nowMs) {
      const ended = await store.ackMessages(device, messages, nowMs);
      for (const { code } of ended.acked) counts.acked(ackLabel(code));
      counts.ended('acked', ended.acked.length);
      return ended;
    },
    async nackMessage(device, message) {
      const isNoted = await store.nackMessage(device, message);
      if (isNoted) counts.acked(ackLabel(message.code));
      return isNoted;
    },
    async cancelMessage(device, message, nowMs) {
      const outcome = await store.cancelMessage(device, message, nowMs);
      counts.ended('cancelled', Number(outcome === 'cancelled'));
      return outcome;
    },
  };
}
