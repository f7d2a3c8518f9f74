// The table of a wakeup's states and events, state by state, and what is true of it whatever happens.
import fc from 'fast-check';
import t from 'tap';
import {
  darkReasons,
  isBelieved,
  isPromised,
  noWakeup,
  type Step,
  step,
  type WakeupEvent,
  type WakeupEventName,
  type WakeupOutcome,
  type WakeupRecord,
  type WakeupState,
  wakeupStates,
} from '../../../central/wakeup/states.js';

const nowMs = 1_000_000;
const windowEndMs = nowMs + 8_000;
const nextMs = nowMs + 10_000;
const attemptsMax = 5;

/** A record of each state; what was sent was sent for the second time. */
const records: Record<WakeupState, WakeupRecord> = {
  none: noWakeup,
  claimed: { ...noWakeup, state: 'claimed' },
  probation: { ...noWakeup, state: 'probation', darkMs: 700, darkReason: 'lease' },
  resting: { ...noWakeup, state: 'resting' },
  gathering: { ...noWakeup, state: 'gathering', attempts: 1, dueMs: 900, sinceMs: 500 },
  owed: { ...noWakeup, state: 'owed', attempts: 1, dueMs: 900, sinceMs: 500 },
  sending: sent('sending'),
  awaited: sent('awaited'),
  dark: { ...noWakeup, state: 'dark', darkMs: 600, darkReason: 'refused' },
};

function sent(state: 'sending' | 'awaited'): WakeupRecord {
  const times = { dueMs: windowEndMs, sentMs: 900, sinceMs: 500 };
  return { ...noWakeup, state, attempts: 2, ...times };
}

const idle = { nowMs, isPending: false, dueMs: nextMs };
const pending = { ...idle, isPending: true };
const verdict = { nowMs, attemptsMax, isWorthAnother: true };

/** Every event, as it comes when nothing is pending. */
const events: { [Name in WakeupEventName]: Extract<WakeupEvent, { name: Name }> } = {
  said: { name: 'said', ...idle },
  claimed: { name: 'claimed', ...idle },
  left: { name: 'left', ...idle },
  proved: { name: 'proved', ...idle },
  put: { name: 'put', nowMs, dueMs: nextMs, isUrgent: true },
  settled: { name: 'settled' },
  released: { name: 'released' },
  held: { name: 'held', dueMs: nextMs },
  begun: { name: 'begun', nowMs, dueMs: windowEndMs },
  triggered: { name: 'triggered' },
  unsent: { name: 'unsent', dueMs: nextMs, isWorthAnother: true },
  refused: { name: 'refused', ...verdict },
  sign: { name: 'sign', ...verdict },
  passed: { name: 'passed', ...verdict },
  lapsed: { name: 'lapsed', nowMs },
  taken: { name: 'taken', nowMs },
};

const after = (state: WakeupState, name: WakeupEventName): Step | undefined =>
  step(records[state], events[name]);

/** The events that change a device in a state, each with the state after it and how a wakeup ended by it. */
function movesOf(state: WakeupState): Record<string, string> {
  const moves = Object.keys(events).flatMap((name) => {
    const made = after(state, name as WakeupEventName);
    if (!made) return [];
    return [[name, made.outcome ? `${made.to.state}, ${made.outcome}` : made.to.state]];
  });
  return Object.fromEntries(moves);
}

/** Something that can wait is stored. */
const patient: WakeupEvent = { ...events.put, isUrgent: false };

const dark = (darkReason: string) => ({ ...noWakeup, state: 'dark', darkMs: nowMs, darkReason });
const resting = records.resting;
const owedAnew = { ...noWakeup, state: 'owed', dueMs: nextMs, sinceMs: nowMs };

t.test('a device without an address is promised nothing, until it says one', async (t) => {
  t.same(movesOf('none'), { said: 'resting', claimed: 'claimed' });
  t.same(step(records.none, { name: 'said', ...pending })?.to, owedAnew);
});

