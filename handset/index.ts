// What the handset library offers.
export type { Channel } from './account.js';
export { createHandset, type Handset, type Registration } from './client.js';
export type { HandsetEvents, IgnoredBecause } from './events.js';
export type { HandsetState } from './link.js';
export { defaultLimits, type HandsetLimits, type HandsetOptions } from './options.js';
export {
  createPushManager,
  type PushEvents,
  type PushManager,
  type PushRegistration,
} from './push-manager.js';
export { createWakeGuard, type WakeGuard, type WakeupAuth } from './wake-guard.js';
export { readWakePayload, type Unreadable, type WakePayload } from './wake-payload.js';
