// `hello`: who the device is, which channels it has, where it waits for wakeups. Also announces a new address.
import { traces } from '../../shared/traces.js';
import { closeCodes, retryAfterReason } from '../protocol/codes.js';
import type { DeviceId } from '../protocol/ids.js';
import type { DeviceMessage } from '../protocol/messages.js';
import type { HelloOutcome, HelloRecord } from '../store/store.js';
import { isPromised } from '../wakeup/states.js';
import type { Session } from './session.js';
import { noteEffects } from './whereabouts.js';

type Hello = Extract<DeviceMessage, { messageType: 'hello' }>;

export async function onHello(session: Session, message: Hello): Promise<void> {
  const { parts } = session;
  session.dialect = parts.dialects.named(message.dialect);
  const wait = session.device ? undefined : parts.admission.admit();
  if (wait) {
    session.close(closeCodes.notNow, retryAfterReason(wait.retryAfterSeconds));
    return;
  }
  const { ids } = parts;
  const known = ids.parseUaid(message.uaid);
  if (session.device && known && known !== session.device) {
    session.fail('cannot-register', 'hello');
    return;
  }
  const { wakeup, canProve, isAuthenticated } = message;
  const { device, said } = await introduce(session, message, known);
  const { now } = said;
  if (said.outcome === 'too-many-channels' || !now) {
    session.fail('cannot-register', 'hello');
    return;
  }
  noteEffects(parts, said);
  session.whereabouts.onHello(now, canProve);
  session.outbox.startOver();
  if (!session.enter(device)) return;
  const isWakeable = isPromised(now.state);
  session.send({
    messageType: 'hello',
    uaid: ids.uaidOf(device),
    isWakeable,
    wakeupAuth: isAuthenticated
      ? { key: ids.wakeupKeyOf(device), counter: now.counter - 1 }
      : undefined,
  });
  parts.log(traces.hello, { device, network: wakeup?.network, isWakeable });
  // The device has entered presence; whatever is stored from now on signals it, so reading now leaves no gap.
  session.outbox.flush({ all: true });
}

/** Tells the store, as the device it was, or as a new one where it was none or cannot go on as it. */
async function introduce(
  session: Session,
  message: Hello,
  known: DeviceId | undefined,
): Promise<{ device: DeviceId; said: HelloOutcome }> {
  const { store, ids } = session.parts;
  const device = session.device ?? known;
  if (device) {
    const said = await store.hello(recordOf(session, message, { device, isNew: false }));
    if (said.outcome !== 'stranger') return { device, said };
  }
  const newcomer = { device: ids.newDevice(), isNew: true };
  const said = await store.hello(recordOf(session, message, newcomer));
  return { device: newcomer.device, said };
}

function recordOf(
  session: Session,
  { wakeup, channels, canProve, isAuthenticated }: Hello,
  { device, isNew }: { device: DeviceId; isNew: boolean },
): HelloRecord {
  const { clock, limits, trustOf } = session.parts;
  const { takes, neverListsChannels } = session.dialect;
  const trust = wakeup && trustOf(wakeup, { canProve, peer: session.peer });
  const nowMs = clock.now();
  return {
    ...{ device, isNew, takes, isAuthenticated, nowMs },
    address: trust && wakeup,
    trust: trust ?? 'prove',
    // A device with a new uaid has no channels here yet, whatever its list says.
    channels: isNew ? undefined : channels,
    mustBeKnown: !session.device && neverListsChannels && channels === undefined && !isNew,
    wakeupDueMs: nowMs + limits.wakeupRetryFloorMs,
    forgiveBeforeMs: nowMs - limits.legacyProbationMs,
    channelsMax: limits.channelsPerDeviceMax,
  };
}
