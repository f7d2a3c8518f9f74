// From a stored version to its device, with the real store, presence and wake; no network is there to wake by.
import t from 'tap';
import type { DeviceId } from '../../../central/protocol/ids.js';
import { sampleChannel as c1, openDelivery, wakeupAfterMs } from '../../support/central-app.js';
import { wakeupAddress } from '../../support/central-samples.js';

type Delivery = Awaited<ReturnType<typeof openDelivery>>;
const here = wakeupAddress('10.77.88.99');

function put({ store, clock }: Delivery, device: DeviceId, version: number) {
  return store.put({ device, channel: c1, version, wakeupDueMs: clock.now() + wakeupAfterMs });
}

t.test('a device on a socket is signalled and not woken', async (t) => {
  const delivery = await openDelivery(t);
  const device = await delivery.meet({ address: here });
  let signals = 0;
  delivery.presence.enter(device, { onSignal: () => void signals++, onDisplaced: () => {} });
  t.equal(delivery.deliver(device, await put(delivery, device, 1)), 'socket');
  t.equal(signals, 1);
  t.equal(delivery.wake.underWay(), 0);
  t.same(delivery.paths, ['socket']);
});

t.test('a device that is nowhere and has no address waits for its hello', async (t) => {
  const delivery = await openDelivery(t);
  const device = await delivery.meet();
  t.equal(delivery.deliver(device, await put(delivery, device, 1)), 'stored');
  t.equal(delivery.wake.underWay(), 0);
  t.same(delivery.paths, ['stored']);
});

t.test('a device with an address is woken for its first version', async (t) => {
  const delivery = await openDelivery(t);
  const device = await delivery.meet({ address: here });
  t.equal(delivery.deliver(device, await put(delivery, device, 1)), 'wakeup');
  t.equal(delivery.wake.underWay(), 1);
  t.same(delivery.replaced, []);
});

t.test('further versions meanwhile cause no other wakeup', async (t) => {
  const delivery = await openDelivery(t);
  const device = await delivery.meet({ address: here });
  const first = await put(delivery, device, 1);
  const more = [await put(delivery, device, 2), await put(delivery, device, 3)];
  delivery.deliver(device, first);
  for (const outcome of more) t.equal(delivery.deliver(device, outcome), 'wakeup');
  t.equal(delivery.wake.underWay(), 1);
  t.same(delivery.replaced, [here, here]);
  t.same(delivery.paths, ['wakeup', 'wakeup', 'wakeup']);
});

t.test('the log tells the path of a version, without its channel, number or address', async (t) => {
  const delivery = await openDelivery(t);
  const device = await delivery.meet({ address: here });
  delivery.deliver(device, await put(delivery, device, 31415));
  t.match(delivery.lines, [{ trace: { id: '9003' }, fields: { device, path: 'wakeup' } }]);
  t.notMatch(JSON.stringify(delivery.lines), /31415|10\.77|"c1"/);
});

t.test('a store that is gone by then ends nothing', async (t) => {
  const delivery = await openDelivery(t);
  const device = await delivery.meet({ address: here });
  const outcome = await put(delivery, device, 1);
  await delivery.store.close();
  t.equal(delivery.deliver(device, outcome), 'wakeup');
  while (delivery.wake.underWay() > 0) await new Promise(setImmediate);
  t.match(delivery.lines.at(-1), { trace: { id: '2013' } });
});
