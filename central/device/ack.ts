// `ack`: the device has these versions. There is no reply.
import { traces } from '../../shared/traces.js';
import { noteAcked } from '../deliver/flush.js';
import type { DeviceId } from '../protocol/ids.js';
import type { Update } from '../protocol/messages.js';
import type { Session } from './session.js';

export async function onAck(
  session: Session,
  device: DeviceId,
  updates: readonly Update[],
): Promise<void> {
  const { store, books, log } = session.parts;
  books.ended(await store.ack(device, updates));
  // After the store: an ack that was not kept is as good as none, and the update comes again.
  if (session.unacked) noteAcked(session.unacked, updates);
  log(traces.acked, { device, updates: updates.length });
}
