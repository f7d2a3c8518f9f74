// One device on one socket, from its first frame to the end of TCP. It speaks domain messages, asks the rules
// what to do, and knows neither the wire's field names nor the socket library.
import type { Clock } from '../../shared/clock.js';
import { detach } from '../../shared/lifecycle.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { Dialect } from '../dialects/dialect.js';
import type { Dialects } from '../dialects/dialects.js';
import type { Holder, Presence } from '../presence/presence.js';
import { closeCodes, type ProtocolErrorName, protocolErrors } from '../protocol/codes.js';
import type { ChannelId, DeviceId, Ids } from '../protocol/ids.js';
import type { MessageKind, ServerMessage, WakeupAddress } from '../protocol/messages.js';
import type { Store } from '../store/store.js';
import type { Books } from '../wakeup/books.js';
import type { Asked, ProofWords } from '../wakeup/proofs.js';
import type { Admission } from './admission.js';
import type { Deadlines, Sleeper } from './deadlines.js';
import { type Deadline, deadlineOf, type SocketLimits } from './idle.js';
import { handleMessage } from './messages.js';
import { Outbox } from './outbox.js';
import { Whereabouts } from './whereabouts.js';

/** The socket as a session sees it. */
export interface Transport {
  /** Of the device or of the translator it is behind, as central sees it from the outside. */
  readonly remoteAddress: string;
  send(frame: string): void;
  /** Bytes accepted and not yet taken by the network. */
  bufferedBytes(): number;
  /** Sends a close frame and ends TCP with FIN at once. */
  close(code: number, reason: string): void;
  /** Ends TCP without a word. */
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** What all sessions share: one object, so that a connection costs its own state only. */
export interface SessionParts {
  store: Store;
  presence: Presence;
  ids: Ids;
  admission: Admission;
  dialects: Dialects;
  deadlines: Deadlines;
  clock: Clock;
  log: Log;
  limits: SessionLimits;
  /** Whether a device may be put to sleep at this address now. */
  isWakeable: (address: WakeupAddress) => boolean;
  /** Whether an address is taken as it is said, or is to be proved; `undefined`: nobody can wake it. */
  trustOf: (
    address: WakeupAddress,
    device: { canProve: boolean; peer: string },
  ) => 'believe' | 'prove' | undefined;
  /** Sends a datagram to an address that a device says is its own, unless it is too soon. */
  askProof: (address: WakeupAddress, words: ProofWords) => Promise<Asked>;
  isNonceOf: (address: WakeupAddress, nonce: string) => boolean;
  noteProven: (address: WakeupAddress) => void;
  books: Books;
  endpointUrl: (kind: MessageKind, token: string) => string;
  count: (event: SessionEvent) => void;
}

export interface SessionLimits extends SocketLimits {
  outboundBytesMax: number;
  channelsPerDeviceMax: number;
  /** How long an address is believed after the device said it. */
  wakeupLeaseMs: number;
  /** How long after a hello what is pending is owed a wakeup, should the device not take it. */
  wakeupRetryFloorMs: number;
  /** How long a device that was dark keeps its socket when it can prove nothing. */
  legacyProbationMs: number;
  /** A socket has no more than one datagram sent in this time, whatever addresses it claims. */
  proofRetryMs: number;
}

export type SessionEvent = 'resent' | 'unanswered' | 'overflow' | ProtocolErrorName;

/** Frames that may wait while one is handled; beyond, the socket is not read. */
const backlogMax = 16;

interface HeardFrame {
  data: Uint8Array;
  isBinary: boolean;
}

export class Session implements Holder, Sleeper {
  readonly parts: SessionParts;
  /** What the device speaks, as its last hello said. */
  dialect: Dialect;
  readonly openedAtMs: number;
  wakeAtMs: number | undefined = undefined;
  /** Set by the first hello; a session without one handles nothing else. */
  device: DeviceId | undefined = undefined;
  /** What it is sent beside answers. */
  readonly outbox: Outbox;
  /** Where it can be woken. */
  readonly whereabouts: Whereabouts;
  readonly #transport: Transport;
  #lastMessageMs: number;
  #lastHeardMs: number;
  #backlog: HeardFrame[] | undefined = undefined;
  /** Neither side has closed. */
  isOpen = true;

  constructor(parts: SessionParts, transport: Transport) {
    this.parts = parts;
    this.dialect = parts.dialects.first;
    this.#transport = transport;
    this.outbox = new Outbox(this);
    this.whereabouts = new Whereabouts(this);
    this.openedAtMs = parts.clock.now();
    this.#lastMessageMs = this.openedAtMs;
    this.#lastHeardMs = this.openedAtMs;
    this.plan();
  }

  /** Where the socket comes from. */
  get peer(): string {
    return this.#transport.remoteAddress;
  }

