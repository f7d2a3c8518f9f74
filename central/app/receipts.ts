// `GET /wpush/v1/receipts/<token>` (RFC 8030 section 5.1: the receipt subscription resource): what became of the
// messages that were sent with it. The RFC pushes receipts over HTTP/2; here they are read, and may be waited for.
import type { Clock } from '../../shared/clock.js';
import { json } from '../../shared/http.js';
import { messagePath, receiptPath } from '../protocol/endpoint.js';
import type { Ids, ReceiptId } from '../protocol/ids.js';
import type { Receipt } from '../store/messages.js';
import type { Store } from '../store/store.js';
import { timeText } from './message.js';
import { parsePrefer } from './prefer.js';
import type { Asked, Done, Handler } from './resource.js';

export interface Receipts {
  read: Handler;
  /** Requests that are held now. */
  waiting(): number;
  /** Lets nobody wait any more: everybody is answered with what there is. */
  close(): void;
}

/** Receipts in one answer; more are under `next`. */
const receiptsPerAnswerMax = 100;
const lookMs = 1_000;

export function createReceipts(parts: {
  store: Store;
  ids: Ids;
  clock: Clock;
  baseUrl: () => string;
  waitMaxMs: number;
  waitersMax: number;
  /** Of one app server, known by its address. */
  waitersPerAddressMax: number;
}): Receipts {
  const { store, ids, clock, baseUrl, waitMaxMs, waitersMax, waitersPerAddressMax } = parts;
  /** Each ends a wait; with whose it is. */
  const waiters = new Map<() => void, string>();
  let isClosed = false;

  const look = (receipt: ReceiptId, after: number) =>
    store.receipts(receipt, { after, limit: receiptsPerAnswerMax });

  /** Looks again and again: until something is there, the time is over or the peer gone. */
  async function wait(
    look: () => Promise<Receipt[]>,
    { untilMs, onOver, subscriber }: { untilMs: number } & Pick<Asked, 'onOver' | 'subscriber'>,
  ): Promise<Receipt[]> {
    let isOver = false;
    let proceed = () => {};
    const end = () => {
      isOver = true;
      proceed();
    };
    waiters.set(end, subscriber);
    onOver(end);
    try {
      for (;;) {
        const leftMs = untilMs - clock.now();
        if (isOver || isClosed || leftMs <= 0) return [];
        await new Promise<void>((resolve) => {
          const cancel = clock.after(Math.min(lookMs, leftMs), resolve);
          proceed = () => {
            cancel();
            resolve();
          };
        });
        const found = isOver ? [] : await look();
        if (found.length > 0) return found;
      }
    } finally {
      waiters.delete(end);
    }
  }

  async function read({ token, headers, query, onOver, subscriber }: Asked) {
    const receipt = ids.parseReceiptToken(token);
    if (!receipt) return 'receipts-not-found';
    const after = parseAfter(query.get('after'));
    if (after === undefined) return 'bad-after';
    const waitMs = Math.min(parsePrefer(headers.prefer).waitMs, waitMaxMs);
    const found = await look(receipt, after);
    if (found.length > 0 || waitMs === 0 || isClosed) return told(found, token, after);
    if (isFull(subscriber)) return 'too-many-waiters';
    const untilMs = clock.now() + waitMs;
    const waited = await wait(() => look(receipt, after), { untilMs, onOver, subscriber });
    return told(waited, token, after);
  }

  function isFull(subscriber: string): boolean {
    if (waiters.size >= waitersMax) return true;
    const ofSubscriber = [...waiters.values()].filter((other) => other === subscriber);
    return ofSubscriber.length >= waitersPerAddressMax;
  }

  function told(found: readonly Receipt[], token: string, after: number): Done {
    const serial = found.at(-1)?.serial ?? after;
    const answer = json(200, {
      receipts: found.map(receiptBody),
      next: `${baseUrl()}${receiptPath}${token}?after=${serial}`,
    });
    return { result: 'receipts-read', answer };
  }

  function receiptBody({ device, id, end, code, endedMs }: Receipt) {
    const message = `${baseUrl()}${messagePath}${ids.messageTokenOf(device, id)}`;
    // RFC 8030 section 5.1: a receipt says that a message was delivered when the device has acknowledged it.
    return { message, status: end === 'acked' ? 'delivered' : end, at: timeText(endedMs), code };
  }

  return {
    read,
    waiting: () => waiters.size,
    close() {
      isClosed = true;
      for (const end of waiters.keys()) end();
    },
  };
}

function parseAfter(text: string | null): number | undefined {
  if (text === null) return 0;
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}
