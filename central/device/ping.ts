// The keep-alives: text `PING` and the empty object. Both also bring what is pending.
import type { PingForm } from '../protocol/messages.js';
import type { Session } from './session.js';

export function onPing(session: Session, form: PingForm): void {
  session.send({ messageType: 'pong', form });
  if (session.device) session.outbox.flush({ all: true });
}