t.test('a device that claims an address is woken for nothing until it has proved it', async (t) => {
  t.same(movesOf('claimed'), {
    ...{ proved: 'resting', said: 'resting' },
    ...{ left: 'none', taken: 'none' },
  });
  t.same(step(records.claimed, { name: 'proved', ...pending })?.to, owedAnew);
});

t.test('a dark device that is back stays on probation until a wakeup has worked', async (t) => {
  t.same(movesOf('probation'), { proved: 'resting' });
  t.same(after('probation', 'proved')?.to, resting, 'and nothing is left of its darkness');
  t.same(step(records.probation, { name: 'proved', ...pending })?.to, owedAnew);
});

t.test('a device at rest is owed a wakeup by the next thing that cannot wait', async (t) => {
  t.same(movesOf('resting'), {
    ...{ put: 'owed', said: 'resting', claimed: 'claimed', left: 'none' },
    ...{ lapsed: 'dark', taken: 'dark' },
  });
  t.same(after('resting', 'put')?.to, owedAnew);
  const inVain = { ...resting, attempts: 3 };
  t.same(step(inVain, events.put)?.to, { ...owedAnew, attempts: 3 }, 'what was in vain stays');
  t.same(step(inVain, { name: 'said', ...pending })?.to, owedAnew, 'until it says hello');
  t.same(after('resting', 'lapsed')?.to, dark('lease'));
  t.same(after('resting', 'taken')?.to, dark('taken'));
});

t.test('what can wait is gathered until its time or until something cannot', async (t) => {
  const gathering = { ...noWakeup, state: 'gathering', dueMs: nextMs, sinceMs: nowMs };
  t.same(step(resting, patient)?.to, gathering);
  const inVain = { ...resting, attempts: 3 };
  t.same(step(inVain, patient)?.to, { ...gathering, attempts: 3 });
  t.same(movesOf('gathering'), {
    ...{ begun: 'sending', held: 'gathering', put: 'owed' },
    ...{ settled: 'resting', released: 'resting' },
    ...{ said: 'resting', claimed: 'claimed', left: 'none' },
    ...{ lapsed: 'dark, expired', taken: 'dark, expired' },
  });
  const from = records.gathering;
  t.same(step(from, patient), { to: from, outcome: 'replaced' }, 'it neither waits for each');
  t.same(after('gathering', 'put'), { to: { ...from, state: 'owed' } }, 'and no later for it');
  t.same(after('gathering', 'held')?.to, { ...from, dueMs: nextMs });
  t.same(after('gathering', 'begun')?.to, after('owed', 'begun')?.to);
  t.same(step(from, { name: 'said', ...pending })?.to, { ...owedAnew, sinceMs: 500 });
});

t.test('what is gathered leaves sooner with something that cannot wait for so long', async (t) => {
  const from = { ...records.gathering, dueMs: nextMs };
  const sooner: WakeupEvent = { ...events.put, isUrgent: false, dueMs: nowMs + 7 };
  const hastened = { ...from, dueMs: nowMs + 7 };
  t.same(step(from, sooner), { to: hastened, outcome: 'replaced' });
  t.same(step(hastened, patient)?.to, hastened, 'what comes later does not postpone it');
  const paused = { ...from, notBeforeMs: windowEndMs };
  t.same(
    step(paused, sooner)?.to,
    { ...paused, dueMs: windowEndMs },
    'not before the pause is over',
  );
});

t.test('what is owed is sent once at a time, put off, or no longer needed', async (t) => {
  t.same(movesOf('owed'), {
    ...{ begun: 'sending', held: 'owed', put: 'owed, replaced' },
    ...{ settled: 'resting', released: 'resting' },
    ...{ said: 'resting', claimed: 'claimed', left: 'none' },
    ...{ lapsed: 'dark, expired', taken: 'dark, expired' },
  });
  const { owed } = records;
  const times = { sentMs: nowMs, dueMs: windowEndMs };
  t.same(after('owed', 'begun')?.to, { ...owed, state: 'sending', attempts: 2, ...times });
  t.same(after('owed', 'held')?.to, { ...owed, dueMs: nextMs });
  t.same(after('owed', 'put')?.to, owed, 'a newer version neither hastens nor delays it');
  t.same(step(owed, patient)?.to, owed);
  t.same(after('owed', 'settled')?.to, resting);
  const { attempts } = owed;
  t.same(after('owed', 'released')?.to, { ...resting, attempts }, 'nothing was heard of it');
});

