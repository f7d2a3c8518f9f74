// Whether the handset talks, waits or sleeps: one conversation after another, with a back-off after a loss and
// silence after a close 4774, until something wakes it.
import type { Cancel } from '../shared/clock.js';
import { createBackoff, type Pause } from './backoff.js';
import type { Conversation, ConversationEvents } from './conversation.js';
import type { Emit } from './events.js';
import { closeCodes, retryAfterMsOf } from './messages.js';
import type { HandsetSettings } from './options.js';
import type { Proof, ProofVerdict } from './proofs.js';

type State =
  | { name: 'stopped' }
  | { name: 'connected'; conversation: Conversation }
  | { name: 'waiting'; cancel: Cancel }
  | { name: 'asleep'; cancel: Cancel };

export type HandsetState = 'stopped' | 'connecting' | 'connected' | 'waiting' | 'asleep';

export interface Link {
  start(): void;
  /** Resolves when the socket is closed. */
  stop(): Promise<void>;
  /** A wakeup: ends sleep. On an open socket it casts doubt on it. A back-off stands. */
  woken(): void;
  /** Returns a nonce of the wake port to the server. Ends no sleep and no back-off. */
  prove(proof: Proof): ProofVerdict;
  /** What hello announced holds no more: says hello anew, asleep or connected. A back-off stands. */
  moved(): void;
  /** There is something to ask: ends sleep, or asks at once. A back-off stands. */
  wanted(): void;
  state(): HandsetState;
}

export function createLink(parts: {
  settings: HandsetSettings;
  emit: Emit;
  open: (events: ConversationEvents) => Conversation;
  hasRequests: () => boolean;
}): Link {
  const { settings, emit, open, hasRequests } = parts;
  const { clock, refreshMs, wakeOverlapMs, crowdSpreadMs, retryAfterMaxMs } = settings;
  const { backoffBaseMs: baseMs, backoffCapMs: capMs, random } = settings;
  const backoff = createBackoff({ baseMs, capMs, random });
  let state: State = { name: 'stopped' };
  let wokenAtMs = Number.NEGATIVE_INFINITY;
  let mustReturn = false;

  function connect(): void {
    mustReturn = false;
    const conversation = open({
      ready() {
        backoff.reset();
        // What a wakeup before this was about follows the answer to hello.
        wokenAtMs = Number.NEGATIVE_INFINITY;
      },
      ended(code, reason) {
        const isCurrent = state.name === 'connected' && state.conversation === conversation;
        if (isCurrent) state = { name: 'waiting', cancel: () => {} };
        const left = state;
        if (code !== undefined) emit('closed', { code });
        // A listener of `closed` may have stopped the handset.
        if (isCurrent && state === left) next(code, reason);
      },
    });
    state = { name: 'connected', conversation };
  }

  function next(code: number | undefined, reason: string): void {
    // A close 4774 that crossed our goodbye: where nobody can wake us there is no sleep.
    if (code !== closeCodes.wakeup || mustReturn) wait(pauseAfter(code, reason));
    // The wakeup overtook the close that it was sent after: it was meant for this sleep.
    else if (clock.now() - wokenAtMs <= wakeOverlapMs) connect();
    else if (hasRequests()) wait();
    else state = { name: 'asleep', cancel: clock.after(refreshMs, connect) };
    wokenAtMs = Number.NEGATIVE_INFINITY;
  }

  /** What a server that turns a crowd away wants of each one's return. */
  function pauseAfter(code: number | undefined, reason: string): Pause {
    const isCrowd = code === closeCodes.restart || code === closeCodes.tryLater;
    const askedMs = retryAfterMsOf(reason);
    if (askedMs === undefined) return isCrowd ? { spreadMs: crowdSpreadMs } : {};
    const atLeastMs = Math.min(askedMs, retryAfterMaxMs);
    return { atLeastMs, spreadMs: atLeastMs / 2 };
  }

  function wait(pause?: Pause): void {
    const delayMs = backoff.next(pause);
    state = { name: 'waiting', cancel: clock.after(delayMs, connect) };
    emit('reconnecting', { delayMs });
  }

  function wakeUp(): void {
    if (state.name !== 'asleep') return;
    state.cancel();
    connect();
  }

  return {
    start() {
      if (state.name === 'stopped') connect();
    },
    async stop() {
      const last = state;
      state = { name: 'stopped' };
      if (last.name === 'waiting' || last.name === 'asleep') last.cancel();
      if (last.name !== 'connected') return;
      last.conversation.close();
      await last.conversation.ended;
    },
    woken() {
      if (state.name === 'connected') {
        wokenAtMs = clock.now();
        // Who holds our socket has no reason to wake us: a close and even its FIN may be lost on the way.
        state.conversation.doubt();
      }
      wakeUp();
    },
    prove(proof) {
      return state.name === 'connected' ? state.conversation.prove(proof) : 'not-connected';
    },
    moved() {
      if (state.name === 'connected') {
        mustReturn = true;
        state.conversation.close();
      }
      wakeUp();
    },
    wanted() {
      if (state.name === 'connected') state.conversation.sendRequests();
      wakeUp();
    },
    state() {
      if (state.name !== 'connected') return state.name;
      return state.conversation.isReady() ? 'connected' : 'connecting';
    },
  };
}
