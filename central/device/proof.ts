// Whether a device is where it says, found out while its socket is open. A device that can is sent a nonce and
// returns it here; any other is sent a plain wakeup once its socket is quiet, and has to stir.
import { detach } from '../../shared/lifecycle.js';
import { traces } from '../../shared/traces.js';
import type { DatagramWords } from '../../shared/wakeup/datagram.js';
import type { DeviceId } from '../protocol/ids.js';
import type { WakeupAddress } from '../protocol/messages.js';
import type { HelloOutcome, ProofOutcome } from '../store/store.js';
import type { ProofWords } from '../wakeup/proofs.js';
import type { Session, SessionParts } from './session.js';

export interface AddressProof {
  address: WakeupAddress;
  words: ProofWords;
  /** When to ask; `undefined` while a question is under way or none is to follow. */
  askAtMs: number | undefined;
  /** Asked only when the socket was quiet for so long. */
  quietMs: number | undefined;
  /** What stirs the socket until then is taken for the effect of the wakeup. */
  stirUntilMs: number | undefined;
  /** A wakeup is being sent; whether the socket was stirred since, on which side. */
  stirred: 'no' | 'by-device' | 'by-us' | undefined;
}

export function nonceProof(address: WakeupAddress, nowMs: number): AddressProof {
  return { address, words: 'nonce', askAtMs: nowMs, quietMs: undefined, ...unstirred };
}

/** A wakeup, asked for when the socket was quiet for as long as one that is put to sleep. */
export function stirProof(options: {
  address: WakeupAddress;
  words: DatagramWords;
  nowMs: number;
  quietMs: number;
}): AddressProof {
  const { nowMs, ...rest } = options;
  return { ...rest, askAtMs: nowMs, ...unstirred };
}

const unstirred = { stirUntilMs: undefined, stirred: undefined };

/** Sends the question. Nothing that goes wrong with it is an error: the socket stays open meanwhile. */
export async function askForProof(session: Session, proof: AddressProof): Promise<void> {
  const { clock, askProof, limits } = session.parts;
  proof.askAtMs = undefined;
  session.askedProofAtMs = clock.now();
  const isStir = proof.words !== 'nonce';
  if (isStir) proof.stirred = 'no';
  const { isSent, againMs } = await askProof(proof.address, proof.words);
  const { stirred } = proof;
  proof.stirred = undefined;
  const nowMs = clock.now();
  if (!isSent || !isStir) proof.askAtMs = nowMs + againMs;
  // The device may be faster than the answer of the gateway.
  else if (stirred === 'by-device') proveByStir(session, proof);
  else if (stirred === 'no') proof.stirUntilMs = nowMs + limits.wakeupRetryFloorMs;
  session.plan();
}

/** The device said something while it was quiet on both sides. */
export function onStir(session: Session, proof: AddressProof): void {
  if (proof.stirred === 'no') proof.stirred = 'by-device';
  if (proof.stirUntilMs === undefined) return;
  const isInTime = session.parts.clock.now() <= proof.stirUntilMs;
  proof.stirUntilMs = undefined;
  if (isInTime) proveByStir(session, proof);
}

/** The device is sent something: what it says next may be the answer to that. */
export function onSent(proof: AddressProof): void {
  if (proof.stirred === 'no') proof.stirred = 'by-us';
  proof.stirUntilMs = undefined;
}

function proveByStir(session: Session, proof: AddressProof): void {
  const { device, parts } = session;
  // The frame that stirred may be handled by the time the store has it: only this plans for what is due then.
  const proven = device && prove(session, device, proof).then(() => session.plan());
  if (proven) detach(proven, parts.log, traces.storeFailed);
}

/** `wakeupProof`: the nonce of a datagram came back. A wrong one proves nothing, and there is no reply. */
export async function onWakeupProof(
  session: Session,
  device: DeviceId,
  nonce: string,
): Promise<void> {
  const { proof } = session;
  const isProof = proof?.words === 'nonce' && session.parts.isNonceOf(proof.address, nonce);
  if (proof && isProof) await prove(session, device, proof);
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

async function prove(session: Session, device: DeviceId, proof: AddressProof): Promise<void> {
  const { store, clock, log, limits, noteProven } = session.parts;
  const { address } = proof;
  const nowMs = clock.now();
  const wakeupDueMs = nowMs + limits.wakeupRetryFloorMs;
  const isNonce = proof.words === 'nonce';
  const proven = { device, address, isNonce, nowMs, wakeupDueMs };
  const shown = await store.prove(proven);
  noteEffects(session.parts, shown);
  if (session.proof !== proof) return;
  session.proof = undefined;
  if (!shown.now) return;
  session.believedAt = address;
  session.saidAtMs = nowMs;
  // Any frame may be chance: what follows from it for this device says nothing of its network.
  if (isNonce) noteProven(address);
  log(traces.addressProven, { device, network: address.network });
}