t.test(
  'what hello leaves pending is owed afresh, since the version that waits longest',
  async (t) => {
    for (const state of ['gathering', 'owed', 'sending', 'awaited'] as const) {
      const { to } = step(records[state], { name: 'said', ...pending }) ?? {};
      t.same(to, { ...noWakeup, state: 'owed', dueMs: nextMs, sinceMs: 500 }, state);
    }
  },
);

t.test('what was handed to a gateway left, was taken back, or failed', async (t) => {
  t.same(movesOf('sending'), {
    ...{ triggered: 'awaited', unsent: 'owed', refused: 'owed, failure' },
    ...{ passed: 'owed, unconfirmed', put: 'sending, replaced', settled: 'resting, expired' },
    ...{ said: 'resting, success', claimed: 'claimed, success', left: 'none, success' },
    ...{ lapsed: 'dark, expired', taken: 'dark, expired' },
  });
  const { sending } = records;
  t.same(after('sending', 'triggered')?.to, { ...sending, state: 'awaited' });
  const owed = { ...records.owed, dueMs: nextMs, notBeforeMs: nextMs };
  t.same(after('sending', 'unsent')?.to, owed, 'what was taken back is no attempt');
  for (const isUrgent of [true, false]) {
    const put: WakeupEvent = { ...events.put, dueMs: nowMs + 7, isUrgent };
    t.same(step(owed, put)?.to, owed, 'a deferral is obeyed');
    const nothing = step(sending, { ...events.unsent, isWorthAnother: false })?.to ?? noWakeup;
    t.same(nothing, { ...resting, attempts: 1, notBeforeMs: nextMs });
    t.match(step(nothing, put)?.to, { dueMs: nextMs }, 'also once its message was cancelled');
  }
  t.same(after('sending', 'put')?.to, sending);
});

t.test('what left its gateway is answered, missed, or told to be in vain', async (t) => {
  t.same(movesOf('awaited'), {
    ...{ said: 'resting, success', claimed: 'claimed, success', left: 'none, success' },
    ...{ passed: 'owed, unconfirmed', sign: 'owed, failure' },
    ...{ put: 'awaited, replaced', settled: 'resting, expired' },
    ...{ lapsed: 'dark, expired', taken: 'dark, expired' },
  });
  t.same(after('awaited', 'put')?.to, records.awaited);
});

t.test('a dark device is sent nothing until it says hello, whatever it says', async (t) => {
  const back = { said: 'probation', claimed: 'probation', left: 'probation' };
  t.same(movesOf('dark'), back);
  for (const isPending of [true, false]) {
    const { to } = step(records.dark, { ...events.said, isPending }) ?? {};
    t.same(to, { ...records.probation, darkMs: nowMs, darkReason: 'refused' });
  }
});

t.test('hello is a success to the end of the window and not after it', async (t) => {
  for (const state of ['sending', 'awaited'] as const) {
    for (const [atMs, outcome] of [
      [windowEndMs, 'success'],
      [windowEndMs + 1, 'unconfirmed'],
    ] as const) {
      for (const name of ['said', 'claimed', 'left'] as const) {
        t.equal(step(records[state], { ...events[name], nowMs: atMs })?.outcome, outcome);
      }
    }
  }
});

