// The way of one wakeup through the gateway: kill switch, policy, pace, sender. Nothing here knows of requests or signatures.
import { cutAddress } from '../../shared/address.js';
import type { Clock } from '../../shared/clock.js';
import { detach } from '../../shared/lifecycle.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import { wakeupPayload } from '../../shared/wakeup/datagram.js';
import { type Protocol, protocols, type WakeupClaim } from '../../shared/wakeup/request.js';
import type { Metrics } from '../metrics.js';
import { type Pacing, paceReasons } from '../policy/pacing.js';
import type { Pause } from '../policy/pause.js';
import type { RefusalReason, Target } from '../policy/policy.js';
import type { Rules } from '../rules.js';
import type { Sender, SendResult } from '../senders/sender.js';
import type { Central } from '../trust/keyring.js';
import type { Decision } from './results.js';
import type { Hear } from './signs.js';

export interface WakeParts {
  senders: Record<Protocol, Sender>;
  pause: Pause;
  pacing: Pacing;
  hear: Hear;
  metrics: Metrics;
  clock: Clock;
  log: Log;
}

interface Sending {
  target: Target;
  claim: WakeupClaim;
  central: Central;
  charge: () => void;
}

export interface Wake {
  /** Decides one wakeup and sends it when it may be sent. */
  decide(claim: WakeupClaim, central: Central, rules: Rules): Promise<Decision>;
  /** Puts off one that this host has no room for. */
  deferBusy(claim: WakeupClaim, central: Central, rules: Rules): Decision;
}

export function createWake(parts: WakeParts): Wake {
  const { senders, pause, pacing, hear, metrics, clock, log } = parts;

  function refuse(reason: RefusalReason, claim: WakeupClaim): Decision {
    metrics.refusal(reason);
    log(traces.wakeupRefused, { wakeup: claim.id, reason });
    return { outcome: 'refused', reason };
  }

  function defer(claim: WakeupClaim, reason: DeferralReason, retryAfterMs: number): Decision {
    metrics.deferral(reason);
    log(traces.wakeupDeferred, { wakeup: claim.id, reason, retryAfterMs });
    return { outcome: 'deferred', reason, retryAfterMs };
  }

  async function send({ target, claim, central, charge }: Sending): Promise<Decision> {
    const { address, port, protocol, words } = target;
    const beganMs = clock.now();
    const payload = wakeupPayload(address.text, port, words);
    const attempt = senders[protocol].begin({ address, port }, payload);
    if (attempt === 'busy') return defer(claim, 'busy', busyRetryMs);
    charge();
    detach(
      attempt.done.then((result) => record(result, target, claim, (clock.now() - beganMs) / 1000)),
      log,
    );
    const wakeup = { ...target, id: claim.id, centralId: central.id };
    detach(
      attempt.sign.then((sign) => hear(wakeup, sign)),
      log,
    );
    const left = await attempt.left;
    if (left.result === 'sent') return { outcome: 'triggered' };
    return { outcome: 'failed', reason: 'send-failed' };
  }

  function record(result: SendResult, target: Target, claim: WakeupClaim, seconds: number): void {
    const { protocol, network, address } = target;
    metrics.sent(protocol, result.result, seconds);
    const fields = { wakeup: claim.id, network, to: cutAddress(address.text) };
    if (result.result === 'sent') {
      log(protocol === 'udp' ? traces.udpSent : traces.tcpSent, fields);
      return;
    }
    const code = result.result === 'failed' ? result.code : 'deadline';
    metrics.sendError(protocol, code);
    log(protocol === 'udp' ? traces.sendFailed : traces.tcpFailed, { ...fields, code });
  }

  async function decide(claim: WakeupClaim, central: Central, rules: Rules): Promise<Decision> {
    // Before the policy, for it may be what the operator is mending: a refusal is for good, a deferral is not.
    if (isPaused(claim, central, rules)) return defer(claim, 'paused', pausedRetryMs);
    const { target, refused } = rules.policy.decide(claim, central.networks);
    if (!target) return refuse(refused, claim);
    const pace = pacing.ask({ ...target, central, network: rules.networkOf(target.network) });
    if (pace.deferred) return defer(claim, pace.deferred.reason, pace.deferred.retryAfterMs);
    if (!rules.isDryRun(target.network)) return send({ target, claim, central, charge: pace.take });
    // Charged like a wakeup that is sent, so that a trial run shows what the real one will do.
    pace.take();
    return refuse('dry-run', claim);
  }

  function isPaused({ network }: WakeupClaim, { networks: scope }: Central, rules: Rules): boolean {
    const served = rules.policy.servedNetwork(network);
    // What holds for a network is nothing to a central that may not use it.
    const mayKnow = served !== undefined && (scope === undefined || scope.has(served));
    return pause.isPaused(mayKnow ? served : undefined);
  }

  function counted(
    decision: Decision,
    claim: WakeupClaim,
    central: Central,
    rules: Rules,
  ): Decision {
    const { outcome } = decision;
    metrics.wakeup({ ...labelsOf(claim, rules), central: central.id, outcome });
    return decision;
  }

  return {
    decide: async (claim, central, rules) =>
      counted(await decide(claim, central, rules), claim, central, rules),
    deferBusy: (claim, central, rules) =>
      counted(defer(claim, 'busy', busyRetryMs), claim, central, rules),
  };
}

/** Why a wakeup is put off. */
export const deferralReasons = [...paceReasons, 'paused'] as const;
export type DeferralReason = (typeof deferralReasons)[number];

/** When a caller may try again what a limit of this host put off. */
const busyRetryMs = 1000;
/** Nobody knows how long a pause lasts; this is how long its end may go unnoticed. */
const pausedRetryMs = 30_000;

/** Labels from closed sets, whatever the request says. */
export function labelsOf(
  { network, protocol = 'udp' }: WakeupClaim,
  rules: Rules,
): { network: string; protocol: string } {
  return {
    network: rules.policy.servedNetwork(network) ?? 'unknown',
    protocol: protocols.find((known) => known === protocol) ?? 'unknown',
  };
}
