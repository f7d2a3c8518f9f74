import t from 'tap';
import { createLocalPresence } from '../../../central/presence/local.js';
import type { Holder } from '../../../central/presence/presence.js';
import { sampleIds } from '../../support/central-samples.js';

/** A holder that keeps what it was told. */
function keeper(events: string[], name: string): Holder {
  return {
    onSignal: () => void events.push(`${name} signalled`),
    onDisplaced: () => void events.push(`${name} displaced`),
    onAddressLost: () => void events.push(`${name} lost its address`),
  };
}

const device = sampleIds.newDevice();
const other = sampleIds.newDevice();

t.test('a signal reaches the holder of that device and nobody else', async (t) => {
  const presence = createLocalPresence();
  const events: string[] = [];
  presence.enter(device, keeper(events, 'a'));
  presence.enter(other, keeper(events, 'b'));
  t.equal(presence.signal(device), true);
  t.same(events, ['a signalled']);
});

t.test('a signal for a device that nobody holds reaches nobody', async (t) => {
  const presence = createLocalPresence();
  t.equal(presence.signal(device), false);
  const events: string[] = [];
  const holder = keeper(events, 'a');
  presence.enter(device, holder);
  presence.leave(device, holder);
  t.equal(presence.signal(device), false);
  t.same(events, []);
});

t.test('a newer holder displaces the older one, which is told once', async (t) => {
  const presence = createLocalPresence();
  const events: string[] = [];
  presence.enter(device, keeper(events, 'older'));
  presence.enter(device, keeper(events, 'newer'));
  presence.signal(device);
  t.same(events, ['older displaced', 'newer signalled']);
  t.equal(presence.size(), 1);
});

t.test('a displaced holder that leaves takes nothing from the newer one', async (t) => {
  const presence = createLocalPresence();
  const events: string[] = [];
  const older: Holder = {
    onSignal: () => {},
    // As a session does: it leaves while the newer one enters.
    onDisplaced: () => presence.leave(device, older),
    onAddressLost: () => {},
  };
  presence.enter(device, older);
  presence.enter(device, keeper(events, 'newer'));
  presence.leave(device, older);
  t.equal(presence.signal(device), true);
  t.same(events, ['newer signalled']);
});

t.test('a holder that enters again is not displaced by itself', async (t) => {
  const presence = createLocalPresence();
  const events: string[] = [];
  const holder = keeper(events, 'a');
  presence.enter(device, holder);
  presence.enter(device, holder);
  t.same(events, []);
  t.equal(presence.size(), 1);
});

t.test('it tells who is held and how many', async (t) => {
  const presence = createLocalPresence();
  const holder = keeper([], 'a');
  t.equal(presence.size(), 0);
  presence.enter(device, holder);
  presence.enter(other, holder);
  t.same([presence.holds(device), presence.holds(other), presence.size()], [true, true, 2]);
  presence.leave(device, holder);
  presence.leave(device, holder);
  t.same([presence.holds(device), presence.holds(other), presence.size()], [false, true, 1]);
});

t.test('that an address is lost is told to the holder of that device alone', async (t) => {
  const presence = createLocalPresence();
  const events: string[] = [];
  presence.enter(device, keeper(events, 'a'));
  presence.enter(other, keeper(events, 'b'));
  presence.revokeAddress(device);
  presence.revokeAddress(sampleIds.newDevice());
  t.same(events, ['a lost its address']);
  t.ok(presence.holds(device) && presence.holds(other), 'and it goes on holding');
});
