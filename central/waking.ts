// The parts of waking, built and wired: what is owed, whose turn it is, what gateways and devices say to it.
import type { Clock } from '../shared/clock.js';
import type { Log } from '../shared/log.js';
import type { CentralConfig } from './config.js';
import type { CentralMetrics } from './metrics.js';
import type { Presence } from './presence/presence.js';
import type { Ids } from './protocol/ids.js';
import type { WakeupAddress } from './protocol/messages.js';
import type { Store } from './store/store.js';
import { createBooks } from './wakeup/books.js';
import { createHandOver } from './wakeup/hand-over.js';
import { watchLeases } from './wakeup/leases.js';
import type { Networks } from './wakeup/networks.js';
import { createProofs } from './wakeup/proofs.js';
import { createReconnectTimes } from './wakeup/reconnect-times.js';
import { createWake } from './wakeup/wake.js';

export function openWaking(parts: {
  store: Store;
  presence: Presence;
  ids: Ids;
  networks: () => Networks;
  isAsked: () => boolean;
  metrics: CentralMetrics;
  limits: CentralConfig;
  clock: Clock;
  log: Log;
  /** From 0 to less than 1. */
  random?: () => number;
}) {
  const { store, presence, networks, metrics, limits, clock, log, random = Math.random } = parts;
  const times = createReconnectTimes({ floorMs: limits.wakeupRetryFloorMs, random });
  const books = createBooks({
    counts: metrics.waking,
    ...{ times, clock, log },
    onResult: (network, result) => wake.noteResult(network, result),
  });
  const handOver = createHandOver({
    ...{ networks, clock, log },
    countFailure: (code) => metrics.gatewayFailures.inc({ code }),
  });
  const proofs = createProofs({ handOver, limits, clock, count: metrics.waking.proof });
  const wake = createWake({
    ...parts,
    handOver,
    times,
    books,
    countQueueFull: metrics.waking.queueFull,
    countUnheard: () => metrics.signsUnheard.inc(),
  });
  const leases = watchLeases({
    ...{ store, presence, books, clock, log, leaseMs: limits.wakeupLeaseMs },
  });

  return {
    wake,
    books,
    proofs,
    /** What is asked of a device that says it waits at this address; `undefined`: nobody can wake it there. */
    trustOf(address: WakeupAddress, { canProve, peer }: { canProve: boolean; peer: string }) {
      if (!wake.isWakeable(address)) return undefined;
      if (canProve) return 'prove' as const;
      return networks().isTrusted(address.network, peer) ? ('believe' as const) : undefined;
    },
    noteProven(address: WakeupAddress): void {
      proofs.answered(address);
      books.proven(address.network);
    },
    close(): void {
      leases.close();
      wake.close();
    },
  };
}
