// The state of a device's wakeup, all of it, as a table of states and events. Pure: every engine of the store applies
// it inside its transactions, so that a state and the versions it stands for never disagree.

/**
 * none       no address: the device was promised nothing
 * claimed    an address that the device has yet to prove; its socket stays open, nothing is woken there
 * probation  the device was dark and is back; its socket stays open until a wakeup has worked
 * resting    an address that is believed, and nothing pending
 * owed       something is pending: a wakeup is to be sent at `dueMs`
 * sending    handed to a gateway; without an answer until `dueMs` it counts as sent
 * awaited    it left the gateway: the device has until `dueMs` to say hello
 * dark       the address is not believed any more: nothing is sent until the device says hello
 */
export const wakeupStates = [
  'none',
  'claimed',
  'probation',
  'resting',
  'owed',
  'sending',
  'awaited',
  'dark',
] as const;
export type WakeupState = (typeof wakeupStates)[number];

/** How a wakeup went, in the words of 3GPP TS 29.122 (T8) DeliveryResult. */
export const wakeupOutcomes = [
  'triggered',
  'success',
  'unconfirmed',
  'failure',
  'expired',
  'replaced',
] as const;
export type WakeupOutcome = (typeof wakeupOutcomes)[number];

/** Why an address is not believed any more. */
export const darkReasons = ['unconfirmed', 'unreachable', 'refused', 'lease', 'taken'] as const;
export type DarkReason = (typeof darkReasons)[number];

export interface WakeupRecord {
  state: WakeupState;
  /** Wakeups sent since the device last said hello. */
  attempts: number;
  /** When something is to be done next, in milliseconds since the epoch; only while owed, sending or awaited. */
  dueMs: number | undefined;
  /** When the wakeup under way was sent. */
  sentMs: number | undefined;
  /** When the oldest version came that a wakeup is owed for. */
  sinceMs: number | undefined;
  /** When the device went dark, and in probation when it came back. */
  darkMs: number | undefined;
  darkReason: DarkReason | undefined;
}

/** What a hello or a proof knows of the device's channels. */
interface Pending {
  nowMs: number;
  isPending: boolean;
  /** When what is pending is owed a wakeup, should the device not take it on its socket. */
  dueMs: number;
}

export type WakeupEvent =
  /** hello with an address that is believed */
  | ({ name: 'said' } & Pending)
  /** hello with an address that is to be proved */
  | ({ name: 'claimed' } & Pending)
  /** hello without an address that could be woken */
  | ({ name: 'left' } & Pending)
  /** the address was shown to be the device's: a nonce came back, or a probation wakeup had its effect */
  | ({ name: 'proved' } & Pending)
  /** a version was stored */
  | { name: 'put'; nowMs: number; dueMs: number }
  /** nothing is pending any more */
  | { name: 'settled' }
  /** the device holds a socket after all */
  | { name: 'held'; dueMs: number }
  /** handed to a gateway; `dueMs` is the end of its window */
  | { name: 'begun'; nowMs: number; dueMs: number }
  /** it left its gateway; `dueMs` is the end of its window where handing it over took a part of that */
  | { name: 'triggered'; dueMs?: number }
  /** no gateway takes it now; not an attempt */
  | { name: 'unsent'; dueMs: number }
  /** a gateway's policy or sender said no */
  | { name: 'refused'; nowMs: number; attemptsMax: number }
  /** the network said that nobody is there */
  | { name: 'sign'; nowMs: number; attemptsMax: number }
  /** the window is over */
  | { name: 'passed'; nowMs: number; attemptsMax: number }
  /** the lease of the address is over */
  | { name: 'lapsed'; nowMs: number }
  /** another device has shown that the address is its own */
  | { name: 'taken'; nowMs: number };

export type WakeupEventName = WakeupEvent['name'];

/** What an event made of a wakeup. `outcome`: one ended so. */
export interface Step {
  to: WakeupRecord;
  outcome?: WakeupOutcome | undefined;
}

type Move = (from: WakeupRecord, event: never) => Step;

/** The table. What is not in it changes nothing: the event came too late, or says nothing new. */
const table: Record<WakeupState, Partial<Record<WakeupEventName, Move>>> = {
  none: { said: believe, claimed: to('claimed') },
  claimed: { said: believe, left: to('none'), proved: believe, taken: to('none') },
  probation: { proved: believe },
  resting: {
    ...{ said: believe, claimed: to('claimed'), left: to('none') },
    ...{ put: owe, lapsed: darken('lease'), taken: darken('taken') },
  },
  owed: {
    ...{ said: believe, claimed: to('claimed'), left: to('none'), settled: to('resting') },
    ...{ put: replace, held: postpone, begun: begin },
    ...{ lapsed: expire(darken('lease')), taken: expire(darken('taken')) },
  },
  sending: {
    ...{ said: answered(believe), claimed: answered(to('claimed')), left: answered(to('none')) },
    ...{ settled: expire(to('resting')), put: replace },
    ...{ triggered: leave, unsent: takeBack, refused: fail('refused'), passed: miss },
    ...{ lapsed: expire(darken('lease')), taken: expire(darken('taken')) },
  },
  awaited: {
    ...{ said: answered(believe), claimed: answered(to('claimed')), left: answered(to('none')) },
    ...{ settled: expire(to('resting')), put: replace },
    ...{ sign: fail('unreachable'), passed: miss },
    ...{ lapsed: expire(darken('lease')), taken: expire(darken('taken')) },
  },
  dark: { said: comeBack, claimed: comeBack, left: comeBack },
};

