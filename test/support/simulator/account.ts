// The account of one device: its wakeup under way, the datagrams that left for it, and its channels.
import type { ChannelId } from '../../../central/protocol/ids.js';
import type { Update } from '../../../central/protocol/messages.js';
import type { WakeupOutcome } from '../../../central/wakeup/states.js';
import type { Clock } from '../../../shared/clock.js';
import { createMessageModel, type MessageModel } from '../message-model.js';

export interface Account {
  /** A wakeup begins for this place. */
  begin(place: string): void;
  /** The wakeup under way was taken back: no gateway took it. */
  takeBack(): void;
  end(outcome: WakeupOutcome): void;
  isUnderWay(): boolean;
  /** The device said hello. Tells whether it has missed all of its wakeups since it did so last. */
  greet(): { isDark: boolean };
  /** A wakeup that began for this place, and whose datagram is not known to have left. */
  awaited(place: string): Awaited | undefined;
  /** Its datagram leaves. */
  leave(awaited: Awaited, counter: number | undefined): void;
  crash(): void;
  register(channel: ChannelId): void;
  unregister(channel: ChannelId): void;
  put(update: Update): void;
  ack(updates: readonly Update[]): void;
  pending(): Update[];
  messages: MessageModel;
  /** The wakeup that ended was the only one, and its window is not waited for. */
  excuse(): void;
}

export interface Awaited {
  place: string;
  /** The device said hello since. */
  isAnswered: boolean;
  /** Central crashed since: the datagram may have been on its way already, or will never be. */
  isDoubtful: boolean;
}

export interface AccountOptions {
  clock: Clock;
  /** The shortest first window. */
  floorMs: number;
  attemptsMax: number;
  complain: (what: string) => void;
}

export function createAccount(options: AccountOptions): Account {
  const { clock, floorMs, attemptsMax, complain } = options;
  const channels = createChannels();
  let isUnderWay = false;
  let awaiting: Awaited[] = [];
  /** Datagrams since the last hello, and when the last one left. */
  let datagrams = 0;
  let lastMs = 0;
  let lastCounter = 0;
  /** Wakeups that ended without a hello, since the last one. */
  let missed = 0;

  function count(): void {
    const sinceMs = clock.now() - lastMs;
    const windowMs = floorMs * 2 ** (datagrams - 1);
    if (datagrams > 0 && sinceMs < windowMs) {
      complain(`a datagram ${sinceMs} ms after another whose window is ${windowMs} ms`);
    }
    datagrams += 1;
    lastMs = clock.now();
    if (datagrams > attemptsMax) complain(`${datagrams} datagrams without a hello`);
  }

  return {
    ...channels,
    messages: createMessageModel(),
    begin(place) {
      if (isUnderWay) complain('a second wakeup began while one is under way');
      isUnderWay = true;
      awaiting.push({ place, isAnswered: false, isDoubtful: false });
    },
    takeBack() {
      isUnderWay = false;
    },
    end(outcome) {
      // What was owed and had not begun may expire; nothing else ends that did not begin.
      if (!isUnderWay && outcome !== 'expired') complain(`${outcome} of no wakeup`);
      isUnderWay = false;
      missed = outcome === 'unconfirmed' || outcome === 'failure' ? missed + 1 : 0;
    },
    isUnderWay: () => isUnderWay,
    greet() {
      const isDark = missed >= attemptsMax;
      datagrams = 0;
      missed = 0;
      for (const each of awaiting) each.isAnswered = true;
      return { isDark };
    },
    awaited(place) {
      const there = awaiting.filter((each) => each.place === place);
      return there.find(({ isDoubtful }) => !isDoubtful) ?? there.at(-1);
    },
    leave(left, counter) {
      awaiting = awaiting.filter((each) => each !== left);
      if (!left.isAnswered) count();
      if (counter === undefined) return;
      if (counter <= lastCounter) complain(`counter ${counter} after ${lastCounter}`);
      lastCounter = counter;
    },
    excuse() {
      lastMs = Number.NEGATIVE_INFINITY;
    },
    crash() {
      for (const each of awaiting) each.isDoubtful = true;
    },
  };
}

/** A channel is two numbers, kept here a second time in the simplest way there is. */
function createChannels() {
  const channels = new Map<ChannelId, { version: number; acked: number }>();
  return {
    register(channel: ChannelId): void {
      channels.set(channel, channels.get(channel) ?? { version: -1, acked: -1 });
    },
    unregister: (channel: ChannelId) => void channels.delete(channel),
    put({ channel, version }: Update): void {
      const known = channels.get(channel);
      if (known) known.version = Math.max(known.version, version);
    },
    ack(updates: readonly Update[]): void {
      for (const { channel, version } of updates) {
        const known = channels.get(channel);
        if (known) known.acked = Math.max(known.acked, Math.min(version, known.version));
      }
    },
    pending: (): Update[] =>
      [...channels]
        .filter(([, { version, acked }]) => version > acked)
        .map(([channel, { version }]) => ({ channel, version })),
  };
}
