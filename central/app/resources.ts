// Everything that app servers use, built and wired: what is behind each path.
import type { Clock } from '../../shared/clock.js';
import type { Deliver } from '../deliver/deliver.js';
import type { Presence } from '../presence/presence.js';
import type { Place } from '../protocol/endpoint.js';
import type { Ids } from '../protocol/ids.js';
import type { Store } from '../store/store.js';
import { createCancel, createStatus } from './message.js';
import { createNotify } from './notify.js';
import { createPush } from './push.js';
import { createReceipts, type Receipts } from './receipts.js';
import type { Resource } from './resource.js';
import { createTakeMessage, type MessageLimits } from './take-message.js';
import { createVapid } from './vapid.js';

export interface AppLimits extends MessageLimits {
  /** How long after its empty start a database may not know devices that exist. */
  recoveryMs: number;
  bodyBytesMax: number;
  messageBytesMax: number;
  receiptWaitMaxMs: number;
  receiptWaitersMax: number;
  receiptWaitersPerAddressMax: number;
}

export function createResources(parts: {
  store: Store;
  ids: Ids;
  presence: Presence;
  deliver: Deliver;
  /** What absolute URLs of this server start with. */
  baseUrl: () => string;
  limits: AppLimits;
  clock: Clock;
}): { resources: Record<Place['resource'], Resource>; receipts: Receipts } {
  const { store, baseUrl, limits, clock } = parts;
  const receipts = createReceipts({
    ...parts,
    waitMaxMs: limits.receiptWaitMaxMs,
    waitersMax: limits.receiptWaitersMax,
    waitersPerAddressMax: limits.receiptWaitersPerAddressMax,
  });
  const taking = {
    ...parts,
    take: createTakeMessage(parts),
    readKey: createVapid({ audience: () => new URL(baseUrl()).origin, clock }),
    wakeupAfterMs: limits.wakeupRetryFloorMs,
    unknownDevice: () =>
      clock.now() < store.bornAtMs + limits.recoveryMs
        ? ('recovering' as const)
        : ('gone' as const),
  };
  const { bodyBytesMax, messageBytesMax } = limits;
  const readOnly = { bodyBytesMax: 0 };
  const resources = {
    text: { methods: { PUT: createNotify(taking) }, bodyBytesMax },
    push: { methods: { POST: createPush(taking) }, bodyBytesMax: messageBytesMax },
    message: { methods: { GET: createStatus(parts), DELETE: createCancel(parts) }, ...readOnly },
    receipt: { methods: { GET: receipts.read }, ...readOnly },
  };
  return { resources, receipts };
}
