// Devices without a channel, on a real store and a clock moved by hand.
import t, { type Test } from 'tap';
import { watchVacancy } from '../../../central/deliver/vacancy.js';
import type { DeviceId } from '../../../central/protocol/ids.js';
import { openDelivery } from '../../support/central-app.js';
import { helloRecord, sampleIds } from '../../support/central-samples.js';

const vacantDeviceMs = 60_000;

async function openVacancy(t: Test) {
  const delivery = await openDelivery(t, { queueMax: 10_000 });
  const { store, presence, clock, log } = delivery;
  let forgotten = 0;
  const countForgotten = () => void forgotten++;
  const parts = { store, presence, vacantDeviceMs, clock, log, countForgotten };
  const vacancy = watchVacancy(parts);
  t.teardown(() => vacancy.close());

  async function meetVacant(): Promise<DeviceId> {
    const device = sampleIds.newDevice();
    await store.hello(helloRecord(device, { nowMs: clock.now(), isNew: true }));
    return device;
  }
  const devices = async () => (await store.counts()).devices;
  return { ...delivery, vacancy, meetVacant, devices, forgotten: () => forgotten };
}

t.test('a device without a channel is forgotten a while after its last hello', async (t) => {
  const { meet, meetVacant, pass, devices, forgotten } = await openVacancy(t);
  await meet();
  await meetVacant();
  await pass(vacantDeviceMs);
  t.equal(await devices(), 2);
  await pass(2_000);
  t.equal(await devices(), 1);
  t.equal(forgotten(), 1);
});

t.test('not while its socket is open', async (t) => {
  const { presence, meetVacant, pass, devices, forgotten } = await openVacancy(t);
  const device = await meetVacant();
  const holder = { onSignal() {}, onDisplaced() {}, onAddressLost() {} };
  presence.enter(device, holder);
  await pass(vacantDeviceMs * 2);
  t.equal(await devices(), 1);
  presence.leave(device, holder);
  await pass(2_000);
  t.equal(await devices(), 0);
  t.equal(forgotten(), 1);
});

t.test('however many they are', async (t) => {
  const { meetVacant, pass, devices, forgotten } = await openVacancy(t);
  await Promise.all(Array.from({ length: 4_500 }, meetVacant));
  await pass(vacantDeviceMs + 5_000);
  t.equal(await devices(), 0);
  t.equal(forgotten(), 4_500);
});

t.test('a look that is under way at the end begins no other', async (t) => {
  const { clock, vacancy, meetVacant, pass, devices } = await openVacancy(t);
  await meetVacant();
  await pass(vacantDeviceMs);
  vacancy.close();
  clock.advance(10_000);
  t.equal(await devices(), 1);
  t.equal(clock.untilNextMs(), undefined);
});
