// `ack`: the device has these versions and messages. `nack`: what became of a message after that. There is no reply.
import { traces } from '../../shared/traces.js';
import type { DeviceId } from '../protocol/ids.js';
import type { AckedMessage, DeviceMessage } from '../protocol/messages.js';
import type { Session } from './session.js';

type Ack = Extract<DeviceMessage, { messageType: 'ack' }>;

export async function onAck(session: Session, device: DeviceId, ack: Ack): Promise<void> {
  const { store, books, clock, log } = session.parts;
  const { updates, messages } = ack;
  // Together: what both end is one act of the device, and one transaction of the store.
  const [ended, messagesEnded] = await Promise.all([
    updates.length > 0 ? store.ack(device, updates) : undefined,
    messages.length > 0 ? store.ackMessages(device, messages, clock.now()) : undefined,
  ]);
  books.ended(ended);
  books.ended(messagesEnded?.ended);
  // After the store: an ack that was not kept is as good as none, and the update comes again.
  session.outbox.onAcked(ack);
  log(traces.acked, { device, updates: updates.length, messages: messages.length });
}

export async function onNack(
  { parts }: Session,
  device: DeviceId,
  message: AckedMessage,
): Promise<void> {
  await parts.store.nackMessage(device, message);
}
