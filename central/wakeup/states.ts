// The state of a device's wakeup, all of it, as a table of states and events. Pure: every engine of the store applies
// it inside its transactions, so that a state and the versions it stands for never disagree.

/**
 * none       no address: the device was promised nothing
 * claimed    an address that the device has yet to prove; its socket stays open, nothing is woken there
 * probation  the device was dark and is back; its socket stays open until a wakeup has worked
 * resting    an address that is believed, and nothing pending that wants a wakeup
 * gathering  something that can wait is pending: a wakeup is to be sent at `dueMs`, or sooner when something urgent comes
 *            or something that cannot wait for so long
 * owed       something is pending: a wakeup is to be sent at `dueMs`
 * sending    handed to a gateway; without an answer until `dueMs` it was an attempt in vain
 * awaited    it left the gateway: the device has until `dueMs` to say hello
 * dark       the address is not believed any more: nothing is sent until the device says hello
 */
export const wakeupStates = [
  'none',
  'claimed',
  'probation',
  'resting',
  'gathering',
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
  /** Wakeups sent in vain since the device was last heard of. */
  attempts: number;
  /** When something is to be done next, in milliseconds since the epoch; only while gathering, owed, sending or awaited. */
  dueMs: number | undefined;
  /** No attempt before this time: a gateway put the last one off, or it ended early, and anyone may have forged why. */
  notBeforeMs: number | undefined;
  /**
   * When the wakeup under way was sent. It outlives a window that passed in silence, until the next one is sent or the
   * device is heard of: a hello that comes in between is the answer to it.
   */
  sentMs: number | undefined;
  /** When the oldest version or message came that a wakeup is owed for. */
  sinceMs: number | undefined;
  /** When the device went dark, and in probation when it came back. */
  darkMs: number | undefined;
  darkReason: DarkReason | undefined;
}

/** What a hello or a proof knows of what waits for the device. */
interface Pending {
  nowMs: number;
  /** Something is pending that wants a wakeup. */
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
  /** a version or a message was stored that wants a wakeup; one that is not urgent waits until `dueMs` for others */
  | { name: 'put'; nowMs: number; dueMs: number; isUrgent: boolean }
  /** the device took what was pending, or wants it no more: nothing is left that wants a wakeup */
  | { name: 'settled' }
  /** the same, but nothing was heard of the device */
  | { name: 'released' }
  /** later: the device holds a socket after all, or no gateway serves its address */
  | { name: 'held'; dueMs: number }
  /** handed to a gateway; `dueMs` is the end of its window */
  | { name: 'begun'; nowMs: number; dueMs: number }
  /** it left its gateway; `dueMs` is the end of its window where handing it over took a part of that */
  | { name: 'triggered'; dueMs?: number }
  /** no gateway takes it now, and none is to be asked before `dueMs`; not an attempt */
  | ({ name: 'unsent'; dueMs: number } & Worth)
  /** a gateway's policy or sender said no */
  | ({ name: 'refused' } & Verdict)
  /** the network said that nobody is there */
  | ({ name: 'sign' } & Verdict)
  /** the window is over */
  | ({ name: 'passed' } & Verdict)
  /** the lease of the address is over */
  | { name: 'lapsed'; nowMs: number }
  /** another device has shown that the address is its own */
  | { name: 'taken'; nowMs: number };

export type WakeupEventName = WakeupEvent['name'];

interface Worth {
  /** Something is pending that wants another one. */
  isWorthAnother: boolean;
}

/** An attempt was in vain. */
interface Verdict extends Worth {
  nowMs: number;
  attemptsMax: number;
}

/** What an event made of a wakeup. `outcome`: one ended so. */
export interface Step {
  to: WakeupRecord;
  outcome?: WakeupOutcome | undefined;
  /** The device said hello after the window of its last wakeup, whose outcome is `unconfirmed` all the same. */
  isLate?: boolean;
}

type Move = (from: WakeupRecord, event: never) => Step;

/** The table. What is not in it changes nothing: the event came too late, or says nothing new. */
const table: Record<WakeupState, Partial<Record<WakeupEventName, Move>>> = {
  none: { said: believe, claimed: to('claimed') },
  claimed: { said: believe, left: to('none'), proved: believe, taken: to('none') },
  probation: { proved: believe },
  resting: {
    ...{ said: late(believe), claimed: late(to('claimed')), left: late(to('none')) },
    ...{ put: owe, lapsed: darken('lease'), taken: darken('taken') },
  },
  gathering: {
    ...{ said: late(believe), claimed: late(to('claimed')), left: late(to('none')) },
    ...{ settled: to('resting'), released: release },
    ...{ put: hasten, held: postpone, begun: begin },
    ...{ lapsed: expire(darken('lease')), taken: expire(darken('taken')) },
  },
  owed: {
    ...{ said: late(believe), claimed: late(to('claimed')), left: late(to('none')) },
    ...{ settled: to('resting'), released: release },
    ...{ put: replace, held: postpone, begun: begin },
    ...{ lapsed: expire(darken('lease')), taken: expire(darken('taken')) },
  },
  sending: {
    ...{ said: answered(believe), claimed: answered(to('claimed')), left: answered(to('none')) },
    ...{ settled: expire(to('resting')), put: join },
    ...{ triggered: leave, unsent: takeBack, refused: fail('refused'), passed: miss },
    ...{ lapsed: expire(darken('lease')), taken: expire(darken('taken')) },
  },
  awaited: {
    ...{ said: answered(believe), claimed: answered(to('claimed')), left: answered(to('none')) },
    ...{ settled: expire(to('resting')), put: join },
    ...{ sign: fail('unreachable'), passed: miss },
    ...{ lapsed: expire(darken('lease')), taken: expire(darken('taken')) },
  },
  dark: { said: comeBack, claimed: comeBack, left: comeBack },
};

/** No window is longer. What is due later than that was said by a clock that was set back since. */
export const windowMsMax = 4_500_000;

/** An event as whoever tells of it knows it; what is pending is for the store to say. */
export type WakeupReport = Without<WakeupEvent, 'isWorthAnother'>;
type Without<Event, Key extends string> = Event extends unknown ? Omit<Event, Key> : never;

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
  return ['resting', 'gathering', 'owed', 'sending', 'awaited'].includes(state);
}