t.test('a hello after the window is told from others until the next wakeup is sent', async (t) => {
  const passed = { ...events.passed, nowMs: windowEndMs };
  const resting = step(records.awaited, { ...passed, isWorthAnother: false })?.to ?? noWakeup;
  const missed = {
    owed: step(records.awaited, passed)?.to ?? noWakeup,
    resting,
    gathering: step(resting, patient)?.to ?? noWakeup,
  };
  for (const [state, record] of Object.entries(missed)) {
    t.match(record, { state, attempts: 2, sentMs: 900 });
    for (const name of ['said', 'claimed', 'left'] as const) {
      const made = step(record, events[name]);
      t.match(made, { isLate: true, to: { sentMs: undefined } }, `${name}, ${state}`);
      t.equal(made?.outcome, undefined, 'its end was counted');
    }
  }
  t.match(step(records.awaited, { ...events.said, nowMs: windowEndMs + 1 }), { isLate: true });
  t.equal(step(records.awaited, { ...events.said, nowMs: windowEndMs })?.isLate, undefined);
  t.equal(step(missed.owed, { ...events.begun, nowMs })?.to.sentMs, nowMs);
  for (const [state, name] of [
    ['sending', 'unsent'],
    ['sending', 'refused'],
    ['awaited', 'sign'],
  ] as const) {
    for (const isWorthAnother of [true, false]) {
      const event = { ...events[name], isWorthAnother };
      t.equal(step(records[state], event)?.to.sentMs, undefined, `nothing left: ${name}`);
    }
  }
});

t.test('the next attempt is due when the window passed, and never before its end', async (t) => {
  const passed = step(records.awaited, { ...events.passed, nowMs: windowEndMs + 3 });
  const next = { attempts: 2, dueMs: windowEndMs + 3, sentMs: 900 };
  t.same(passed?.to, { ...records.owed, ...next });
  const early = { ...records.owed, attempts: 2, dueMs: windowEndMs, notBeforeMs: windowEndMs };
  t.same(after('sending', 'refused')?.to, early);
  t.same(after('awaited', 'sign')?.to, early, 'anyone may forge a sign');
});

t.test('an attempt in vain that is not worth another leaves the device at rest', async (t) => {
  for (const [state, name, outcome] of [
    ['sending', 'passed', 'unconfirmed'],
    ['awaited', 'passed', 'unconfirmed'],
    ['sending', 'refused', 'failure'],
    ['awaited', 'sign', 'failure'],
  ] as const) {
    const event = { ...events[name], isWorthAnother: false };
    const after =
      name === 'passed' ? { sentMs: 900 } : { notBeforeMs: windowEndMs, sentMs: undefined };
    const to = { ...resting, attempts: 2, ...after };
    t.same(step(records[state], event), { to, outcome });
    const last = step({ ...records[state], attempts: attemptsMax }, event);
    t.equal(last?.to.state, 'dark', 'the last one is the last one');
  }
});

t.test(
  'no store and no removal shortens the pause after an attempt that ended early',
  async (t) => {
    const told = { ...events.sign, isWorthAnother: false };
    const paused = step(records.awaited, told)?.to ?? noWakeup;
    const put = { ...events.put, dueMs: nowMs + 1 };
    for (const isUrgent of [true, false]) {
      const owed = step(paused, { ...put, isUrgent })?.to ?? noWakeup;
      t.match(owed, { attempts: 2, dueMs: windowEndMs, notBeforeMs: windowEndMs });
      t.same(step(owed, { name: 'released' })?.to, paused);
      t.match(step(owed, put)?.to, { state: 'owed', dueMs: windowEndMs, notBeforeMs: windowEndMs });
      t.equal(step(owed, events.begun)?.to.notBeforeMs, undefined, 'the next attempt has its own');
      t.same(step(owed, { name: 'said', ...idle })?.to, resting, 'nor does it outlive a hello');
    }
    const later = { ...events.put, nowMs: windowEndMs, dueMs: windowEndMs + 1 };
    t.match(step(paused, later)?.to, { dueMs: windowEndMs + 1, notBeforeMs: undefined }, 'its end');
  },
);

