// A part of the store's contract as a property: whatever happens, a wakeup is owed exactly while something is
// pending for a device with an address. A model of a few lines says what every answer must be.
import fc from 'fast-check';
import type { ChannelId, DeviceId } from '../../../central/protocol/ids.js';
import type { WakeupAddress } from '../../../central/protocol/messages.js';
import type { Store } from '../../../central/store/store.js';
import { channel, sampleIds, wakeupAddress } from '../../support/central-samples.js';
import type { Test } from './contract.js';

const channelsMax = 3;
const channels = ['a', 'b', 'c', 'd'].map(channel);
const addresses = [wakeupAddress('10.0.0.1'), wakeupAddress('fd00::1', { network: '214-07/b' })];

type Step =
  | { kind: 'hello'; address: WakeupAddress | undefined; channels: ChannelId[] | undefined }
  | { kind: 'register' | 'unregister'; channel: ChannelId }
  | { kind: 'put'; channel: ChannelId; version: number }
  | { kind: 'ack'; updates: { channel: ChannelId; version: number }[] }
  | { kind: 'plan'; isOld: boolean; isGivenUp: boolean; isSent: boolean };

const anyChannel = fc.constantFrom(...channels);
const version = fc.nat(4);
const update = fc.record({ channel: anyChannel, version });
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('hello' as const),
    address: fc.option(fc.constantFrom(...addresses), { nil: undefined }),
    channels: fc.option(fc.array(anyChannel, { maxLength: 5 }), { nil: undefined }),
  }),
  fc.record({ kind: fc.constantFrom('register' as const, 'unregister'), channel: anyChannel }),
  fc.record({ kind: fc.constant('put' as const), channel: anyChannel, version }),
  fc.record({ kind: fc.constant('put' as const), channel: anyChannel, version }),
  fc.record({ kind: fc.constant('ack' as const), updates: fc.array(update, { maxLength: 4 }) }),
  fc.record({
    kind: fc.constant('plan' as const),
    isOld: fc.boolean(),
    isGivenUp: fc.boolean(),
    isSent: fc.boolean(),
  }),
);

interface Model {
  isSynced: boolean;
  address: WakeupAddress | undefined;
  channels: Map<ChannelId, { version: number; acked: number }>;
  /** What was planned of the wakeup that is owed; `undefined` while none is. */
  owed: { attempts: number; isSent: boolean; isGivenUp: boolean } | undefined;
  serials: number[];
}

function isPending({ channels }: Model): boolean {
  return [...channels.values()].some(({ version, acked }) => version > acked);
}

/** Does one step in the store and in the model, and compares what they say. */
async function take(store: Store, device: DeviceId, model: Model, step: Step, t: Strict) {
  switch (step.kind) {
    case 'hello': {
      const isRefused = new Set(step.channels).size > channelsMax;
      const isAnswer = model.owed?.isSent === true;
      const times = { nowMs: 1000, wakeupDueMs: 2000 };
      const said = { address: step.address, channels: step.channels, isNew: false };
      const outcome = await store.hello({ device, ...said, ...times, channelsMax });
      t.equal(outcome.outcome, isRefused ? 'too-many-channels' : 'known');
      t.equal(outcome.answered !== undefined, isAnswer && !isRefused);
      if (isRefused) return;
      model.address = step.address;
      model.owed = undefined;
      if (!step.channels) return;
      model.isSynced = true;
      const kept = step.channels.map((c) => [c, model.channels.get(c) ?? fresh()] as const);
      model.channels = new Map(kept);
      return;
    }
    case 'register': {
      const isFull = !model.channels.has(step.channel) && model.channels.size >= channelsMax;
      const outcome = await store.register(device, step.channel, channelsMax);
      t.equal(outcome, isFull ? 'too-many-channels' : 'registered');
      if (!isFull && !model.channels.has(step.channel)) model.channels.set(step.channel, fresh());
      return;
    }
    case 'unregister':
      model.channels.delete(step.channel);
      return store.unregister(device, step.channel);
    case 'put': {
      const row = model.channels.get(step.channel);
      const unknown = model.isSynced ? 'unknown-channel' : 'unknown-device';
      const isNewer = row !== undefined && step.version > row.version;
      const { channel, version } = step;
      const put = await store.put({ device, channel, version, wakeupDueMs: 3000 });
      t.equal(put.outcome, isNewer ? 'stored' : row ? 'stale' : unknown);
      t.equal(put.isOwedAnew, isNewer && model.address !== undefined && !model.owed);
      t.equal(put.owed !== undefined, isNewer && model.address !== undefined);
      if (isNewer) row.version = step.version;
      return;
    }
    case 'ack':
      for (const { channel, version } of step.updates) {
        const row = model.channels.get(channel);
        if (row) row.acked = Math.max(row.acked, Math.min(version, row.version));
      }
      return store.ack(device, step.updates);
    case 'plan': {
      const serial = step.isOld ? model.serials.at(-2) : model.serials.at(-1);
      if (serial === undefined) return;
      const attempts = (model.owed?.attempts ?? 0) + 1;
      const dueMs = step.isGivenUp ? undefined : 4000;
      const sent = step.isSent ? { sentAtMs: 1500 } : {};
      await store.planWakeup({ device, serial, attempts, dueMs, ...sent });
      if (!step.isOld && model.owed) model.owed = { ...step, attempts };
    }
  }
}

