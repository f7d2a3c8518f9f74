// What one device is sent of what is pending, one reading of the store at a time, and what of it was not acked yet.
import { detach } from '../../shared/lifecycle.js';
import { traces } from '../../shared/traces.js';
import {
  type Acked,
  forgetChannel,
  keepPending,
  notAcked,
  noteAcked,
  noteSent,
  type Pending,
  readPending,
  sizeOf,
  type Unacked,
  unsent,
} from '../deliver/flush.js';
import type { ChannelId, DeviceId, MessageId } from '../protocol/ids.js';
import type { SocketTimes } from './idle.js';
import type { Session } from './session.js';

/** How soon a reading that the store refused is tried again. */
const storeRetryMs = 5_000;

export class Outbox {
  readonly #session: Session;
  #unacked: Unacked | undefined = undefined;
  #resendNotBeforeMs = 0;
  #flushAgainAtMs: number | undefined = undefined;
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
    const { clock, limits } = this.#session.parts;
    const overdueMs = clock.now() - limits.resendMs;
    const sent = [...(this.#unacked?.values() ?? [])];
    return sent.some(
      ({ sentAtMs, isResent }) => sentAtMs <= overdueMs && isResent && heardMs < sentAtMs,
    );
  }

  resend(): void {
    const { clock, limits } = this.#session.parts;
    this.#resendNotBeforeMs = clock.now() + limits.resendMs;
    this.flush({ all: true });
  }

  async #flushOnce(all: boolean): Promise<void> {
    const session = this.#session;
    const { device } = session;
    const unacked = this.#unacked;
    try {
      if (device) {
        const pending = await this.#readPending(device);
        if (this.#unacked) keepPending(this.#unacked, pending);
        this.#notify(device, all ? pending : unsent(pending, unacked), all);
      }
      this.#flushAgainAtMs = undefined;
    } catch (error) {
      this.#flushAgainAtMs = session.parts.clock.now() + storeRetryMs;
      throw error;
    } finally {
      const next = this.#flush;
      this.#flush = 'none';
      if (session.isOpen && next !== 'running') this.flush({ all: next === 'again-all' });
      session.plan();
    }
  }

  async #readPending(device: DeviceId): Promise<Pending> {
    const session = this.#session;
    const { store, clock, limits } = session.parts;
    const acks: Acked[] = [];
    this.#ackedMeanwhile = acks;
    const read = await readPending({
      ...{ store, device, nowMs: clock.now() },
      takes: () => session.dialect.takes,
      // Text takes a third more than bytes, and versions go along.
      bytesMax: limits.outboundBytesMax / 2,
    }).finally(() => {
      this.#ackedMeanwhile = undefined;
    });
    this.#hasMore = read.hasMore;
    const pending = acks.length > 0 ? notAcked(read, acks) : read;
    // An ack may say more than the store had: only another reading tells what is left.
    if (sizeOf(pending) < sizeOf(read)) this.flush({ all: false });
    return pending;
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