t.test('a clock that is set back does not keep what comes then waiting', async (t) => {
  const backMs = 7 * 24 * 3_600_000;
  const before = nowMs + backMs;
  const early = { ...events.put, dueMs: nowMs + 5 };
  for (const state of ['gathering', 'owed'] as const) {
    const from = { ...records[state], sinceMs: before, dueMs: before + 8_000 };
    for (const isUrgent of [true, false]) {
      t.match(step(from, { ...early, isUrgent })?.to, { dueMs: nowMs + 5 }, state);
      const paused = { ...from, notBeforeMs: before + 8_000 };
      t.match(step(paused, { ...early, isUrgent })?.to, { dueMs: nowMs + 5 }, state);
    }
  }
  const paused = { ...resting, notBeforeMs: before };
  t.match(step(paused, early)?.to, { dueMs: nowMs + 5, notBeforeMs: undefined });
  for (const state of ['sending', 'awaited'] as const) {
    const from = { ...records[state], dueMs: before };
    t.match(step(from, early)?.to, { state, dueMs: nowMs + 5 });
  }
});

t.test('after the last attempt the device is dark, for the reason of that one', async (t) => {
  for (const [state, name, reason] of [
    ['sending', 'passed', 'unconfirmed'],
    ['awaited', 'passed', 'unconfirmed'],
    ['sending', 'refused', 'refused'],
    ['awaited', 'sign', 'unreachable'],
  ] as const) {
    const attempt = (attempts: number) => step({ ...records[state], attempts }, events[name]);
    t.equal(attempt(attemptsMax - 1)?.to.state, 'owed');
    t.same(attempt(attemptsMax)?.to, dark(reason));
  }
});

t.test(
  '201 is answered where an address is claimed or believed, and woken where it is believed',
  async (t) => {
    const believed = ['resting', 'gathering', 'owed', 'sending', 'awaited'];
    t.same(wakeupStates.filter(isBelieved), believed);
    t.same(wakeupStates.filter(isPromised), ['claimed', ...believed]);
  },
);

const timeMs = fc.integer({ min: 0, max: 2_000_000 });
const anyEvent: fc.Arbitrary<WakeupEvent> = fc
  .record({
    name: fc.constantFrom(...(Object.keys(events) as WakeupEventName[])),
    ...{ nowMs: timeMs, dueMs: timeMs, isPending: fc.boolean() },
    ...{ isUrgent: fc.boolean(), isWorthAnother: fc.boolean() },
  })
  .map((event) => ({ ...event, attemptsMax }) as WakeupEvent);

/** A record of any state that the table could have made. */
const anyRecord: fc.Arbitrary<WakeupRecord> = fc
  .record({
    state: fc.constantFrom(...wakeupStates),
    attempts: fc.integer({ min: 1, max: attemptsMax }),
    ...{ dueMs: timeMs, sentMs: timeMs, sinceMs: timeMs, darkMs: timeMs },
    notBeforeMs: fc.option(timeMs, { nil: undefined }),
    missedMs: fc.option(timeMs, { nil: undefined }),
    darkReason: fc.constantFrom(...darkReasons),
  })
  .map(({ state, attempts, notBeforeMs, missedMs, ...rest }): WakeupRecord => {
    const { dueMs, sentMs, sinceMs, darkMs, darkReason } = rest;
    const at = { ...noWakeup, state };
    const missed = { attempts: attempts - 1, notBeforeMs, sentMs: missedMs };
    if (isToBeSent(at)) return { ...at, ...missed, dueMs, sinceMs };
    if (state === 'resting') return { ...at, ...missed };
    if (isUnderWay(at)) return { ...at, attempts, dueMs, sentMs, sinceMs };
    return state === 'dark' || state === 'probation' ? { ...at, darkMs, darkReason } : at;
  });

function isUnderWay({ state }: WakeupRecord): boolean {
  return state === 'sending' || state === 'awaited';
}

function isToBeSent({ state }: WakeupRecord): boolean {
  return state === 'gathering' || state === 'owed';
}

function isDue(record: WakeupRecord): boolean {
  return isToBeSent(record) || isUnderWay(record);
}