/** Compares what the store holds with the model, and learns the serial of a wakeup that is owed anew. */
async function compare(store: Store, device: DeviceId, model: Model, t: Strict) {
  const isOwed = model.address !== undefined && isPending(model);
  model.owed = isOwed
    ? (model.owed ?? { attempts: 0, isSent: false, isGivenUp: false })
    : undefined;
  const { owed } = model;
  const [found, others] = await store.dueWakeups(Number.MAX_SAFE_INTEGER, 10);
  t.notOk(others);
  t.equal(found !== undefined, owed !== undefined && !owed.isGivenUp);
  if (found) {
    t.match(found, { device, attempts: owed?.attempts, isAwaited: owed?.isSent });
    t.same(found.address, model.address);
    if (model.serials.at(-1) !== found.serial) model.serials.push(found.serial);
  }
  t.equal((await store.counts()).owedWakeups, owed ? 1 : 0);
  const pending = [...model.channels].filter(([, { version, acked }]) => version > acked);
  t.same(
    new Map((await store.pending(device)).map(({ channel, version }) => [channel, version])),
    new Map(pending.map(([channel, { version }]) => [channel, version])),
  );
  t.same((await store.addressOf(device))?.address, model.address);
}

const fresh = () => ({ version: -1, acked: -1 });

/** Assertions that throw: a property runs thousands, and only one that fails is worth a line. */
const strict = {
  equal(found: unknown, wanted: unknown): void {
    if (!Object.is(found, wanted)) throw new Error(`${String(found)} instead of ${String(wanted)}`);
  },
  notOk: (found: unknown) => strict.equal(Boolean(found), false),
  same: (found: unknown, wanted: unknown) => strict.equal(textOf(found), textOf(wanted)),
  match(found: object, wanted: Record<string, unknown>): void {
    for (const [key, value] of Object.entries(wanted)) {
      strict.same((found as Record<string, unknown>)[key], value);
    }
  },
};
type Strict = typeof strict;

function textOf(value: unknown): string {
  return JSON.stringify(value instanceof Map ? [...value].sort() : value) ?? 'undefined';
}

export function owedWakeups(test: Test): void {
  const name = 'a wakeup is owed exactly while something is pending for a device with an address';
  test(name, async (_, open) => {
    const store = await open('empty');
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (taken) => {
        const device = sampleIds.newDevice();
        const model: Model = {
          ...{ isSynced: false, address: undefined, owed: undefined },
          ...{ channels: new Map(), serials: [] },
        };
        try {
          for (const step of taken) {
            await take(store, device, model, step, strict);
            await compare(store, device, model, strict);
          }
        } finally {
          // Leaves nothing that the next run would find due.
          const times = { nowMs: 0, wakeupDueMs: 0 };
          const nothing = { address: undefined, channels: [], isNew: false };
          await store.hello({ device, ...nothing, ...times, channelsMax });
        }
      }),
      { numRuns: 150 },
    );
  });
}
