// Where a device waits to be woken, as its socket knows it: believed, or yet to be shown while the socket is open. A
// device that can is sent a nonce and returns it here; any other is sent a plain wakeup once its socket is quiet, and
// has to stir.
import { detach } from '../../shared/lifecycle.js';
import { traces } from '../../shared/traces.js';
import type { DeviceId } from '../protocol/ids.js';
import type { WakeupAddress } from '../protocol/messages.js';
import type { DeviceWakeup, HelloOutcome, ProofOutcome } from '../store/store.js';
import { wordsOf } from '../wakeup/attempt.js';
import type { ProofWords } from '../wakeup/proofs.js';
import { isBelieved } from '../wakeup/states.js';
import type { SocketTimes } from './idle.js';
import type { Session, SessionParts } from './session.js';

export interface AddressProof {
  address: WakeupAddress;
  words: ProofWords;
  /** When to ask; `undefined` while a question is under way or none is to follow. */
  askAtMs: number | undefined;
  /** What stirs the socket until then is taken for the effect of the wakeup. */
  stirUntilMs: number | undefined;
  /** A wakeup is being sent; whether the socket was stirred since, on which side. */
  stirred: 'no' | 'by-device' | 'by-us' | undefined;
}

export class Whereabouts {
  readonly #session: Session;
  /** Quiet for long enough, the device is put to sleep there. */
  #believedAt: WakeupAddress | undefined = undefined;
  /** When the address was said, or last found to be still the device's. */
  #saidAtMs = 0;
  /** What is to show that the device is where it says. */
  #proof: AddressProof | undefined = undefined;
  /** When a proof was last asked for, whichever address the device said then. */
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(session: Session) {
    this.#session = session;
  }

  times(): Pick<SocketTimes, 'isBelieved' | 'proof'> {
    return { isBelieved: this.#believedAt !== undefined, proof: this.#proof };
  }

  /** A hello: what the store has of it now. */
  onHello(now: DeviceWakeup, canProve: boolean): void {
    this.#believedAt = isBelieved(now.state) ? now.address : undefined;
    this.#saidAtMs = now.saidAtMs;
    this.#proof = this.#proofFor(now, canProve);
  }

  /** The address is another device's. */
  forget(): void {
    this.#believedAt = undefined;
    this.#proof = undefined;
  }

  /** The device may be put to sleep: its operator can wake it now. */
  isWakeable(): boolean {
    return this.#believedAt !== undefined && this.#session.parts.isWakeable(this.#believedAt);
  }

  /** The lease of the address outlasts a sleep. */
  isFresh(): boolean {
    const { clock, limits } = this.#session.parts;
    return clock.now() < this.#saidAtMs + limits.wakeupLeaseMs / 2;
  }

  /** The open socket shows that the address is still the device's. */
  async renew(): Promise<void> {
    const { device, parts } = this.#session;
    if (!device) return;
    const nowMs = parts.clock.now();
    await parts.store.renewAddress(device, nowMs);
    this.#saidAtMs = nowMs;
  }

  /** Asks for the proof that is due. Nothing that goes wrong with it is an error: the socket stays open meanwhile. */
  async ask(): Promise<void> {
    const proof = this.#proof;
    if (!proof) return;
    const { clock, askProof, limits } = this.#session.parts;
    proof.askAtMs = undefined;
    this.#askedAtMs = clock.now();
    const isStir = proof.words !== 'nonce';
    if (isStir) proof.stirred = 'no';
    const { isSent, againMs } = await askProof(proof.address, proof.words);
    const { stirred } = proof;
    proof.stirred = undefined;
    const nowMs = clock.now();
    if (!isSent || !isStir) proof.askAtMs = nowMs + againMs;
    // The device may be faster than the answer of the gateway.
    else if (stirred === 'by-device') this.#proveByStir(proof);
    else if (stirred === 'no') proof.stirUntilMs = nowMs + limits.wakeupRetryFloorMs;
    this.#session.plan();
  }

  /** The device said something. It is a proof where both sides were quiet since the wakeup. */
  onHeard(): void {
    const proof = this.#proof;
    if (proof?.stirred === 'no') proof.stirred = 'by-device';
    if (proof?.stirUntilMs === undefined) return;
    const isInTime = this.#session.parts.clock.now() <= proof.stirUntilMs;
    proof.stirUntilMs = undefined;
    if (isInTime) this.#proveByStir(proof);
  }

  /** The device is sent something: what it says next may be the answer to that. */
  onSent(): void {
    if (!this.#proof) return;
    if (this.#proof.stirred === 'no') this.#proof.stirred = 'by-us';
    this.#proof.stirUntilMs = undefined;
  }

  /** `wakeupProof`: the nonce of a datagram came back. A wrong one proves nothing, and there is no reply. */
  async onNonce(device: DeviceId, nonce: string): Promise<void> {
    const proof = this.#proof;
    if (proof?.words !== 'nonce' || !this.#session.parts.isNonceOf(proof.address, nonce)) return;
    await this.#prove(device, proof);
  }

  #proofFor(now: DeviceWakeup, canProve: boolean): AddressProof | undefined {
    const { clock, limits, ids } = this.#session.parts;
    const { state, address } = now;
    if (!address || (state !== 'claimed' && state !== 'probation')) return undefined;
    return {
      address,
      // The counter after the one that the answer to hello tells is kept for this.
      words: canProve ? 'nonce' : wordsOf(now, ids),
      askAtMs: Math.max(clock.now(), this.#askedAtMs + limits.proofRetryMs),
      stirUntilMs: undefined,
      stirred: undefined,
    };
  }

  #proveByStir(proof: AddressProof): void {
    const { device, parts } = this.#session;
    if (!device) return;
    // The frame that stirred may be handled by the time the store has it: only this plans for what is due then.
    const proven = this.#prove(device, proof).then(() => this.#session.plan());
    detach(proven, parts.log, traces.storeFailed);
  }

  async #prove(device: DeviceId, proof: AddressProof): Promise<void> {
    const { parts } = this.#session;
    const { address } = proof;
    const nowMs = parts.clock.now();
    const wakeupDueMs = nowMs + parts.limits.wakeupRetryFloorMs;
    const isNonce = proof.words === 'nonce';
    const shown = await parts.store.prove({ device, address, isNonce, nowMs, wakeupDueMs });
    noteEffects(parts, shown);
    // A hello came meanwhile, or the address is another device's.
    if (this.#proof !== proof) return;
    this.#proof = undefined;
    if (!shown.now) return;
    this.#believedAt = address;
    this.#saidAtMs = nowMs;
    // Any frame may be chance: what follows from it for this device says nothing of its network.
    if (isNonce) parts.noteProven(address);
    parts.log(traces.addressProven, { device, network: address.network });
  }
}

/** A hello or a proof may end a wakeup, and take an address from other devices. */
export function noteEffects(
  { books, presence }: SessionParts,
  effects: HelloOutcome | ProofOutcome,
): void {
  books.moved(effects);
  for (const loser of effects.losers) {
    books.moved(loser);
    presence.revokeAddress(loser.now.device);
  }
}
