// A part of the store's contract as a property: whatever happens, in whatever order, no version and no message is lost,
// a wakeup is owed or under way while something pending wants it at a believed address, and each that was begun ends
// once.
import fc from 'fast-check';
import { type ChannelId, type DeviceId, newMessageId } from '../../../central/protocol/ids.js';
import type { MessageKind, WakeupAddress } from '../../../central/protocol/messages.js';
import {
  type DeviceWakeup,
  type EndedWakeup,
  type Moved,
  type Store,
  wakeupLanes,
} from '../../../central/store/store.js';
import { isBelieved, type WakeupEvent } from '../../../central/wakeup/states.js';
import { type Urgency, urgencies } from '../../../shared/wakeup/request.js';
import {
  channel,
  helloRecord,
  messageRecord,
  putRecord,
  sampleIds,
  sampleMs,
  wakeupAddress,
} from '../../support/central-samples.js';
import { createMessageModel, isOf, type MessageModel } from '../../support/message-model.js';
import { darkCounts, type Test } from './phrases.js';
import { strict } from './strict.js';

const attemptsMax = 3;
const channelsMax = 3;
const messagesMax = 4;
/** For how long short-lived messages are kept; no schedule lasts as long, unless they are all told to be over. */
const shortMs = 1_000_000;
const channels = ['a', 'b', 'c', 'd'].map(channel);
const addresses = [
  wakeupAddress('10.0.0.1'),
  wakeupAddress('10.0.0.1', { port: 9 }),
  wakeupAddress('fd00::1', { network: '214-07/b' }),
];
const networks = [...new Set(addresses.map(({ network }) => network))];
/** Which of the devices it happens to. */
type Who = { who: 0 | 1 };

type Happening = Who &
  (
    | {
        kind: 'hello';
        address: WakeupAddress | undefined;
        trust: 'believe' | 'prove';
        channels: ChannelId[] | undefined;
        isForgiving: boolean;
        takes: MessageKind;
      }
    | { kind: 'prove'; address: WakeupAddress }
    | { kind: 'register' | 'unregister'; channel: ChannelId }
    | { kind: 'put'; channel: ChannelId; version: number; lane: 'prompt' | 'bulk' }
    | {
        kind: 'send';
        channel: ChannelId;
        urgency: Urgency;
        topic: 't' | undefined;
        /** `none` at all, until `expire`, or for ever. */
        time: 'none' | 'short' | 'long';
      }
    | { kind: 'ack message' | 'cancel'; index: number }
    | { kind: 'expire' }
    | { kind: 'ack'; updates: { channel: ChannelId; version: number }[] }
    | { kind: 'move'; event: WakeupEvent['name']; isOld: boolean }
    | { kind: 'time'; ms: number }
  );

const who = fc.constantFrom(0 as const, 0 as const, 1 as const);
const anyChannel = fc.constantFrom(...channels);
const address = fc.constantFrom(...addresses);
const version = fc.nat(9);
const updates = fc.array(fc.record({ channel: anyChannel, version }), { maxLength: 4 });
const everything = channels.map((channel) => ({ channel, version: 9 }));
const channelList = fc.array(anyChannel, { maxLength: 5 });
const rarely = fc.constantFrom(false, false, false, true);
const kind = <const K extends string>(...kinds: K[]) => fc.constantFrom(...kinds);
const moves = kind(
  ...(['begun', 'begun', 'begun', 'triggered', 'triggered', 'passed', 'passed'] as const),
  ...(['held', 'unsent', 'refused', 'sign', 'lapsed'] as const),
);
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ who, kind: kind('hello'), trust: kind('believe', 'prove') },
      address: fc.option(address, { nil: undefined, freq: 6 }),
      channels: fc.option(channelList, { nil: undefined, freq: 1 }),
      isForgiving: fc.boolean(),
      takes: kind('text', 'text', 'text', 'push'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ who, kind: kind('prove'), address }) },
  {
    weight: 2,
    arbitrary: fc.record({ who, kind: kind('register', 'unregister'), channel: anyChannel }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ who, kind: kind('put'), channel: anyChannel, version },
      lane: fc.constantFrom(...wakeupLanes),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ who, kind: kind('send'), channel: anyChannel, urgency: kind(...urgencies) },
      topic: fc.option(fc.constant('t' as const), { nil: undefined, freq: 1 }),
      time: kind('none', 'short', 'short', 'long', 'long', 'long'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ who, kind: kind('ack message', 'cancel'), index: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ who, kind: kind('expire') }) },
  // Often enough that what is left are messages alone.
  { weight: 2, arbitrary: fc.record({ who, kind: kind('ack'), updates: fc.constant(everything) }) },
  { weight: 1, arbitrary: fc.record({ who, kind: kind('ack'), updates }) },
  {
    weight: 9,
    arbitrary: fc.record({ who, kind: kind('move'), event: moves, isOld: rarely }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ who, kind: kind('time'), ms: fc.integer({ min: -9, max: 9 }) }),
  },
);

