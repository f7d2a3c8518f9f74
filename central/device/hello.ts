// `hello`: who the device is, which channels it has, where it waits for wakeups. Also announces a new address.
import { traces } from '../../shared/traces.js';
import { closeCodes, retryAfterReason } from '../protocol/codes.js';
import type { DeviceMessage } from '../protocol/messages.js';
import type { Session } from './session.js';

type Hello = Extract<DeviceMessage, { messageType: 'hello' }>;

export async function onHello(session: Session, message: Hello): Promise<void> {
  const { parts } = session;
  const wait = session.device ? undefined : parts.admission.admit();
  if (wait) {
    session.close(closeCodes.notNow, retryAfterReason(wait.retryAfterSeconds));
    return;
  }
  const { ids, store, clock, limits } = parts;
  const known = ids.parseUaid(message.uaid);
  if (session.device && known && known !== session.device) {
    session.fail('cannot-register', 'hello');
    return;
  }
  const device = session.device ?? known ?? ids.newDevice();
  const isNew = session.device === undefined && known === undefined;
  const { wakeup } = message;
  const promised = wakeup && parts.isWakeable(wakeup) ? wakeup : undefined;
  const nowMs = clock.now();
  const { outcome, answered } = await store.hello({
    device,
    address: promised,
    // A device with a new uaid has no channels here yet, whatever its list says.
    channels: isNew ? undefined : message.channels,
    isNew,
    nowMs,
    wakeupDueMs: nowMs + limits.wakeupAfterMs,
    channelsMax: limits.channelsPerDeviceMax,
  });
  if (outcome === 'too-many-channels') {
    session.fail('cannot-register', 'hello');
    return;
  }
  session.promised = promised;
  session.saidAtMs = nowMs;
  session.unacked = undefined;
  if (!session.enter(device)) return;
  if (answered) parts.onAnswered(answered.network, nowMs - answered.sentAtMs);
  session.send({
    messageType: 'hello',
    uaid: ids.uaidOf(device),
    isWakeable: promised !== undefined,
  });
  parts.log(traces.hello, { device, network: wakeup?.network, isWakeable: promised !== undefined });
  // The device has entered presence; whatever is stored from now on signals it, so reading now leaves no gap.
  session.flush({ all: true });
}