/** What is wrong with a record; nothing, of any that the table makes. */
function faultsOf(record: WakeupRecord): string[] {
  const { state, attempts, dueMs, notBeforeMs, sentMs, sinceMs, darkMs, darkReason } = record;
  const isDark = state === 'dark' || state === 'probation';
  const least = isUnderWay(record) ? 1 : 0;
  const most = isBelieved(state) ? attemptsMax : 0;
  const rules: Record<string, boolean> = {
    'dueMs exactly while one is to be sent or under way': (dueMs !== undefined) === isDue(record),
    'sinceMs exactly while one is to be sent or under way':
      (sinceMs !== undefined) === isDue(record),
    'a pause only while none is under way':
      notBeforeMs === undefined || state === 'resting' || isToBeSent(record),
    'sentMs while one is under way, and maybe until the next': isUnderWay(record)
      ? sentMs !== undefined
      : sentMs === undefined || state === 'resting' || isToBeSent(record),
    'darkMs exactly while dark or on probation': (darkMs !== undefined) === isDark,
    'a reason exactly while dark or on probation': (darkReason !== undefined) === isDark,
    'attempts in their range': attempts >= least && attempts <= most,
    // The last attempt ends in success or in darkness; nothing is owed after it.
    'an attempt left while none is under way': isUnderWay(record) || attempts < attemptsMax,
  };
  return Object.keys(rules).filter((rule) => !rules[rule]);
}

/** Outcomes of a wakeup that was begun; the others may befall one that is only owed. */
const endings: readonly (WakeupOutcome | undefined)[] = ['success', 'unconfirmed', 'failure'];

t.test('every event in every state leaves a record that makes sense', async () => {
  fc.assert(
    fc.property(anyRecord, anyEvent, (from, event) => {
      const before = structuredClone(from);
      const made = step(from, event);
      if (JSON.stringify(from) !== JSON.stringify(before)) throw new Error('it was changed');
      if (!made) return;
      const faults = faultsOf(made.to);
      if (faults.length > 0) throw new Error(faults.join(', '));
      if (endings.includes(made.outcome) && !isUnderWay(from)) throw new Error('none was begun');
      if (isUnderWay(from) && !isUnderWay(made.to) && !made.outcome && event.name !== 'unsent') {
        throw new Error('it ended as nothing');
      }
    }),
    { numRuns: 5_000 },
  );
});

t.test('whatever happens to a device, each wakeup that was begun ends once', async () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 200, size: 'max' }), (happened) => {
      let record = noWakeup;
      let [begun, ended, takenBack] = [0, 0, 0];
      for (const event of happened) {
        const made = step(record, event);
        if (!made) continue;
        if (event.name === 'begun') begun += 1;
        if (event.name === 'unsent') takenBack += 1;
        const isEnd = made.outcome !== undefined && made.outcome !== 'replaced';
        if (isEnd && isUnderWay(record)) ended += 1;
        record = made.to;
      }
      const underWay = isUnderWay(record) ? 1 : 0;
      if (begun !== ended + takenBack + underWay) {
        throw new Error(`${begun} begun, ${ended} ended, ${takenBack} taken back`);
      }
    }),
    { numRuns: 1_000 },
  );
});

t.test(
  'a device in the dark comes back by its own hello alone, and is woken after a proof alone',
  async () => {
    fc.assert(
      fc.property(anyRecord, anyEvent, (from, event) => {
        const { to } = step(from, event) ?? { to: from };
        const isHello = ['said', 'claimed', 'left'].includes(event.name);
        if (from.state === 'dark' && to.state !== 'dark' && !isHello) throw new Error('by itself');
        if (from.state === 'dark' && isBelieved(to.state)) throw new Error('without probation');
        const isShown = event.name === 'said' || event.name === 'proved';
        if (!isBelieved(from.state) && isBelieved(to.state) && !isShown) {
          throw new Error('believed for nothing');
        }
      }),
      { numRuns: 2_000 },
    );
  },
);
