// What one device is sent of what is pending, one reading of the store at a time, and what of it was not acked yet.
import { detach } from '../../shared/lifecycle.js';
import { traces } from '../../shared/traces.js';
import {
  type Acked,
  forgetChannel,
  ignoredIn,
  keepPending,
  notAcked,
  noteAcked,
  noteSent,
  type Pending,
  readPending,
  type Sent,
  sizeOf,
  type Unacked,
  unsent,
} from '../deliver/flush.js';
import type { ChannelId, DeviceId, MessageId } from '../protocol/ids.js';
import type { SocketTimes } from './idle.js';
import type { Session } from './session.js';

/** How soon a reading that the store refused is tried again. */
const storeRetryMs = 5_000;
/** How soon to look whether there is room for more, where no ack made it: what was sent may be over or cancelled. */
const moreMs = 5_000;

export class Outbox {
  readonly #session: Session;
  #unacked: Unacked | undefined = undefined;
  #resendNotBeforeMs = 0;
  #flushAgainAtMs: number | undefined = undefined;
  /** The last reading failed. */
  #isFailed = false;
  /** Messages wait behind those that were sent, for acks to make room. */
  #hasMore = false;
  /** What was acked since the reading that is under way began. */
  #ackedMeanwhile: Acked[] | undefined = undefined;
  #flush: 'none' | 'running' | 'again' | 'again-all' = 'none';

  constructor(session: Session) {
    this.#session = session;
  }

  /** A reading is under way; the session is told by `plan` when it is done. */
  isBusy(): boolean {
    return this.#flush !== 'none';
  }

  times(): Pick<SocketTimes, 'unacked' | 'resendNotBeforeMs' | 'flushAgainAtMs'> {
    return {
      unacked: this.#unacked,
      resendNotBeforeMs: this.#resendNotBeforeMs,
      flushAgainAtMs: this.#flushAgainAtMs,
    };
  }

  /** Sends what is pending, in the background. `all`: also what is unacked. */
  flush({ all }: { all: boolean }): void {
    if (this.#flush === 'none') {
      this.#flush = 'running';
      detach(this.#flushOnce(all), this.#session.parts.log, traces.storeFailed);
    } else if (this.#flush !== 'again-all') {
      this.#flush = all ? 'again-all' : 'again';
    }
  }

  /** A hello: the device may have forgotten what it was sent before. */
  startOver(): void {
    this.#unacked = undefined;
  }

  /** The store has what the device acked. */
  onAcked(acked: Acked): void {
    if (this.#unacked) noteAcked(this.#unacked, acked);
    this.#ackedMeanwhile?.push(acked);
    if (this.#hasMore) this.flush({ all: false });
  }

  onUnregistered(channel: ChannelId): void {
    if (this.#unacked) forgetChannel(this.#unacked, channel);
  }

  /** Something overdue was sent twice, the second time after the device was last heard. */
  isUnansweredSince(heardMs: number): boolean {
    return this.#overdue().some(([, { isResent, sentAtMs }]) => isResent && heardMs < sentAtMs);
  }

  /** Sends again what waits for its ack. To be called where the device is there, for all that is known. */
  resend(): void {
    const { clock, limits } = this.#session.parts;
    const overdue = this.#overdue();
    const isIgnored = ({ isOverdue, version }: Sent) => isOverdue && version === undefined;
    this.#ignore(overdue.flatMap(([key, sent]) => (isIgnored(sent) ? [key as MessageId] : [])));
    for (const [, sent] of overdue) sent.isOverdue = true;
    this.#resendNotBeforeMs = clock.now() + limits.resendMs;
    this.flush({ all: true });
  }

  /** What was due for another reading. */
  flushAgain(): void {
    this.flush({ all: this.#isFailed });
  }

  #overdue(): [key: ChannelId | MessageId, sent: Sent][] {
    const { clock, limits } = this.#session.parts;
    const overdueMs = clock.now() - limits.resendMs;
    return [...(this.#unacked ?? [])].filter(([, sent]) => {
      return !sent.isIgnored && sent.sentAtMs <= overdueMs;
    });
  }

  /** A client that has no word for a message never acks it: that must not keep it awake, or wake it again. */
  #ignore(ids: MessageId[]): void {
    const { device, parts } = this.#session;
    const { store, clock, log, books } = parts;
    if (!device || ids.length === 0) return;
    for (const id of ids) {
      const sent = this.#unacked?.get(id);
      if (sent) sent.isIgnored = true;
    }
    const noted = store.noteIgnored(device, ids, clock.now()).then(books.ended);
    detach(noted, log, traces.storeFailed);
  }

  async #flushOnce(all: boolean): Promise<void> {
    const session = this.#session;
    const { clock } = session.parts;
    const { device } = session;
    const unacked = this.#unacked;
    const acks: Acked[] = [];
    this.#ackedMeanwhile = acks;
    this.#flushAgainAtMs = undefined;
    try {
      if (device) {
        const read = await this.#readPending(device);
        // Until all is noted as sent nothing else runs: an ack is either among these, or finds what it is about.
        const pending = notAcked(read, acks);
        // An ack may say more than the store had: only another reading tells what is left.
        if (sizeOf(pending) < sizeOf(read)) this.flush({ all: false });
        if (this.#unacked) keepPending(this.#unacked, pending, read.stillIgnored);
        this.#notify(device, all ? pending : unsent(pending, unacked), all);
        this.#hasMore = read.hasMore;
        if (read.hasMore) this.#flushAgainAtMs = clock.now() + moreMs;
      }
      this.#isFailed = false;
    } catch (error) {
      this.#isFailed = true;
      this.#flushAgainAtMs = clock.now() + storeRetryMs;
      throw error;
    } finally {
      this.#ackedMeanwhile = undefined;
      const next = this.#flush;
      this.#flush = 'none';
      if (session.isOpen && next !== 'running') this.flush({ all: next === 'again-all' });
      session.plan();
    }
  }

  #readPending(device: DeviceId) {
    const session = this.#session;
    const { store, clock, limits } = session.parts;
    return readPending({
      ...{ store, device, nowMs: clock.now(), ignored: ignoredIn(this.#unacked) },
      takes: () => session.dialect.takes,
      // Versions go along.
      bytesMax: limits.outboundBytesMax / 2,
    });
  }

  #notify(device: DeviceId, pending: Pending, isRepetition: boolean): void {
    const session = this.#session;
    const { updates, messages } = pending;
    if (!session.isOpen || sizeOf(pending) === 0) return;
    const { store, clock, log } = session.parts;
    const nowMs = clock.now();
    const isNew = ({ id }: { id: MessageId }) => !this.#unacked?.has(id);
    const first = messages.filter(isNew).map(({ id }) => id);
    this.#unacked ??= new Map();
    noteSent(this.#unacked, pending, { nowMs, isRepetition });
    session.send({ messageType: 'notification', updates, messages });
    log(traces.delivering, { device, updates: updates.length, messages: messages.length });
    // For whoever asks what became of a message; the device is not kept waiting for that.
    if (first.length > 0) detach(store.noteSent(device, first, nowMs), log, traces.storeFailed);
  }
}
