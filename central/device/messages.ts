// Which file handles which message. Before the first hello there is only hello and the keep-alive.
import { CodedError } from '../../shared/errors.js';
import { traces } from '../../shared/traces.js';
import type { DeviceId } from '../protocol/ids.js';
import type { DeviceMessage, ProtocolError } from '../protocol/messages.js';
import { onAck, onNack } from './ack.js';
import { onHello } from './hello.js';
import { onPing } from './ping.js';
import { onRegister } from './register.js';
import type { Session } from './session.js';
import { onUnregister } from './unregister.js';

/** Handles one message. Rejects for bugs only: a store that fails is told to the device. */
export async function handleMessage(
  session: Session,
  message: DeviceMessage | ProtocolError,
): Promise<void> {
  const { device } = session;
  try {
    if (message.messageType === 'hello') await onHello(session, message);
    else if (message.messageType === 'ping') onPing(session, message.form);
    else if (message.messageType === 'error') onMistake(session, message);
    else if (device) await handleGreeted(session, device, message);
    else session.fail('hello-first', message.messageType);
  } catch (error) {
    if (!(error instanceof CodedError) || !error.code.startsWith('store-')) throw error;
    session.parts.log(traces.storeFailed, { error: error.message });
    session.fail(
      message.messageType === 'hello' ? 'cannot-register' : 'not-ready',
      message.messageType,
    );
  }
}

function onMistake(session: Session, { error, inReplyTo, channel }: ProtocolError): void {
  // Before hello a type that nobody knows is first of all no hello.
  const isEarly = !session.device && error === 'unknown-type';
  session.fail(isEarly ? 'hello-first' : error, inReplyTo, channel);
}

function handleGreeted(
  session: Session,
  device: DeviceId,
  message: Exclude<DeviceMessage, { messageType: 'hello' | 'ping' }>,
): Promise<void> {
  switch (message.messageType) {
    case 'register':
      return onRegister(session, device, message);
    case 'unregister':
      return onUnregister(session, device, message.channel);
    case 'wakeupProof':
      return session.whereabouts.onNonce(device, message.nonce);
    case 'ack':
      return onAck(session, device, message);
    case 'nack':
      return onNack(session, device, message.message);
    case 'nothing':
      return Promise.resolve();
  }
}
