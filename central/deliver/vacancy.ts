// Devices that nobody can send anything to: what has no channel is forgotten some time after its last hello. Anybody makes one
// with a hello, and it would be kept for ever.
import type { Clock } from '../../shared/clock.js';
import { type Repetition, repeat } from '../../shared/lifecycle.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { Presence } from '../presence/presence.js';
import type { DeviceId } from '../protocol/ids.js';
import type { Store } from '../store/store.js';

const lookMs = 1_000;
/** Looked at in one transaction: twice as many as `hellosPerSecond` lets in by default. */
const devicesPerLook = 1_000;
/** In one transaction: what else waits for the disk gets its turn in between. */
const forgottenPerStep = 100;

/** Goes round all devices, from now until `close`. */
export function watchVacancy(parts: {
  store: Store;
  presence: Presence;
  /** How long a device without a channel is kept after its last hello. */
  vacantDeviceMs: number;
  clock: Clock;
  log: Log;
  countForgotten: () => void;
}): Repetition {
  const { store, presence, vacantDeviceMs, clock, log, countForgotten } = parts;
  let after: DeviceId | undefined;

  async function look(isClosed: () => boolean): Promise<void> {
    const saidBeforeMs = clock.now() - vacantDeviceMs;
    const query = { after, saidBeforeMs, limit: devicesPerLook };
    const { vacant, next } = await store.vacantDevices(query);
    after = next;
    while (vacant.length > 0 && !isClosed()) {
      const some = vacant.splice(0, forgottenPerStep);
      await Promise.all(some.map((device) => forget(device, saidBeforeMs)));
    }
  }

  async function forget(device: DeviceId, saidBeforeMs: number): Promise<void> {
    // On its open socket it may register a channel yet.
    if (presence.holds(device)) return;
    if (await store.forgetDevice(device, saidBeforeMs)) countForgotten();
  }

  return repeat(look, { pauseMs: lookMs, clock, log, trace: traces.storeFailed });
}
