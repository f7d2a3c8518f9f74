// A gateway as central sees it, without a network in between: it does with each wakeup what a test tells it to.

import type { GatewayClient } from '../../../central/wakeup/gateway-client.js';
import { CodedError } from '../../../shared/errors.js';
import type {
  ServedNetwork,
  Wakeup,
  WakeupResult,
  WakeupSign,
} from '../../../shared/wakeup/request.js';
import type { Turns } from './turns.js';

/**
 * well          sends and says so
 * down          cannot be reached
 * answer-lost   sends, and its answer is lost
 * refuses, defers, fails   answers so and sends nothing
 * slow          sends, and answers when it is told to
 */
export const moods = ['well', 'down', 'answer-lost', 'refuses', 'defers', 'fails', 'slow'] as const;
export type Mood = (typeof moods)[number];

export interface PaperGateway {
  client: GatewayClient;
  mood: Mood;
  /** Answers what it was slow with. */
  answerNow(): void;
  /** The network says that nobody is where the last datagram went. */
  signLast(): void;
}

const retryAfterMs = 700;

export function createPaperGateway(options: {
  name: string;
  networks: readonly ServedNetwork[];
  turns: Turns;
  /** A datagram leaves. */
  emit: (wakeup: Wakeup) => void;
}): PaperGateway {
  const { name, networks, turns, emit } = options;
  const sent = new Set<string>();
  let held: (() => void)[] = [];
  let signs: WakeupSign[] = [];

  function send(wakeup: Wakeup): void {
    if (sent.has(wakeup.id)) return;
    sent.add(wakeup.id);
    emit(wakeup);
  }

  function decide(wakeup: Wakeup): Omit<WakeupResult, 'id'> | 'no-answer' {
    if (gateway.mood === 'refuses') return { outcome: 'refused', reason: 'address-out-of-range' };
    if (gateway.mood === 'defers') return { outcome: 'deferred', reason: 'paced', retryAfterMs };
    if (gateway.mood === 'fails') return { outcome: 'failed', reason: 'send-failed' };
    send(wakeup);
    return gateway.mood === 'answer-lost' ? 'no-answer' : { outcome: 'triggered' };
  }

  function reached<T>(answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      turns.later(() => {
        if (gateway.mood === 'down') reject(unreachable('ECONNREFUSED'));
        else resolve(answer());
      });
    });
  }

  const client: GatewayClient = {
    url: `http://${name}`,
    networks: () => reached(() => [...networks]),
    signs: () => reached(() => signs),
    async wake(wakeup) {
      const decided = await reached(() => decide(wakeup));
      if (decided === 'no-answer') throw unreachable('UND_ERR_SOCKET');
      if (gateway.mood === 'slow') await new Promise<void>((resolve) => held.push(resolve));
      return { id: wakeup.id, ...decided };
    },
    close: async () => {},
  };
  const gateway: PaperGateway = {
    ...{ client, mood: 'well' as Mood },
    signLast() {
      const id = [...sent].at(-1);
      if (id !== undefined) signs = [...signs, { id, sign: 'unreachable' }];
    },
    answerNow() {
      for (const answer of held) turns.later(answer);
      held = [];
    },
  };
  return gateway;
}

function unreachable(code: string): CodedError<'gateway-unreachable'> {
  const cause = Object.assign(new Error(code), { code });
  return new CodedError('gateway-unreachable', code, { cause });
}
