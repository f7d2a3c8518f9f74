// The wake listener over the life of a handset: opened before hello, kept open through sleep and loss, moved when the
// handset's address changes. Tells hello what to announce, which is nothing while no port is open, and sorts what comes.
import { CodedError } from '../shared/errors.js';
import type { Emit } from './events.js';
import type { WakeupAddress } from './messages.js';
import type { HandsetSettings } from './options.js';
import type { Proof, ProofVerdict } from './proofs.js';
import { createWakeGuard, type WakeupAuth } from './wake-guard.js';
import { openWakeListener, type WakeEvents, type WakeListener } from './wake-listener.js';
import type { WakePayload } from './wake-payload.js';

export interface WakePort {
  /** What hello announces. Never rejects: a handset that cannot be woken keeps its socket instead. */
  open(localAddress: string | undefined): Promise<WakeupAddress | undefined>;
  /** What the answer to hello says of signed wakeups; nothing is said by an older server. */
  agree(auth: WakeupAuth | undefined): void;
  close(): Promise<void>;
}

export function createWakePort(parts: {
  settings: HandsetSettings;
  emit: Emit;
  woken: () => void;
  prove: (proof: Proof) => ProofVerdict;
  /** The port broke and is closed: what hello announced is void. */
  broken: () => void;
}): WakePort {
  const { settings, emit, woken, prove, broken } = parts;
  const { protocol, network } = settings;
  const guard = createWakeGuard();
  let listener: WakeListener | undefined;
  // One change at a time, so that a stop during an open closes what was opened.
  let turn: Promise<unknown> = Promise.resolve();

  const events: WakeEvents = {
    heard(from, payload) {
      const verdict = judge(from, payload);
      if (verdict === 'wakeup') {
        emit('woken', { protocol, from });
        woken();
      } else if (verdict !== 'taken') emit('ignored', { protocol, from, because: verdict });
    },
    ignored: (from, because) => emit('ignored', { protocol, from, because }),
    error(cause) {
      const error = new CodedError('wake-listener', 'the wake listener broke', { cause });
      emit('error', error);
      const breaking = listener;
      // Not the next one, which a hello in between may have opened.
      inTurn(() => (listener === breaking ? shut() : Promise.resolve())).then(broken);
    },
  };

  function judge(from: string, payload: WakePayload) {
    if (payload.kind !== 'proof') return guard.judge(payload);
    return settings.proof ? prove({ nonce: payload.nonce, protocol, from }) : 'not-agreed';
  }

  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = turn.then(change);
    turn = done;
    return done;
  }

  async function shut(): Promise<void> {
    const closing = listener;
    listener = undefined;
    await closing?.close();
  }

  async function openAt(ip: string | undefined): Promise<WakeListener | undefined> {
    if (listener?.ip === ip) return listener;
    await shut();
    if (ip === undefined) return undefined;
    try {
      const { port, clock, wakeReadMs, wakeConnectionsMax } = settings;
      const limits = { clock, readMs: wakeReadMs, connectionsMax: wakeConnectionsMax };
      listener = await openWakeListener({ protocol, ip, port, ...limits }, events);
    } catch (error) {
      emit('error', error as Error);
    }
    return listener;
  }

  return {
    async open(localAddress) {
      if (!network) return undefined;
      const opened = await inTurn(() => openAt(settings.ip ?? localAddress));
      if (!opened) return undefined;
      const { proof, auth } = settings;
      return { ip: opened.ip, port: opened.port, proof, auth, protocol, mobilenetwork: network };
    },
    agree: (auth) => guard.agree(settings.auth ? auth : undefined),
    close: () => inTurn(shut),
  };
}
