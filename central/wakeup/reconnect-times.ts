// How long a network's devices take to come back after a wakeup, and how long to wait for one therefore.
import type { NetworkKey } from '../../shared/network.js';
import { windowMsMax } from './states.js';

export interface ReconnectTimes {
  /**
   * A device came back this long after the first wakeup for what it missed. Later wakeups say nothing: nobody knows
   * which of them it answers (Karn's rule, RFC 6298 section 3).
   */
  note(network: NetworkKey, ms: number): void;
  /**
   * A device came back this long after a repeated wakeup that had this window. Where that is longer than devices need,
   * it may be the answer to one before, and first windows are as long as this one from now on, though twice as long as
   * they were at most, until a first wakeup is answered in the time that they have without this: of devices that need
   * longer hardly anything else tells (RFC 6298 section 5).
   */
  noteRepeated(network: NetworkKey, times: { ms: number; windowMs: number }): void;
  /** Whether a hello so long after a wakeup may be the answer to it: not where the device came by itself long after. */
  isAnswer(ms: number): boolean;
  /** 95 of 100 devices came back within this time; `undefined` while too few have. */
  p95Ms(network: NetworkKey): number | undefined;
  /** How long the device has to come back after its first, second, … wakeup; then the next one is due. */
  windowMs(network: NetworkKey, attempt: number): number;
}

/** Newest times kept of each network, and how many say something. */
const samplesMax = 200;
const samplesMin = 20;
/** Waits are up to this part longer, so that what was sent at once is not sent again at once. */
const jitter = 0.25;
/** What comes within 16 floors is an answer; as long is the fifth window. What was learnt makes this no longer, or it would feed itself. */
const answerFactor = 16;
/** RFC 8085 section 3.1.1 asks for retransmissions slower than the round trip; this leaves room for the slow ones. */
const marginFactor = 1.5;

export function createReconnectTimes(options: {
  /** No window is shorter: paging, promotion of the radio and a handshake take that long. */
  floorMs: number;
  /** From 0 to less than 1, as `Math.random`. */
  random: () => number;
}): ReconnectTimes {
  const { floorMs, random } = options;
  const samples = new Map<NetworkKey, number[]>();
  const backedOff = new Map<NetworkKey, number>();

  function p95Ms(network: NetworkKey): number | undefined {
    const known = samples.get(network) ?? [];
    if (known.length < samplesMin) return undefined;
    const sorted = [...known].sort((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.95) - 1];
  }

  const learntMs = (network: NetworkKey) => Math.max(floorMs, marginFactor * (p95Ms(network) ?? 0));
  const firstMs = (network: NetworkKey) => Math.max(learntMs(network), backedOff.get(network) ?? 0);

  return {
    p95Ms,
    isAnswer: (ms) => ms <= answerFactor * floorMs,
    noteRepeated(network, { ms, windowMs }) {
      // The ones before were lost: that tells nothing of the time that devices need.
      if (ms <= marginFactor * (p95Ms(network) ?? 0)) return;
      const knownMs = firstMs(network);
      backedOff.set(network, Math.max(knownMs, Math.min(windowMs, 2 * knownMs)));
    },
    note(network, ms) {
      const known = samples.get(network) ?? [];
      known.push(ms);
      if (known.length > samplesMax) known.shift();
      samples.set(network, known);
      if (marginFactor * ms <= learntMs(network)) backedOff.delete(network);
    },
    windowMs(network, attempt) {
      const windowMs = Math.min(firstMs(network) * 2 ** (attempt - 1), windowMsMax / (1 + jitter));
      return Math.ceil(windowMs * (1 + random() * jitter));
    },
  };
}
