// From a stored version or message to its device, with the real store, presence and wake; no gateway answers.
import t from 'tap';
import { type DeviceId, newMessageId } from '../../../central/protocol/ids.js';
import { type Urgency, urgencies } from '../../../shared/wakeup/request.js';
import { sampleChannel as c1, openDelivery, wakeupAfterMs } from '../../support/central-app.js';
import { messageRecord, putRecord, wakeupAddress } from '../../support/central-samples.js';

type Delivery = Awaited<ReturnType<typeof openDelivery>>;
const here = wakeupAddress('10.77.88.99');

function put({ store, clock }: Delivery, device: DeviceId, version: number) {
  const nowMs = clock.now();
  const wakeupDueMs = nowMs + wakeupAfterMs;
  return store.put(putRecord(device, c1, version, { nowMs, wakeupDueMs }));
}

function send({ store, clock }: Delivery, device: DeviceId, urgency: Urgency) {
  const more = { kind: 'text', urgency, nowMs: clock.now() } as const;
  return store.putMessage(messageRecord(device, c1, more));
}

/** Wakeups that a gateway is asked for. */
const underWay = ({ wake }: Delivery) => wake.report()[0]?.underWay;

t.test('a device on a socket is signalled and not woken', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  let signals = 0;
  const onSignal = () => void signals++;
  delivery.presence.enter(device, { onSignal, onDisplaced() {}, onAddressLost() {} });
  t.equal(delivery.deliver(device, await put(delivery, device, 1)), 'socket');
  t.equal(signals, 1);
  t.equal(underWay(delivery), 0);
  t.same(delivery.paths, ['socket']);
});

t.test('a device that is nowhere and has no address waits for its hello', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet();
  t.equal(delivery.deliver(device, await put(delivery, device, 1)), 'stored');
  t.equal(underWay(delivery), 0);
  t.same(delivery.paths, ['stored']);
});

t.test('a device with an address is woken for its first version', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  t.equal(delivery.deliver(device, await put(delivery, device, 1)), 'wakeup');
  t.equal(underWay(delivery), 1);
  t.same(delivery.replaced, []);
});

t.test('further versions meanwhile cause no other wakeup', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  const first = await put(delivery, device, 1);
  const more = [await put(delivery, device, 2), await put(delivery, device, 3)];
  delivery.deliver(device, first);
  for (const outcome of more) t.equal(delivery.deliver(device, outcome), 'wakeup');
  t.equal(underWay(delivery), 1);
  t.same(delivery.replaced, [here.network, here.network]);
  t.same(delivery.paths, ['wakeup', 'wakeup', 'wakeup']);
});

t.test('an urgent message wakes its device at once, a low one waits for its hello', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  t.equal(delivery.deliver(device, await send(delivery, device, 'low')), 'stored');
  t.equal(underWay(delivery), 0);
  t.equal(delivery.deliver(device, await send(delivery, device, 'high')), 'wakeup');
  t.equal(underWay(delivery), 1);
  t.equal(delivery.deliver(device, await send(delivery, device, 'very-low')), 'stored');
  t.same(delivery.replaced, []);
});

t.test('messages of normal urgency are gathered, until a version makes them leave', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  t.equal(delivery.deliver(device, await send(delivery, device, 'normal')), 'wakeup');
  t.same(delivery.replaced, [], 'it is owed one');
  t.equal(delivery.deliver(device, await send(delivery, device, 'normal')), 'wakeup');
  t.same(delivery.replaced, [here.network], 'which serves both');
  t.equal(underWay(delivery), 0);
  t.equal(delivery.deliver(device, await put(delivery, device, 1)), 'wakeup');
  t.equal(underWay(delivery), 1);
  t.same(delivery.replaced, [here.network]);
});

t.test('a device on a socket is signalled for a message of any urgency', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  delivery.presence.enter(device, { onSignal() {}, onDisplaced() {}, onAddressLost() {} });
  for (const urgency of urgencies) {
    t.equal(delivery.deliver(device, await send(delivery, device, urgency)), 'socket', urgency);
  }
  t.equal(underWay(delivery), 0);
});

t.test('the log tells the path of a version, without its channel, number or address', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  delivery.deliver(device, await put(delivery, device, 31415));
  t.match(delivery.lines, [{ trace: { id: '9003' }, fields: { device, path: 'wakeup' } }]);
  t.notMatch(JSON.stringify(delivery.lines), /31415|10\.77|"c1"/);
});

t.test('a store that is gone by then ends nothing', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  const outcome = await put(delivery, device, 1);
  await delivery.store.close();
  t.equal(delivery.deliver(device, outcome), 'wakeup');
  while (underWay(delivery)) await new Promise(setImmediate);
  t.match(delivery.lines.at(-1), { trace: { id: '2013' } });
});

t.test('nothing sets out for a message that ended as it was stored', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  const nowMs = delivery.clock.now();
  const over = messageRecord(device, c1, { kind: 'text', nowMs, expiresMs: nowMs });
  t.equal(delivery.deliver(device, await delivery.store.putMessage(over)), 'none');
  t.equal(underWay(delivery), 0);
  t.same(delivery.paths, ['none']);
});

t.test('what comes in the pause after a sign is not sent before its end', async (t) => {
  const delivery = await openDelivery(t, { isOnline: true });
  const device = await delivery.meet({ address: here });
  const { store, clock } = delivery;
  const nowMs = clock.now();
  const move = async (event: Parameters<typeof store.move>[0]['event']) => {
    const serial = (await store.wakeupOf(device))?.serial ?? 0;
    await store.move({ device, serial, event });
  };
  const first = { id: newMessageId(nowMs), kind: 'text', urgency: 'high', nowMs } as const;
  await store.putMessage(messageRecord(device, c1, first));
  await move({ name: 'begun', nowMs, dueMs: nowMs + 30_000 });
  await move({ name: 'triggered' });
  await move({ name: 'sign', nowMs, attemptsMax: 5 });
  await store.cancelMessage(device, first.id, nowMs);
  t.equal(delivery.deliver(device, await send(delivery, device, 'high')), 'wakeup');
  t.equal(underWay(delivery), 0);
  t.match(await store.wakeupOf(device), { state: 'owed', dueMs: nowMs + 30_000 });
});
