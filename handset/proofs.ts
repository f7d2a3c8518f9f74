// Returns the nonces that reach the wake port to the server, on the socket: so the server knows that wakeups arrive.
// One conversation's; what is held when it ends is void, for the next hello brings a nonce of its own.
import type { Cancel, Clock } from '../shared/clock.js';

export interface Proof {
  nonce: string;
  protocol: 'udp' | 'tcp';
  from: string;
}

/** `taken`: sent, or held until hello is answered. */
export type ProofVerdict = 'taken' | 'not-connected' | 'too-many';

export interface Proofs {
  take(proof: Proof): ProofVerdict;
  /** Hello is answered: sends what was held. */
  open(): void;
  close(): void;
}

export function createProofs(options: {
  clock: Clock;
  perMinuteMax: number;
  /** Whether it was sent. */
  send: (proof: Proof) => boolean;
}): Proofs {
  const { clock, perMinuteMax, send } = options;
  let held: Proof[] = [];
  let isOpen = false;
  let taken = 0;
  let cancel: Cancel = () => {};

  return {
    take(proof) {
      // Anyone who reaches the port can send nonces: none of them is to make us talk without end.
      if (taken >= perMinuteMax) return 'too-many';
      if (taken === 0) {
        cancel = clock.after(60_000, () => {
          taken = 0;
        });
      }
      taken += 1;
      if (isOpen) return send(proof) ? 'taken' : 'not-connected';
      held.push(proof);
      return 'taken';
    },
    open() {
      isOpen = true;
      for (const proof of held) send(proof);
      held = [];
    },
    close: () => cancel(),
  };
}
