// One socket's conversation with the notification server, from dialling to its end: hello, then what both have to say.
// Whether and when there is a next conversation is the link's business.
import { CodedError } from '../shared/errors.js';
import type { Account } from './account.js';
import type { Dialect } from './dialects/dialect.js';
import type { Emit } from './events.js';
import { type KeepAlive, startKeepAlive } from './keep-alive.js';
import {
  helloFrame,
  keepAlive as keepAliveFrame,
  parseServerMessage,
  proofFrame,
  type ServerMessage,
} from './messages.js';
import type { HandsetSettings } from './options.js';
import { createProofs, type Proof, type ProofVerdict } from './proofs.js';
import type { Keyring } from './push-keys.js';
import { createReception, unexpected } from './reception.js';
import type { Requests } from './requests.js';
import { openSocket } from './socket.js';
import type { WakePort } from './wake-port.js';

export interface Conversation {
  /** Whether hello was answered, so that requests may be sent. */
  isReady(): boolean;
  /** Sends the requests that wait for it, once hello is answered. */
  sendRequests(): void;
  /** Asks the server for a sign of life, once hello is answered; without one the conversation ends. */
  doubt(): void;
  /** Returns a nonce to the server; one that comes before hello's answer right after it. */
  prove(proof: Proof): ProofVerdict;
  close(): void;
  ended: Promise<void>;
}

export interface ConversationParts {
  settings: HandsetSettings;
  account: Account;
  /** What hello asks for; the server may agree to an older one. */
  dialect: Dialect;
  keyring: Keyring;
  requests: Requests;
  wakePort: WakePort;
  emit: Emit;
}

export interface ConversationEvents {
  /** Hello was answered. */
  ready(): void;
  /** The end; `code` is missing when the socket was never open. `reason` is the server's. */
  ended(code: number | undefined, reason: string): void;
}

export function openConversation(
  parts: ConversationParts,
  events: ConversationEvents,
): Conversation {
  const { settings, account, requests, wakePort, emit } = parts;
  const { clock, connectTimeoutMs, requestTimeoutMs } = settings;
  let phase: 'dialling' | 'greeting' | 'ready' | 'closing' | 'over' = 'dialling';
  let wasOpen = false;
  let { dialect } = parts;
  let silence: KeepAlive | undefined;
  let resolveEnded = () => {};
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });

  const socket = openSocket(
    { ...settings, url: settings.central },
    {
      open(localAddress) {
        wasOpen = true;
        // The port is open before hello announces it, for the wakeup may come at once.
        wakePort.open(localAddress).then((wakeup) => {
          if (phase !== 'dialling') return;
          phase = 'greeting';
          const words = dialect.helloWords({ channelIDs: account.listForHello() });
          socket.send(helloFrame({ uaid: account.uaid(), wakeup, words }));
        });
      },
      frame: take,
      error(error) {
        // What the library says about a socket that we gave up is no news.
        if (phase !== 'closing') emit('error', error);
      },
      close(code, reason) {
        phase = 'over';
        cancelDeadline();
        silence?.stop();
        proofs.close();
        requests.connectionLost();
        resolveEnded();
        events.ended(wasOpen ? code : undefined, reason);
      },
    },
  );
  const reception = createReception({
    ...parts,
    dialect: () => dialect,
    send: socket.send,
  });
  const proofs = createProofs({
    clock,
    perMinuteMax: settings.proofsPerMinuteMax,
    send: ({ nonce, protocol, from }) => {
      const isSent = socket.send(proofFrame(nonce));
      if (isSent) emit('proved', { protocol, from });
      return isSent;
    },
  });
  const cancelDeadline = clock.after(connectTimeoutMs, () => giveUp('hello', connectTimeoutMs));

  /** Nothing comes from there any more, so there is nobody to say goodbye to. */
  function giveUp(question: string, waitedMs: number): void {
    phase = 'closing';
    emit('error', new CodedError('timeout', `no answer to ${question} within ${waitedMs} ms`));
    socket.terminate();
  }

  function take(frame: string | undefined): void {
    silence?.heard();
    if (phase !== 'greeting' && phase !== 'ready') return;
    const message =
      frame === undefined ? binaryFrame() : parseServerMessage(frame, dialect.readers);
    if (message instanceof CodedError) emit('error', message);
    else if (phase === 'ready') takeReady(message);
    else takeGreeting(message);
  }

  function takeGreeting(message: ServerMessage): void {
    if (message.messageType === 'hello') greeted(message);
    else if (message.messageType === 'refusal') {
      emit('error', message.error);
      // Without an identity there is nothing to talk about.
      close();
    } else if (isAboutChannels(message)) emit('error', unexpected(message.messageType));
  }

  function takeReady(message: ServerMessage): void {
    if (message.messageType === 'hello') emit('error', unexpected('hello'));
    else reception.handle(message);
  }

  function greeted(answer: ServerMessage & { messageType: 'hello' }): void {
    const { uaid, status, auth } = answer;
    phase = 'ready';
    dialect = dialect.agreed(answer);
    cancelDeadline();
    const isBadAuth = auth instanceof CodedError;
    wakePort.agree(isBadAuth ? undefined : auth);
    const previous = account.uaid();
    const change = account.acceptUaid(uaid);
    silence = startKeepAlive({
      clock,
      intervalMs: settings.pingIntervalMs,
      answerMs: requestTimeoutMs,
      ask: () => socket.send(keepAliveFrame),
      giveUp: () => giveUp('a keep-alive', requestTimeoutMs),
    });
    events.ready();
    if (isBadAuth) emit('error', auth);
    if (change === 'replaced') emit('replaced', { uaid, previous: previous ?? '' });
    emit('hello', { uaid, status });
    proofs.open();
    reception.registerAgain();
  }

  function close(): void {
    if (phase === 'over') return;
    phase = 'closing';
    socket.close();
  }

  return {
    isReady: () => phase === 'ready',
    sendRequests() {
      if (phase === 'ready') reception.sendRequests();
    },
    doubt() {
      if (phase === 'ready') silence?.askNow();
    },
    prove(proof) {
      const isGreeted = phase === 'greeting' || phase === 'ready';
      return isGreeted ? proofs.take(proof) : 'not-connected';
    },
    close,
    ended,
  };
}

function isAboutChannels({ messageType }: ServerMessage): boolean {
  return ['register', 'unregister', 'notification'].includes(messageType);
}

function binaryFrame(): CodedError<'bad-frame'> {
  return new CodedError('bad-frame', 'frame ignored: binary');
}
