// Datagrams that ask whether a device is where it says: a nonce that it returns on its socket, or, where it cannot,
// a plain wakeup that makes it stir. Whoever claims the address of somebody else must not have that one paged: an
// address without an answer is asked again less and less often, whoever claims it.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../shared/clock.js';
import type { NetworkKey } from '../../shared/network.js';
import type { DatagramWords } from '../../shared/wakeup/datagram.js';
import type { WakeupAddress } from '../protocol/messages.js';
import type { HandOver } from './hand-over.js';

export interface Proofs {
  /**
   * Asks an address now, unless it is too soon. Never rejects. An address has one nonce, whoever claims it: the device
   * that is there can return what was sent for another's claim, and need not wait for a datagram of its own.
   */
  ask(address: WakeupAddress, words: ProofWords): Promise<Asked>;
  /** Whether this is the nonce that was sent there. */
  isNonceOf(address: WakeupAddress, nonce: string): boolean;
  /** An answer came from there. */
  answered(address: WakeupAddress): void;
  /** Addresses without an answer so far. */
  unanswered(): number;
}

/** What the datagram says: a nonce, or what an ordinary wakeup says. */
export type ProofWords = DatagramWords | 'nonce';

export interface Asked {
  /** The datagram left its gateway. */
  isSent: boolean;
  /** How long to wait before it is asked again. */
  againMs: number;
}

export interface ProofLimits {
  /** How long after the first datagram without an answer the second may follow; then twice as long each time. */
  proofRetryMs: number;
  /** Addresses that may be without an answer at a time. */
  proofTargetsMax: number;
}

interface Question {
  nonce: string;
  waitMs: number;
  notBeforeMs: number;
}

/** An address is asked at least this often while somebody connected claims it. */
const againMsMax = 3_600_000;
const fullWaitMs = 60_000;

export function createProofs(parts: {
  handOver: HandOver;
  limits: ProofLimits;
  clock: Clock;
  count: (network: NetworkKey, result: ProofResult) => void;
}): Proofs {
  const { handOver, limits, clock, count } = parts;
  const { proofRetryMs, proofTargetsMax } = limits;
  /** Oldest first. */
  const asked = new Map<string, Question>();

  function forgetOld(nowMs: number): void {
    for (const [target, { notBeforeMs }] of asked) {
      if (notBeforeMs + againMsMax > nowMs) return;
      asked.delete(target);
    }
  }

  return {
    isNonceOf: (address, nonce) => asked.get(targetOf(address))?.nonce === nonce,
    unanswered() {
      forgetOld(clock.now());
      return asked.size;
    },
    answered(address) {
      if (asked.delete(targetOf(address))) count(address.network, 'answered');
    },
    async ask(address, words) {
      const nowMs = clock.now();
      forgetOld(nowMs);
      const target = targetOf(address);
      const before = asked.get(target);
      if (before && before.notBeforeMs > nowMs) {
        return { isSent: false, againMs: before.notBeforeMs - nowMs };
      }
      if (!before && asked.size >= proofTargetsMax) {
        count(address.network, 'full');
        return { isSent: false, againMs: fullWaitMs };
      }
      const waitMs = Math.min(before ? before.waitMs * 2 : proofRetryMs, againMsMax);
      // Noted before it is sent, so that two who claim one address ask once.
      asked.delete(target);
      const nonce = before?.nonce ?? newNonce();
      asked.set(target, { nonce, waitMs, notBeforeMs: nowMs + waitMs });
      const { result, isMaybeSent } = await handOver(
        address,
        words === 'nonce' ? { nonce } : words,
      );
      // One gateway's answer was lost, and it may have sent what another one put off or refused afterwards.
      if (result?.outcome === 'triggered' || isMaybeSent) {
        count(address.network, 'sent');
        return { isSent: true, againMs: waitMs };
      }
      // Nothing left a gateway: that was no question.
      const againMs = Math.max(result?.retryAfterMs ?? 0, proofRetryMs);
      if (before) asked.set(target, { ...before, notBeforeMs: nowMs + againMs });
      else asked.delete(target);
      return { isSent: false, againMs };
    },
  };
}

export const proofResults = ['sent', 'answered', 'full'] as const;
export type ProofResult = (typeof proofResults)[number];

function newNonce(): string {
  return randomBytes(16).toString('base64url');
}

function targetOf({ network, address, port }: WakeupAddress): string {
  return `${network} ${address.text} ${port}`;
}
