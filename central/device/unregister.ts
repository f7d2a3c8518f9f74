// `unregister`: the channel is gone and its endpoint URL answers 404. An unknown channel is gone already.
import { traces } from '../../shared/traces.js';
import type { ChannelId, DeviceId } from '../protocol/ids.js';
import type { Session } from './session.js';

export async function onUnregister(
  session: Session,
  device: DeviceId,
  channel: ChannelId,
): Promise<void> {
  const { store, books, clock, log } = session.parts;
  books.ended(await store.unregister(device, channel, clock.now()));
  session.outbox.onUnregistered(channel);
  session.send({ messageType: 'unregister', channel });
  log(traces.unregistered, { device });
}