/** The record of a device that never said anything. */
export const noWakeup: WakeupRecord = {
  ...{ state: 'none', attempts: 0, dueMs: undefined, notBeforeMs: undefined },
  ...{ sentMs: undefined, sinceMs: undefined, darkMs: undefined, darkReason: undefined },
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

type Put = Extract<WakeupEvent, { name: 'put' }>;

/** What was in vain so far stays: a device that is gone is not woken for ever, once for each of its messages. */
function owe(from: WakeupRecord, put: Put): Step {
  const state = put.isUrgent ? 'owed' : 'gathering';
  const { attempts, sentMs } = from;
  return { to: { ...noWakeup, state, attempts, sentMs, ...dueOf(from, put), sinceMs: put.nowMs } };
}

/** What was gathered so far rides along with something that cannot wait, or not for so long. */
function hasten(from: WakeupRecord, put: Put): Step {
  const due = dueOf(from, sooner(from, put));
  if (put.isUrgent) return { to: { ...from, state: 'owed', ...due } };
  const joined = replace(from, put);
  return { ...joined, to: { ...joined.to, ...due } };
}

/** Nothing was heard of the device, so its attempts stay. One under way is not taken back: its window tells of the device. */
function release({ attempts, notBeforeMs, sentMs }: WakeupRecord): Step {
  return { to: { ...noWakeup, state: 'resting', attempts, notBeforeMs, sentMs } };
}

/** The wakeup that is to be sent serves the newer one too, whenever it is sent. */
function replace(from: WakeupRecord, put: Put): Step {
  const { nowMs } = put;
  const isSetBack = nowMs < (from.sinceMs ?? nowMs);
  if (!isSetBack) return { to: from, outcome: 'replaced' };
  // Its time may be as far ahead as the clock was, before it was set back.
  const to = { ...from, ...dueOf(from, sooner(from, put)), sinceMs: nowMs };
  return { to, outcome: 'replaced' };
}

/** The wakeup under way serves the newer one too. */
function join(from: WakeupRecord, { nowMs, dueMs }: Put): Step {
  const isSetBack = (from.dueMs ?? nowMs) > nowMs + windowMsMax;
  return { to: isSetBack ? { ...from, dueMs } : from, outcome: 'replaced' };
}

function sooner({ dueMs }: WakeupRecord, put: Put): Put {
  return { ...put, dueMs: Math.min(dueMs ?? put.dueMs, put.dueMs) };
}

/** When what was stored is due: not before the pause is over. */
function dueOf({ notBeforeMs }: WakeupRecord, { nowMs, dueMs }: Put) {
  const pauseMs = (notBeforeMs ?? nowMs) - nowMs;
  if (notBeforeMs === undefined || pauseMs <= 0 || pauseMs > windowMsMax) {
    return { dueMs, notBeforeMs: undefined };
  }
  return { dueMs: Math.max(dueMs, notBeforeMs), notBeforeMs };
}

function postpone(from: WakeupRecord, { dueMs }: { dueMs: number }): Step {
  return { to: { ...from, dueMs } };
}

function begin(from: WakeupRecord, { nowMs, dueMs }: { nowMs: number; dueMs: number }): Step {
  const attempts = from.attempts + 1;
  const times = { sentMs: nowMs, dueMs, notBeforeMs: undefined };
  return { to: { ...from, state: 'sending', attempts, ...times } };
}

function leave(from: WakeupRecord, { dueMs = 0 }: { dueMs?: number }): Step {
  return { to: { ...from, state: 'awaited', dueMs: Math.max(from.dueMs ?? 0, dueMs) } };
}

type Unsent = Extract<WakeupEvent, { name: 'unsent' }>;

/** Whatever is sent or cancelled meanwhile waits as long: the gateway said so. */
function takeBack(from: WakeupRecord, { dueMs, isWorthAnother }: Unsent): Step {
  const back = { ...from, attempts: from.attempts - 1, sentMs: undefined, notBeforeMs: dueMs };
  if (!isWorthAnother) return release(back);
  return { to: { ...back, state: 'owed', dueMs } };
}

/** The device said hello: within the window that is what the wakeup was for. */
function answered(move: Move): Move {
  return (from, event) => {
    const isInTime = (event as Pending).nowMs <= (from.dueMs ?? 0);
    const { to } = move(from, event);
    return isInTime ? { to, outcome: 'success' } : { to, outcome: 'unconfirmed', isLate: true };
  };
}

/** The device said hello: maybe for the last wakeup, though its window is over. */
function late(move: Move): Move {
  return (from, event) => {
    const { to } = move(from, event);
    return from.sentMs === undefined ? { to } : { to, isLate: true };
  };
}

/** The window passed in silence. It was the pause before the next attempt, too. */
function miss(from: WakeupRecord, verdict: Verdict): Step {
  const to = next(from, verdict, { reason: 'unconfirmed', dueMs: verdict.nowMs });
  return { to, outcome: 'unconfirmed' };
}

/** The next attempt comes no sooner than if the window had passed: anyone may forge such a sign. */
function fail(reason: DarkReason) {
  return (from: WakeupRecord, verdict: Verdict): Step => {
    const dueMs = from.dueMs ?? verdict.nowMs;
    const unheard = { ...from, sentMs: undefined };
    const to = next(unheard, verdict, { reason, dueMs, notBeforeMs: dueMs });
    return { to, outcome: 'failure' };
  };
}

/** What follows an attempt in vain: another one, none, or darkness. */
function next(
  from: WakeupRecord,
  { nowMs, attemptsMax, isWorthAnother }: Verdict,
  { reason, dueMs, notBeforeMs }: { reason: DarkReason; dueMs: number; notBeforeMs?: number },
): WakeupRecord {
  if (from.attempts >= attemptsMax) return gone(nowMs, reason);
  const paused = { ...from, notBeforeMs };
  return isWorthAnother ? { ...paused, state: 'owed', dueMs } : release(paused).to;
}

function expire(move: Move): Move {
  return (from, event) => ({ to: move(from, event).to, outcome: 'expired' });
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
