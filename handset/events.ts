// What a handset tells whoever runs it. The names are also the words that the command prints.
import type { EventEmitter } from 'node:events';
import type { Protocol } from '../shared/wakeup/request.js';
import type { SubscriptionKeys } from './push-keys.js';

export interface HandsetEvents {
  /** The server knows us. 201: it will close with 4774 when all is quiet, and have us woken. */
  hello: [{ uaid: string; status: number }];
  /** The server did not take our uaid: every endpoint is void, and `registered` follows for each channel. */
  replaced: [{ uaid: string; previous: string }];
  /** The keys belong to the endpoint where app servers encrypt: in Web Push. */
  registered: [{ channelID: string; pushEndpoint: string; keys?: SubscriptionKeys }];
  unregistered: [{ channelID: string }];
  /** A version newer than all before on its channel. The endpoint is missing while it is not known yet. */
  notification: [{ channelID: string; version: number; pushEndpoint?: string }];
  /** Web Push: what an app server sent, decrypted; without data where it sent none. Each is told once. */
  message: [{ channelID: string; id: string; data?: Buffer; pushEndpoint?: string }];
  /** Simple Push: a text for the notification area. Each is told once. */
  text: [{ channelID: string; id: string; body: string; pushEndpoint?: string }];
  /** An open socket is closed. After 4774 the handset sleeps. */
  closed: [{ code: number }];
  /** A wakeup came, needed or not. */
  woken: [{ protocol: Protocol; from: string }];
  /** A nonce came where wakeups come, and was returned to the server: it knows now that they arrive. */
  proved: [{ protocol: Protocol; from: string }];
  /** What came where wakeups come does nothing. */
  ignored: [{ protocol: Protocol; from: string; because: IgnoredBecause }];
  reconnecting: [{ delayMs: number }];
  /** Something went wrong that the handset gets over by itself. May go unheard. */
  error: [Error];
}

/** Why what came where wakeups come does nothing. */
export type IgnoredBecause =
  /** More than 128 bytes. */
  | 'too-long'
  /** Of another form. */
  | 'not-a-wakeup'
  /** It names a port that is not ours. */
  | 'other-port'
  /** More TCP connections at a time, or more nonces a minute, than there may be. */
  | 'too-many'
  /** A nonce or a code, and none was agreed on at hello. */
  | 'not-agreed'
  /** A nonce, and there is no conversation to return it in. */
  | 'not-connected'
  /** Without a code, and the server signs all of its own. */
  | 'unsigned'
  /** The code is not our server's. */
  | 'forged'
  /** Its counter, or a later one, came before. */
  | 'repeated';

export type Emit = <Name extends keyof HandsetEvents>(
  name: Name,
  event: HandsetEvents[Name][0],
) => void;

export function emitOn(emitter: EventEmitter<HandsetEvents>): Emit {
  return (name, event) => {
    // Node throws an error event that nobody listens to; what a server sends must not end a program.
    if (name === 'error' && emitter.listenerCount('error') === 0) return;
    (emitter as EventEmitter).emit(name, event);
  };
}
