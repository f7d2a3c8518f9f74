// From one wakeup to a gateway's answer: the gateways of its network in turn, all with the same id.
//
// What is guaranteed: one gateway sends at most one datagram for an id, however often it is asked. Gateways share
// nothing, so where the answer of one was lost and another was asked, each may have sent one. A handset with
// authenticated wakeups takes the second for a repetition; any other says one hello to both.
import type { Clock } from '../../shared/clock.js';
import { CodedError, messageOf } from '../../shared/errors.js';
import { uuidV7 } from '../../shared/id.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { DatagramWords } from '../../shared/wakeup/datagram.js';
import type { Urgency, WakeupResult } from '../../shared/wakeup/request.js';
import type { WakeupAddress } from '../protocol/messages.js';
import type { GatewayClient } from './gateway-client.js';
import type { Networks } from './networks.js';

/** What became of a wakeup at the gateways. */
export interface HandedOver {
  id: string;
  /** The last gateway's answer; `undefined` when none gave one. */
  result: WakeupResult | undefined;
  /** Who gave it. */
  gateway: GatewayClient | undefined;
  /** A gateway got it, or may have, and its answer was lost. */
  isMaybeSent: boolean;
}

/** Hands a wakeup to the gateways of its network. Never rejects. */
export type HandOver = (
  address: WakeupAddress,
  words: DatagramWords,
  urgency?: Urgency,
) => Promise<HandedOver>;

export function createHandOver(parts: {
  networks: () => Networks;
  clock: Clock;
  log: Log;
  countFailure: (code: string) => void;
}): HandOver {
  const { networks, clock, log, countFailure } = parts;

  // All wakeups of a request fail with one error, and that is told once.
  const told = new WeakSet<object>();

  function noteFailure(gateway: GatewayClient, error: unknown): void {
    if (error instanceof Error && told.has(error)) return;
    if (error instanceof Error) told.add(error);
    const code = error instanceof CodedError ? error.code : 'bug';
    countFailure(code);
    log(traces.gatewayFailed, { gateway: gateway.url, error: messageOf(error) });
    // Its wakeups take another way from now on, until it answers when it is next asked what it serves.
    if (unwellCodes.has(code)) networks().noteFailure(gateway, messageOf(error), clock.now());
  }

  return async (address, words, urgency) => {
    const id = uuidV7(clock.now());
    const { network, port, protocol } = address;
    const place = { network, ip: address.address.text, port, protocol };
    const wakeup = { id, ...place, ...(urgency ? { urgency } : {}), ...words };
    const handed: HandedOver = { id, result: undefined, gateway: undefined, isMaybeSent: false };
    for (const gateway of networks().gatewaysFor(address)) {
      try {
        handed.result = await gateway.wake(wakeup);
        handed.gateway = gateway;
        // A policy may lag behind its twin's, and a host may be unable to send: a no stands as the last word only.
        if (!['refused', 'failed'].includes(handed.result.outcome)) return handed;
      } catch (error) {
        noteFailure(gateway, error);
        if (isMaybeSent(error)) handed.isMaybeSent = true;
      }
    }
    return handed;
  };
}

// It does not answer, or answers that it cannot work now, or somebody does in its place.
const unwellCodes = new Set(['gateway-unreachable', 'gateway-down', 'gateway-down-unsigned']);
// Errors after which the gateway has certainly sent nothing: it was not reached, or it said no as a whole.
const unsentCodes = new Set(['gateway-busy', 'gateway-refused', 'gateway-down']);
const unsentCauses = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  // Its client was closed: the configuration has others now.
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
]);

function isMaybeSent(error: unknown): boolean {
  if (!(error instanceof CodedError)) return true;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return !unsentCodes.has(error.code) && !unsentCauses.has(String(code));
}
