// From a stored version or message to its device: signal whoever holds the socket, else wake. Runs after the app server
// has its answer; whatever fails here, the store keeps the promise.
import type { Log } from '../../shared/log.js';
import type { NetworkKey } from '../../shared/network.js';
import { traces } from '../../shared/traces.js';
import type { Presence } from '../presence/presence.js';
import type { DeviceId } from '../protocol/ids.js';
import type { MessageOutcome } from '../store/messages.js';
import type { PutOutcome } from '../store/store.js';
import type { Wake } from '../wakeup/wake.js';

/** How what was stored sets out: on an open socket, by a wakeup, not before the device connects, or not at all. */
export const deliveryPaths = ['socket', 'wakeup', 'stored', 'none'] as const;
export type DeliveryPath = (typeof deliveryPaths)[number];

/** Takes the outcome of a `put` or a `putMessage` that stored something. Never throws. */
export type Deliver = (
  device: DeviceId,
  put: Pick<PutOutcome, 'owed' | 'isOwedAnew'> & Pick<MessageOutcome, 'endedAs'>,
) => DeliveryPath;

export function createDeliver(parts: {
  presence: Presence;
  wake: Wake;
  log: Log;
  countPath: (path: DeliveryPath) => void;
  /** A wakeup that this one would have needed is under way already. */
  countReplaced: (network: NetworkKey) => void;
}): Deliver {
  const { presence, wake, log, countPath, countReplaced } = parts;

  function set(device: DeviceId, put: Parameters<Deliver>[1]): DeliveryPath {
    // It was for an open socket and there is none, or there are too many that matter more.
    if (put.endedAs) return 'none';
    // The device may leave between the signal and its reading; the wakeup it is owed covers that.
    if (presence.signal(device)) return 'socket';
    if (!put.owed?.address) return 'stored';
    // One wakeup in flight is enough: the device reads everything when it comes.
    if (!put.isOwedAnew) countReplaced(put.owed.address.network);
    // What is gathered is found in the store when it is due. What was owed already waited for a socket that is gone, or has
    // its turn.
    if (put.owed.state === 'owed') wake.start(put.owed);
    return 'wakeup';
  }

  return (device, put) => {
    const path = set(device, put);
    countPath(path);
    log(traces.versionStored, { device, path });
    return path;
  };
}
