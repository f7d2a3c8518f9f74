// What becomes of messages is counted where the store tells of it.
import t from 'tap';
import { countedStore } from '../../central/counted-store.js';
import { ackLabel } from '../../central/metrics.js';
import { type MessageId, newMessageId } from '../../central/protocol/ids.js';
import type { MessageRecord } from '../../central/store/messages.js';
import { sampleChannel as channel, openDelivery } from '../support/central-app.js';

type Tap = Parameters<typeof openDelivery>[0];

async function setUp(t: Tap) {
  const delivery = await openDelivery(t);
  const { clock } = delivery;
  const counts: Record<string, number> = {};
  const add = (name: string, count: number) => {
    if (count > 0) counts[name] = (counts[name] ?? 0) + count;
  };
  const store = countedStore(delivery.store, {
    ended: add,
    acked: (label) => add(`code ${label}`, 1),
  });
  const device = await delivery.meet({ takes: 'push' });
  const put = async (more: Partial<MessageRecord> = {}) => {
    const nowMs = clock.now();
    const id = newMessageId(nowMs);
    await store.putMessage({
      ...{ device, channel, id, kind: 'push', body: undefined, encoding: {}, urgency: 'normal' },
      ...{ topic: undefined, nowMs, expiresMs: nowMs + 60_000, wakeupDueMs: nowMs, lane: 'prompt' },
      ...{ key: undefined, receipt: undefined, messagesMax: 2, messagesEndedMax: 9, ...more },
    });
    return id;
  };
  return { clock, store, device, put, counts };
}

const nack = (id: MessageId, code: number) => ({ id, code });

t.test('each end is counted once', async (t) => {
  const { clock, store, device, put, counts } = await setUp(t);
  const first = await put({ topic: 'a' });
  const second = await put({ topic: 'a' });
  t.same(counts, { replaced: 1 });
  await store.ackMessages(
    device,
    [first, second, second].map((id) => ({ id, code: 100 })),
    clock.now(),
  );
  t.same(counts, { replaced: 1, acked: 1, 'code 100': 1 }, 'and so is its code');
  const cancelled = await put();
  for (let i = 0; i < 2; i++) await store.cancelMessage(device, cancelled, clock.now());
  for (let i = 0; i < 3; i++) await put();
  await put({ expiresMs: clock.now(), wakeupDueMs: undefined });
  t.match(counts, { cancelled: 1, dropped: 1, expired: 1 });
  for (let i = 0; i < 2; i++) t.equal(await store.nackMessage(device, nack(second, 302)), i === 0);
  t.notOk(await store.nackMessage(device, nack(second, 200)));
  t.notOk(await store.nackMessage(device, nack(cancelled, 301)));
  t.match(counts, { 'code 302': 1, 'code 301': undefined, 'code other': undefined });
});

t.test('codes come from a closed set', async (t) => {
  for (const code of [100, 101, 102, 301, 302, 303]) t.equal(ackLabel(code), String(code));
  t.equal(ackLabel(undefined), 'none');
  for (const code of [0, 99, 103, 1e21, Number.NaN]) t.equal(ackLabel(code), 'other');
});