/** What is known of a device without asking the store. */
interface Model {
  device: DeviceId;
  isSynced: boolean;
  channels: Map<ChannelId, { version: number; acked: number }>;
  messages: MessageModel;
  /** Its address was said by somebody who is believed, or shown to be its own, and not lost since. */
  mayBeWoken: boolean;
  serials: number[];
  counter: number;
  begun: number;
  takenBack: number;
  ended: number;
}

const newModel = (): Model => ({
  ...{ device: sampleIds.newDevice(), isSynced: false, channels: new Map() },
  messages: createMessageModel(),
  ...{ mayBeWoken: false, serials: [], counter: 0, begun: 0, takenBack: 0, ended: 0 },
});

function pendingOf({ channels }: Model) {
  return [...channels].filter(([, { version, acked }]) => version > acked);
}

/** Whether something pending wants a wakeup. */
function isWanted(model: Model): boolean {
  return pendingOf(model).length > 0 || model.messages.wantsWakeup();
}

const fresh = () => ({ version: -1, acked: -1 });

/** Lets things happen to two devices of a store, and holds each answer against what is known of them. */
function createWorld(store: Store) {
  const models = [newModel(), newModel()] as const;
  let nowMs = sampleMs;

  function noteEnded(model: Model, ended: EndedWakeup | undefined): void {
    if (!ended) return;
    // One that was owed and never begun may expire, too; it is no attempt.
    if (ended.sentMs === undefined) strict.equal(ended.outcome, 'expired');
    else model.ended += 1;
  }

  function noteLosers(losers: readonly Moved[]): void {
    for (const { now, ended } of losers) {
      const model = models.find(({ device }) => device === now.device);
      if (!model) throw new Error('a loser that nobody knows');
      model.mayBeWoken = false;
      noteEnded(model, ended);
    }
  }

  function noteCounter(model: Model, { counter }: DeviceWakeup, by: number): void {
    strict.ok(counter >= model.counter + by, `counter ${counter} after ${model.counter}`);
    model.counter = counter;
  }

  async function hello(model: Model, said: Extract<Happening, { kind: 'hello' }>) {
    const { device } = model;
    const { address, trust, channels, isForgiving, takes } = said;
    const before = await store.wakeupOf(device);
    const times = { nowMs, forgiveBeforeMs: isForgiving ? nowMs + 1 : 0 };
    const outcome = await store.hello(
      helloRecord(device, { ...{ address, trust, channels, channelsMax, takes }, ...times }),
    );
    const isRefused = new Set(channels).size > channelsMax;
    strict.equal(outcome.outcome, isRefused ? 'too-many-channels' : 'known');
    if (isRefused) return;
    if (channels) {
      model.isSynced = true;
      model.channels = new Map(channels.map((c) => [c, model.channels.get(c) ?? fresh()]));
      model.messages.remove(({ channel }) => !channels.includes(channel));
    }
    model.messages.takes = takes;
    const { now } = outcome;
    if (!now) throw new Error('a hello without a wakeup');
    noteEnded(model, outcome.ended);
    noteLosers(outcome.losers);
    noteCounter(model, now, 2);
    strict.equal(before?.state === 'dark', before?.state === 'dark' && now.state === 'probation');
    const isSame = JSON.stringify(now.address) === JSON.stringify(before?.address);
    const isBack = outcome.ended?.outcome === 'success';
    // Who must prove an address is believed at one that it had before, or that a wakeup brought it back from.
    if (isBelieved(now.state) && trust === 'prove') {
      strict.ok(isSame && (model.mayBeWoken || isBack), 'an address nobody has shown');
    }
    model.mayBeWoken = isBelieved(now.state);
  }

  async function prove(model: Model, address: WakeupAddress) {
    const { device } = model;
    const before = await store.wakeupOf(device);
    const proof = { device, address, isNonce: true, nowMs, wakeupDueMs: nowMs + 10_000 };
    const outcome = await store.prove(proof);
    const isThere = JSON.stringify(before?.address) === JSON.stringify(address);
    const isNews = isThere && (before?.state === 'claimed' || before?.state === 'probation');
    strict.equal(outcome.now !== undefined, isNews);
    strict.notOk(outcome.ended);
    noteLosers(outcome.losers);
    if (isNews) model.mayBeWoken = true;
  }

  async function put(model: Model, said: Extract<Happening, { kind: 'put' }>) {
    const { channel, version, lane } = said;
    const row = model.channels.get(channel);
    const unknown = model.isSynced ? 'unknown-channel' : 'unknown-device';
    const isNewer = row !== undefined && version > row.version;
    const before = await store.wakeupOf(model.device);
    const put = await store.put(putRecord(model.device, channel, version, { lane, nowMs }));
    strict.equal(put.outcome, isNewer ? 'stored' : row ? 'stale' : unknown);
    const isUnowed = before?.state === 'resting' || before?.state === 'gathering';
    strict.equal(put.isOwedAnew, isNewer && isUnowed);
    strict.equal(put.owed !== undefined, isNewer && model.mayBeWoken);
    if (isNewer) row.version = version;
  }

  async function send(model: Model, said: Extract<Happening, { kind: 'send' }>) {
    const { device, messages } = model;
    const { channel, urgency, topic, time } = said;
    const expiresMs = nowMs + { none: 0, short: shortMs, long: 9 * shortMs }[time];
    const more = { kind: 'text', urgency, topic, nowMs, expiresMs, messagesMax } as const;
    const record = messageRecord(device, channel, { ...more, id: newMessageId(nowMs) });
    const before = await store.wakeupOf(device);
    const sent = await store.putMessage(record);
    const unknown = model.isSynced ? 'unknown-channel' : 'unknown-device';
    const isKnown = model.channels.has(channel);
    const taken = messages.takes === 'text' ? 'stored' : 'wrong-kind';
    strict.equal(sent.outcome, isKnown ? taken : unknown);
    if (sent.outcome !== 'stored') return strict.equal(sent.owed, undefined);
    const { replaced, dropped } = messages.send(record);
    strict.same([sent.replaced, sent.dropped], [replaced, dropped]);
    const isWaking = urgency === 'normal' || urgency === 'high';
    const isOwed = isWaking && messages.pending().includes(record.id) && model.mayBeWoken;
    strict.equal(sent.owed !== undefined, isOwed);
    const isHastened = before?.state === 'gathering' && urgency === 'high';
    // What it replaced may have been all that a wakeup was owed for.
    if (isOwed && replaced === 0) {
      strict.equal(sent.isOwedAnew, before?.state === 'resting' || isHastened);
    }
    strict.same(await store.putMessage(record), {
      ...{ outcome: 'stored', isOwedAnew: false, replaced: 0, dropped: 0 },
    });
  }

  async function ackMessage({ device, messages }: Model, index: number) {
    const id = messages.pending()[index];
    if (id === undefined) return undefined;
    const { acked, ended } = await store.ackMessages(device, [{ id, code: 100 }], nowMs);
    strict.equal(
      acked.length,
      messages.remove((message) => message.id === id),
    );
    return ended;
  }

  /** What the device itself ended: nobody waits for it with a wakeup any more. */
  async function checkSettled(model: Model) {
    const { state = 'none' } = (await store.wakeupOf(model.device)) ?? {};
    if (isBelieved(state) && !isWanted(model)) strict.equal(state, 'resting');
  }

  function eventOf(name: WakeupEvent['name']): WakeupEvent {
    const known = { nowMs, dueMs: nowMs + 5, attemptsMax, isPending: false };
    return { name, ...known } as WakeupEvent;
  }

  async function move(model: Model, said: Extract<Happening, { kind: 'move' }>) {
    const { device } = model;
    const before = await store.wakeupOf(device);
    const olds = model.serials.filter((serial) => serial !== before?.serial);
    const serial = said.isOld ? olds.at(-1) : before?.serial;
    if (serial === undefined) return;
    const moved = await store.move({ device, serial, event: eventOf(said.event) });
    if (said.isOld) strict.same(moved, undefined);
    if (!moved) {
      strict.same(await store.wakeupOf(device), before);
      return;
    }
    noteEnded(model, moved.ended);
    if (moved.now.state === 'dark') model.mayBeWoken = false;
    if (said.event === 'unsent') model.takenBack += 1;
    // Nobody knows that it left.
    if (before?.state === 'sending' && ['unsent', 'passed'].includes(said.event)) {
      model.messages.unsent(serial);
    }
    if (said.event !== 'begun') return;
    model.begun += 1;
    strict.equal(moved.isUrgent, model.messages.isUrgent());
    model.messages.begun(moved.now.serial);
    noteCounter(model, moved.now, 1);
  }

  async function happen(happening: Happening): Promise<void> {
    const model = models[happening.who];
    const { device } = model;
    switch (happening.kind) {
      case 'hello':
        return hello(model, happening);
      case 'prove':
        return prove(model, happening.address);
      case 'register': {
        const { channel } = happening;
        const isFull = !model.channels.has(channel) && model.channels.size >= channelsMax;
        const outcome = await store.register(device, channel, channelsMax);
        strict.equal(outcome, isFull ? 'too-many-channels' : 'registered');
        if (!isFull && !model.channels.has(channel)) model.channels.set(channel, fresh());
        return;
      }
      case 'unregister':
        model.channels.delete(happening.channel);
        model.messages.remove(isOf(happening.channel));
        noteEnded(model, await store.unregister(device, happening.channel, sampleMs));
        return checkSettled(model);
      case 'put':
        return put(model, happening);
      case 'ack':
        for (const { channel, version } of happening.updates) {
          const row = model.channels.get(channel);
          if (row) row.acked = Math.max(row.acked, Math.min(version, row.version));
        }
        noteEnded(model, await store.ack(device, happening.updates));
        return checkSettled(model);
      case 'send':
        return send(model, happening);
      case 'ack message':
        if (happening.index >= model.messages.pending().length) return;
        noteEnded(model, await ackMessage(model, happening.index));
        return checkSettled(model);
      case 'cancel': {
        const id = model.messages.pending()[happening.index];
        if (id === undefined) return;
        strict.equal(await store.cancelMessage(device, id, nowMs), 'cancelled');
        strict.equal(await store.cancelMessage(device, id, nowMs), 'ended');
        return void model.messages.remove((message) => message.id === id);
      }
      case 'expire': {
        const overMs = nowMs + 2 * shortMs;
        let over = 0;
        for (const { messages } of models) {
          over += messages.remove(({ expiresMs }) => expiresMs <= overMs);
        }
        return strict.equal(await store.expireMessages(overMs, 100), over);
      }
      case 'move':
        return move(model, happening);
      case 'time':
        nowMs += happening.ms;
    }
  }

  return { models, happen };
}

