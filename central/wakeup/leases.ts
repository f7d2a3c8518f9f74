// An address is a lease: a device that was quiet for long may have lost it to another one (the architecture document:
// a PDP context ends after about 24 h of inactivity). Then it is dark, and nobody is woken in its place.
import type { Clock } from '../../shared/clock.js';
import { type Repetition, repeat } from '../../shared/lifecycle.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { Presence } from '../presence/presence.js';
import type { DeviceWakeup, Store } from '../store/store.js';
import type { Books } from './books.js';

const lookMsMax = 60_000;
/** In one reading: what else waits for the disk gets its turn in between. */
const leasesPerLook = 100;

/** Looks for leases that are over, from now until `close`. */
export function watchLeases(parts: {
  store: Store;
  presence: Presence;
  books: Books;
  leaseMs: number;
  clock: Clock;
  log: Log;
}): Repetition {
  const { store, presence, books, leaseMs, clock, log } = parts;
  const lookMs = Math.min(lookMsMax, Math.max(1_000, leaseMs / 10));
  async function end({ device, serial }: DeviceWakeup): Promise<void> {
    const nowMs = clock.now();
    // Its open socket says that the address is still its own.
    if (presence.holds(device)) return store.renewAddress(device, nowMs);
    books.moved(await store.move({ device, serial, event: { name: 'lapsed', nowMs } }));
  }

  async function look(isClosed: () => boolean): Promise<void> {
    for (;;) {
      const over = await store.leasesOver(clock.now() - leaseMs, leasesPerLook);
      await Promise.all(over.map(end));
      if (over.length < leasesPerLook || isClosed()) return;
    }
  }

  return repeat(look, { pauseMs: lookMs, clock, log, trace: traces.storeFailed });
}
