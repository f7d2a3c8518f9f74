// What the handset library offers.
export type { Channel } from './account.js';
export { createHandset, type Handset, type Registration } from './client.js';
export type { DialectName } from './dialects/dialects.js';
export type { HandsetEvents, IgnoredBecause } from './events.js';
export { defaultLimits, type HandsetLimits } from './limits.js';
export type { HandsetState } from './link.js';
export type { HandsetOptions } from './options.js';
export type { ChannelKeys, SubscriptionKeys } from './push-keys.js';
export {
  createPushManager,
  type PushEvents,
  type PushManager,
  type PushRegistration,
} from './push-manager.js';
export { createWakeGuard, type WakeGuard, type WakeupAuth } from './wake-guard.js';
export { readWakePayload, type Unreadable, type WakePayload } from './wake-payload.js';
