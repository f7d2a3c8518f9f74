// `register`: a channel and its endpoint URL. The same channel again gives the same URL.
import { traces } from '../../shared/traces.js';
import type { DeviceId } from '../protocol/ids.js';
import type { DeviceMessage } from '../protocol/messages.js';
import type { Session } from './session.js';

type Register = Extract<DeviceMessage, { messageType: 'register' }>;

export async function onRegister(
  session: Session,
  device: DeviceId,
  { channel, key }: Register,
): Promise<void> {
  const { store, ids, limits, endpointUrl, log } = session.parts;
  const outcome = await store.register(device, channel, limits.channelsPerDeviceMax, key);
  if (outcome === 'too-many-channels') {
    session.fail('cannot-register', 'register', channel);
    return;
  }
  const pushEndpoint = endpointUrl(session.dialect.takes, ids.tokenOf(device, channel));
  session.send({ messageType: 'register', channel, pushEndpoint });
  log(traces.registered, { device });
}