/** What is true of a device at any time. */
async function check(store: Store, model: Model, due: { owed: string[]; sent: string[] }) {
  const { device } = model;
  const [wakeup, versions] = await Promise.all([store.wakeupOf(device), store.pending(device)]);
  const pending = pendingOf(model);
  strict.same(
    new Map(versions.map(({ channel, version }) => [channel, version])),
    new Map(pending.map(([channel, { version }]) => [channel, version])),
  );
  const found = await store.pendingMessages(device, { nowMs: 0, limit: 100 });
  strict.same(
    found.map(({ id }) => id),
    model.messages.pending(),
  );
  if (!wakeup) return;
  const { state, attempts, address, dueMs, sentMs, darkMs, darkReason, serial } = wakeup;
  if (model.serials.at(-1) !== serial) model.serials.push(serial);
  const isUnderWay = state === 'sending' || state === 'awaited';
  const isToBeSent = state === 'gathering' || state === 'owed';
  const isDue = isUnderWay || isToBeSent;
  strict.equal(isBelieved(state), model.mayBeWoken);
  if (isToBeSent) strict.ok(isWanted(model), `${state} for nothing`);
  if (model.mayBeWoken && isWanted(model)) strict.ok(isDue, `${state} while one is wanted`);
  if (state === 'gathering') strict.notOk(pending.length > 0 || model.messages.isUrgent());
  if (isBelieved(state) || state === 'claimed') strict.ok(address, `${state} at no address`);
  if (state === 'none' || (state === 'dark' && darkReason === 'taken')) strict.notOk(address);
  strict.equal(dueMs !== undefined, isDue);
  strict.equal(wakeup.sinceMs !== undefined, isDue);
  if (isUnderWay) strict.ok(sentMs !== undefined, `${state} and never sent`);
  else if (state !== 'resting' && !isToBeSent) strict.equal(sentMs, undefined);
  strict.equal(darkMs !== undefined, state === 'dark' || state === 'probation');
  strict.equal(darkReason !== undefined, state === 'dark' || state === 'probation');
  const isInRange = isUnderWay ? attempts >= 1 : isBelieved(state) || attempts === 0;
  strict.ok(isInRange && attempts <= attemptsMax, `${attempts} attempts while ${state}`);
  strict.equal(model.begun, model.ended + model.takenBack + (isUnderWay ? 1 : 0));
  strict.equal(due.owed.includes(device), isToBeSent);
  strict.equal(due.sent.includes(device), isUnderWay);
}