/** Applies an event. Returns `undefined` where it changes nothing. */
export function step(from: WakeupRecord, event: WakeupEvent): Step | undefined {
  const move = table[from.state][event.name] as
    | ((f: WakeupRecord, e: WakeupEvent) => Step)
    | undefined;
  return move?.(from, event);
}

/** States of a device whose hello is answered 201. */
export function isPromised(state: WakeupState): boolean {
  return state === 'claimed' || isBelieved(state);
}

/** States in which the address is the device's as far as anyone knows: it may be closed with 4774 and woken. */
export function isBelieved(state: WakeupState): boolean {
  return ['resting', 'owed', 'sending', 'awaited'].includes(state);
}

/** The record of a device that never said anything. */
export const noWakeup: WakeupRecord = {
  ...{ state: 'none', attempts: 0, dueMs: undefined, sentMs: undefined, sinceMs: undefined },
  ...{ darkMs: undefined, darkReason: undefined },
};

/** A state in which no wakeup is under way and none is due. */
function to(state: WakeupState): Move {
  return () => ({ to: { ...noWakeup, state } });
}

function believe(from: WakeupRecord, { isPending, dueMs, nowMs }: Pending): Step {
  if (!isPending) return { to: { ...noWakeup, state: 'resting' } };
  const sinceMs = from.sinceMs ?? nowMs;
  return { to: { ...noWakeup, state: 'owed', dueMs, sinceMs } };
}

function owe(_from: WakeupRecord, { dueMs, nowMs }: { dueMs: number; nowMs: number }): Step {
  return { to: { ...noWakeup, state: 'owed', dueMs, sinceMs: nowMs } };
}

/** The wakeup that is owed or under way serves the newer version too. */
function replace(from: WakeupRecord): Step {
  return { to: from, outcome: 'replaced' };
}

function postpone(from: WakeupRecord, { dueMs }: { dueMs: number }): Step {
  return { to: { ...from, dueMs } };
}

function begin(from: WakeupRecord, { nowMs, dueMs }: { nowMs: number; dueMs: number }): Step {
  const attempts = from.attempts + 1;
  return { to: { ...from, state: 'sending', attempts, sentMs: nowMs, dueMs } };
}

function leave(from: WakeupRecord, { dueMs = 0 }: { dueMs?: number }): Step {
  return { to: { ...from, state: 'awaited', dueMs: Math.max(from.dueMs ?? 0, dueMs) } };
}

function takeBack(from: WakeupRecord, { dueMs }: { dueMs: number }): Step {
  const attempts = from.attempts - 1;
  return { to: { ...from, state: 'owed', attempts, sentMs: undefined, dueMs } };
}

/** The device said hello: within the window that is what the wakeup was for. */
function answered(next: Move): Move {
  return (from, event) => {
    const isInTime = (event as Pending).nowMs <= (from.dueMs ?? 0);
    return { to: next(from, event).to, outcome: isInTime ? 'success' : 'unconfirmed' };
  };
}

interface Verdict {
  nowMs: number;
  attemptsMax: number;
}

/** The window passed in silence. It was the pause before the next attempt, too. */
function miss(from: WakeupRecord, { nowMs, attemptsMax }: Verdict): Step {
  const isLast = from.attempts >= attemptsMax;
  const next = isLast ? gone(nowMs, 'unconfirmed') : again(from, nowMs);
  return { to: next, outcome: 'unconfirmed' };
}

/** The next attempt comes no sooner than if the window had passed: anyone may forge such a sign. */
function fail(reason: DarkReason) {
  return (from: WakeupRecord, { nowMs, attemptsMax }: Verdict): Step => {
    const isLast = from.attempts >= attemptsMax;
    const next = isLast ? gone(nowMs, reason) : again(from, from.dueMs ?? nowMs);
    return { to: next, outcome: 'failure' };
  };
}

function again(from: WakeupRecord, dueMs: number): WakeupRecord {
  return { ...from, state: 'owed', sentMs: undefined, dueMs };
}

function expire(next: Move): Move {
  return (from, event) => ({ to: next(from, event).to, outcome: 'expired' });
}

function darken(reason: DarkReason): Move {
  return (_from, event) => ({ to: gone((event as { nowMs: number }).nowMs, reason) });
}

function gone(nowMs: number, darkReason: DarkReason): WakeupRecord {
  return { ...noWakeup, state: 'dark', darkMs: nowMs, darkReason };
}

function comeBack({ darkReason }: WakeupRecord, { nowMs }: Pending): Step {
  return { to: { ...noWakeup, state: 'probation', darkMs: nowMs, darkReason } };
}