  /** A frame came in. Never throws. */
  onFrame(data: Uint8Array, isBinary: boolean): void {
    if (!this.isOpen) return;
    this.#lastHeardMs = this.parts.clock.now();
    this.#lastMessageMs = this.#lastHeardMs;
    this.whereabouts.onHeard();
    if (this.#backlog) {
      this.#backlog.push({ data, isBinary });
      if (this.#backlog.length >= backlogMax) this.#transport.pause();
    } else {
      this.#backlog = [{ data, isBinary }];
      detach(this.#work(this.#backlog), this.parts.log);
    }
  }

  /** The conversation is over, whoever ended it. May be called again. */
  onClosed(): void {
    this.isOpen = false;
    this.parts.deadlines.forget(this);
    if (this.device) this.parts.presence.leave(this.device, this);
  }

  /** The device is known and may be signalled. False when its socket closed meanwhile. */
  enter(device: DeviceId): boolean {
    if (!this.isOpen) return false;
    this.device = device;
    this.parts.presence.enter(device, this);
    return true;
  }

  onSignal(): void {
    this.outbox.flush({ all: false });
  }

  onDisplaced(): void {
    this.close(closeCodes.displaced, 'a newer connection of this device took over');
  }

  onAddressLost(): void {
    this.whereabouts.forget();
  }

  onWake(): void {
    if (!this.isOpen) return;
    const deadline = this.#deadline();
    if (deadline && deadline.atMs <= this.parts.clock.now()) this.#onDeadline(deadline);
    this.plan();
  }

  send(message: ServerMessage): void {
    if (!this.isOpen) return;
    const { clock, limits, count } = this.parts;
    this.#lastMessageMs = clock.now();
    this.whereabouts.onSent();
    const frames = this.dialect.encode(message);
    // One frame that is larger than all that may wait is no sign that the device does not read.
    const isAlone = frames.length === 1 && this.#transport.bufferedBytes() === 0;
    for (const frame of frames) this.#transport.send(frame);
    if (isAlone || this.#transport.bufferedBytes() <= limits.outboundBytesMax) return;
    count('overflow');
    this.close(closeCodes.overflow, 'the device does not read');
  }

  /** Tells the device what is wrong, and closes where the table of errors says so. */
  fail(error: ProtocolErrorName, inReplyTo: string | undefined, channel?: ChannelId): void {
    const { status, closeCode } = { closeCode: undefined, ...protocolErrors[error] };
    this.parts.count(error);
    this.parts.log(traces.deviceError, { device: this.device, status });
    this.send({ messageType: 'error', error, inReplyTo, ...(channel && { channel }) });
    if (closeCode !== undefined) this.close(closeCode, '');
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    // Presence is left before the close frame goes: a version stored from now on wakes the device instead.
    this.onClosed();
    this.#transport.close(code, reason);
  }

  async #work(backlog: HeardFrame[]): Promise<void> {
    try {
      for (let frame = backlog[0]; frame && this.isOpen; frame = backlog[0]) {
        // Not before its turn: a hello ahead of it may have changed the dialect.
        await handleMessage(this, this.dialect.decode(frame.data, frame.isBinary));
        backlog.shift();
        if (backlog.length === backlogMax - 1) this.#transport.resume();
      }
    } catch (error) {
      // A fault of ours: this device starts over, the others go on.
      this.onClosed();
      this.#transport.terminate();
      throw error;
    }
    this.#backlog = undefined;
    this.plan();
  }

  #deadline(): Deadline | undefined {
    const times = {
      openedAtMs: this.openedAtMs,
      lastMessageMs: this.#lastMessageMs,
      hasSaidHello: this.device !== undefined,
      ...this.whereabouts.times(),
      ...this.outbox.times(),
    };
    return deadlineOf(times, this.parts.limits);
  }

  /** Asks to be woken for the next deadline, unless something under way will ask when it is done. */
  plan(): void {
    if (!this.isOpen || this.#backlog || this.outbox.isBusy()) return;
    const deadline = this.#deadline();
    if (deadline) this.parts.deadlines.wakeBy(this, deadline.atMs);
  }

  #onDeadline({ due }: Deadline): void {
    // Something under way changes the deadlines; it plans anew when it is done.
    if (this.#backlog || this.outbox.isBusy()) return;
    if (due === 'hello-late') this.close(closeCodes.helloLate, 'no hello in time');
    else if (due === 'flush') this.outbox.flushAgain();
    else if (due === 'resend') this.#resend();
    else if (due === 'prove') detach(this.whereabouts.ask(), this.parts.log);
    else this.#fallAsleep();
  }

  #resend(): void {
    // Sent twice and not a byte heard since: nobody is there. The wakeup it is owed takes over.
    if (this.outbox.isUnansweredSince(this.#lastHeardMs)) {
      this.parts.count('unanswered');
      this.onClosed();
      this.#transport.terminate();
      return;
    }
    this.parts.count('resent');
    this.outbox.resend();
  }

  #fallAsleep(): void {
    const { parts, whereabouts } = this;
    // The promise holds only while the operator can wake it; otherwise the socket stays.
    const isWakeable = whereabouts.isWakeable();
    if (isWakeable && whereabouts.isFresh()) {
      this.close(closeCodes.asleep, 'you will be woken');
      return;
    }
    // The next look is as far away as one at a quiet socket.
    this.#lastMessageMs = parts.clock.now();
    if (isWakeable) detach(whereabouts.renew(), parts.log, traces.storeFailed);
  }
}
