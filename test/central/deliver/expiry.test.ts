// The end of messages whose time is over, on a real store and a clock moved by hand.
import t, { type Test } from 'tap';
import { watchExpiry } from '../../../central/deliver/expiry.js';
import type { MessageId } from '../../../central/protocol/ids.js';
import { sampleChannel as c1, openDelivery } from '../../support/central-app.js';
import { messageRecord } from '../../support/central-samples.js';

const messageStatusMs = 60_000;

async function openExpiry(t: Test) {
  const delivery = await openDelivery(t, { queueMax: 2_000 });
  const { store, clock, log } = delivery;
  const device = await delivery.meet();
  const expired: number[] = [];
  const countExpired = (messages: number) => void expired.push(messages);
  const expiry = watchExpiry({ store, messageStatusMs, clock, log, countExpired });
  t.teardown(() => expiry.close());

  async function send(ttlMs: number): Promise<MessageId> {
    const nowMs = clock.now();
    const more = { kind: 'text', nowMs, expiresMs: nowMs + ttlMs, messagesMax: 10_000 } as const;
    const record = messageRecord(device, c1, more);
    await store.putMessage(record);
    return record.id;
  }
  const statusOf = async (id: MessageId) => store.messageStatus(device, id);
  return { ...delivery, expiry, device, expired, send, statusOf };
}

t.test('a message whose time is over ends within a second, and is counted', async (t) => {
  const { clock, send, pass, expired, statusOf } = await openExpiry(t);
  const [first, second] = [await send(1_500), await send(60_000)];
  await pass(1_000);
  t.match(await statusOf(first), { state: 'stored' });
  await pass(1_000);
  t.match(await statusOf(first), { state: 'expired', atMs: clock.now() });
  t.match(await statusOf(second), { state: 'stored' });
  t.same(expired, [1]);
});

t.test('however many they are, they all end in one look', async (t) => {
  const { store, send, pass, expired } = await openExpiry(t);
  await Promise.all(Array.from({ length: 1_200 }, () => send(500)));
  await pass(1_000);
  t.match(await store.counts(), { messages: 0 });
  t.same(expired, Array(12).fill(100));
});

t.test('what became of a message is known for a while and no longer', async (t) => {
  const { store, clock, device, send, pass, statusOf } = await openExpiry(t);
  const id = await send(3_600_000);
  await store.cancelMessage(device, id, clock.now());
  await pass(messageStatusMs);
  t.match(await statusOf(id), { state: 'cancelled' });
  await pass(1_000);
  t.equal(await statusOf(id), undefined);
});

t.test('a store that fails is asked again', async (t) => {
  const { store, lines, clock } = await openExpiry(t);
  await store.close();
  clock.advance(1_000);
  while (clock.untilNextMs() === undefined) await new Promise(setImmediate);
  clock.advance(1_000);
  while (lines.length < 2) await new Promise(setImmediate);
  t.match(lines, [{ trace: { id: '2013' } }, { trace: { id: '2013' } }]);
});

t.test('after its end nothing happens any more', async (t) => {
  const { store, expiry, send, clock } = await openExpiry(t);
  await send(500);
  expiry.close();
  clock.advance(10_000);
  t.match(await store.counts(), { messages: 1 });
});
