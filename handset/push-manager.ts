// The spec's WebApp API (`navigator.pushNotification`) as promises, on top of a handset: a web app knows endpoints,
// never channels or uaids.
import { EventEmitter } from 'node:events';
import { CodedError } from '../shared/errors.js';
import type { Handset } from './client.js';

export interface PushRegistration {
  pushEndpoint: string;
  /** The last version that was told of; missing before the first one. */
  version?: number;
}

export interface PushEvents {
  /** The app server has a new version: the app fetches it from there. */
  push: [{ pushEndpoint: string; version: number }];
  /** The endpoint is void, and another stands in its place: tell the app server. */
  replaced: [{ pushEndpoint: string; previous: string }];
}

export interface PushManager extends EventEmitter<PushEvents> {
  /** Makes a new channel; resolves to the URL for the app server. Rejects as `Handset.register` does. */
  register(): Promise<string>;
  /** Gives an endpoint up. Rejects with `unknown-endpoint` when it is not one of ours. */
  unregister(pushEndpoint: string): Promise<void>;
  registrations(): PushRegistration[];
}

/** Throws a CodedError `bad-option` for a handset of Web Push, whose apps need keys and messages too. */
export function createPushManager(handset: Handset): PushManager {
  if (handset.dialect !== 'simplepush') {
    throw new CodedError('bad-option', 'dialect: must be simplepush under a push manager');
  }
  const emitter = new EventEmitter<PushEvents>();
  // By channel. Endpoints as apps hold them, and versions that came before their endpoint was known.
  const told = new Map<string, string>();
  const early = new Map<string, number>();

  handset.on('registered', ({ channelID, pushEndpoint }) => {
    const previous = told.get(channelID);
    told.set(channelID, pushEndpoint);
    if (previous !== undefined && previous !== pushEndpoint) {
      emitter.emit('replaced', { pushEndpoint, previous });
    }
    const version = early.get(channelID);
    early.delete(channelID);
    if (version !== undefined) emitter.emit('push', { pushEndpoint, version });
  });
  handset.on('notification', ({ channelID, version, pushEndpoint }) => {
    if (pushEndpoint === undefined) early.set(channelID, version);
    else emitter.emit('push', { pushEndpoint, version });
  });
  handset.on('unregistered', ({ channelID }) => {
    told.delete(channelID);
    early.delete(channelID);
  });

  return Object.assign(emitter, {
    register: async () => (await handset.register()).pushEndpoint,
    async unregister(pushEndpoint: string) {
      const channel = handset.channels().find((one) => one.pushEndpoint === pushEndpoint);
      if (!channel) {
        throw new CodedError('unknown-endpoint', `${pushEndpoint}: no endpoint of this handset`);
      }
      await handset.unregister(channel.channelID);
    },
    registrations: () =>
      handset.channels().flatMap(({ pushEndpoint, version }): PushRegistration[] => {
        if (pushEndpoint === undefined) return [];
        return [{ pushEndpoint, ...(version !== undefined && { version }) }];
      }),
  });
}
