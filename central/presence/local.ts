// Presence inside one process.
import type { DeviceId } from '../protocol/ids.js';
import type { Holder, Presence } from './presence.js';

export function createLocalPresence(): Presence {
  const holders = new Map<DeviceId, Holder>();
  return {
    enter(device, holder) {
      const older = holders.get(device);
      holders.set(device, holder);
      if (older && older !== holder) older.onDisplaced();
    },
    leave(device, holder) {
      if (holders.get(device) === holder) holders.delete(device);
    },
    signal(device) {
      const holder = holders.get(device);
      holder?.onSignal();
      return holder !== undefined;
    },
    holds: (device) => holders.has(device),
    revokeAddress: (device) => holders.get(device)?.onAddressLost(),
    size: () => holders.size,
  };
}