/** What is true of all of them together. */
async function checkAll(store: Store, models: readonly Model[]) {
  const ask = async (phase: 'owed' | 'sent') => {
    const query = { phase, nowMs: Number.MAX_SAFE_INTEGER, limit: 10 };
    const found = await Promise.all(
      networks.map((n) => store.dueWakeups({ network: n, ...query })),
    );
    return found.flat().map(({ device }) => device as string);
  };
  const [owed, sent] = await Promise.all([ask('owed'), ask('sent')]);
  for (const model of models) await check(store, model, { owed, sent });
  const counts = await store.counts();
  const kept = models.reduce((sum, { messages }) => sum + messages.count(), 0);
  strict.equal(counts.messages, kept);
  const wakeups = await Promise.all(models.map(({ device }) => store.wakeupOf(device)));
  const dark = wakeups.filter((wakeup) => wakeup?.state === 'dark').length;
  const counted = await darkCounts(store);
  strict.equal(
    counted.reduce((sum, { count }) => sum + count, 0),
    dark,
  );
  const wakeupCounts = await store.wakeupCounts();
  const owedCount = wakeupCounts
    .filter(({ state }) => state === 'owed')
    .reduce((sum, { count }) => sum + count, 0);
  strict.equal(owedCount, owed.length);
  strict.equal((await store.darkDevices(10)).length, dark);
  const held = wakeups.filter((wakeup) => wakeup && isBelieved(wakeup.state));
  const places = held.map((wakeup) => JSON.stringify({ ...wakeup?.address, protocol: '' }));
  strict.equal(new Set(places).size, held.length);
}

export function owedWakeups(test: Test): void {
  const name =
    'a wakeup is owed or under way while something pending wants one at a believed address';
  test(name, async (_, open) => {
    const store = await open('empty');
    await fc.assert(
      fc.asyncProperty(fc.array(happenings, { maxLength: 60, size: 'max' }), async (taken) => {
        const { models, happen } = createWorld(store);
        try {
          for (const happening of taken) {
            await happen(happening);
            await checkAll(store, models);
          }
        } finally {
          // Leaves nothing that the next run would find: dark devices of no address go, too.
          for (const { device } of models) {
            const last = { address: addresses[0], channels: [] };
            await store.hello(helloRecord(device, last));
            await store.hello(helloRecord(device, { channels: [] }));
          }
        }
      }),
      { numRuns: 200 },
    );
  });
}
