// A part of the store's contract: devices that nothing can be sent to, and their end.
import type { DeviceId } from '../../../central/protocol/ids.js';
import type { Store } from '../../../central/store/store.js';
import { channel, helloRecord, sampleIds, sampleMs } from '../../support/central-samples.js';
import { anyAddress, meet, meetAnother, phrases, type Test } from './phrases.js';

const c1 = channel('c1');
/** A moment after the last word of all devices. */
const laterMs = sampleMs + 1;

/** The vacant devices among all, found in steps. */
async function vacantOf(store: Store, limit = 2): Promise<Set<DeviceId>> {
  const found = new Set<DeviceId>();
  let after: DeviceId | undefined;
  do {
    const seen = await store.vacantDevices({ after, saidBeforeMs: laterMs, limit });
    for (const device of seen.vacant) found.add(device);
    after = seen.next;
  } while (after);
  return found;
}

async function meetVacant(store: Store, more: Parameters<typeof helloRecord>[1] = {}) {
  const device = sampleIds.newDevice();
  await store.hello(helloRecord(device, { isNew: true, ...more }));
  return device;
}

export function vacantDevices(test: Test): void {
  test('a device without a channel that said nothing for long is vacant, whatever its address', async (t, open) => {
    const store = await open('empty');
    const none = await meetVacant(store);
    const resting = await meetVacant(store, { address: anyAddress() });
    const claimed = await meetVacant(store, { address: anyAddress(), trust: 'prove' });
    const dark = await meetVacant(store, { address: anyAddress() });
    await phrases(store).darken(dark);
    await meetVacant(store, { nowMs: laterMs });
    await meetAnother(store);
    const all = [none, resting, claimed, dark];
    for (const limit of [1, 2, 100]) t.same(await vacantOf(store, limit), new Set(all.sort()));
    for (const device of all) t.equal(await store.forgetDevice(device, laterMs), true);
    t.same(await vacantOf(store), new Set());
    t.match(await store.counts(), { devices: 2 });
    t.same(await store.wakeupCounts(), []);
    t.equal(await store.wakeupOf(resting), undefined);
    t.equal(await store.forgetDevice(resting, laterMs), false);
  });

  test('it is kept once it says hello or registers', async (t, open) => {
    const store = await open('empty');
    const back = await meetVacant(store);
    const registers = await meetVacant(store);
    t.same(await vacantOf(store), new Set([back, registers]));
    await store.hello(helloRecord(back, { nowMs: laterMs }));
    await store.register(registers, c1, 100);
    for (const device of [back, registers]) {
      t.equal(await store.forgetDevice(device, laterMs), false);
    }
    t.match(await store.counts(), { devices: 2 });
  });

  test('one that was forgotten is a new one when it comes back', async (t, open) => {
    const { store, device, hello, put, stateOf } = await meet(open, { channels: [] });
    t.equal(await store.forgetDevice(device, laterMs), true);
    t.match(await put(device, c1, 1), { outcome: 'unknown-device' });
    t.match(await hello(device, { mustBeKnown: true }), { outcome: 'stranger' });
    t.match(await hello(device, { address: anyAddress(), channels: [c1] }), { outcome: 'known' });
    t.match(await put(device, c1, 1), { outcome: 'stored', isOwedAnew: true });
    t.equal(await stateOf(device), 'owed');
  });
}
