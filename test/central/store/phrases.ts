// The words in which the tests of a store are told.
import type t from 'tap';
import type { ChannelId, DeviceId, MessageId } from '../../../central/protocol/ids.js';
import type { MessageKind, WakeupAddress } from '../../../central/protocol/messages.js';
import type { MessageRecord } from '../../../central/store/messages.js';
import type { HelloRecord, PutRecord, Store } from '../../../central/store/store.js';
import type { WakeupReport } from '../../../central/wakeup/states.js';
import { parseNetworkKey } from '../../../shared/network.js';
import {
  channel,
  helloRecord,
  messageRecord,
  putRecord,
  sampleIds,
  sampleMs,
  wakeupAddress,
} from '../../support/central-samples.js';

/** Declares a test under the engine's name. */
export type Test = (name: string, body: (t: Assertions, open: Open) => Promise<unknown>) => void;
/** Gives a store: that of the other tests, which know nothing of its other devices, or an empty one. */
type Open = (which?: 'empty') => Promise<Store>;
type Assertions = Pick<
  typeof t,
  'equal' | 'fail' | 'match' | 'not' | 'notOk' | 'ok' | 'rejects' | 'same'
>;

/** As many wakeups as a device gets before it counts as dark. */
export const attemptsMax = 5;
/** The end of the window of wakeups that tests begin. */
export const windowMs = sampleMs + 8_000;

const home = wakeupAddress().network;
let addresses = 0;

/** An address that no other test knows: one address belongs to one device. */
export function anyAddress(more: Parameters<typeof wakeupAddress>[1] = {}): WakeupAddress {
  addresses += 1;
  return wakeupAddress(`10.77.${addresses >> 8}.${addresses & 255}`, more);
}

export function phrases(store: Store) {
  async function move(device: DeviceId, event: WakeupReport) {
    const serial = (await store.wakeupOf(device))?.serial ?? -1;
    return store.move({ device, serial, event });
  }

  /** Takes a wakeup that is owed to the end of its window, in which the device says nothing. */
  async function miss(device: DeviceId) {
    await move(device, { name: 'begun', nowMs: sampleMs, dueMs: windowMs });
    await move(device, { name: 'triggered' });
    return move(device, { name: 'passed', nowMs: windowMs, attemptsMax });
  }

  return {
    move,
    miss,
    hello: (device: DeviceId, more: Partial<HelloRecord> = {}) =>
      store.hello(helloRecord(device, more)),
    put: (device: DeviceId, channel: ChannelId, version: number, more: Partial<PutRecord> = {}) =>
      store.put(putRecord(device, channel, version, more)),
    /** A message: its record, and what came of it. */
    send: async (device: DeviceId, channel: ChannelId, more: Partial<MessageRecord> = {}) => {
      const record = messageRecord(device, channel, more);
      return { ...record, ...(await store.putMessage(record)) };
    },
    /** The messages that wait for a device. */
    waiting: async (device: DeviceId, nowMs = sampleMs) =>
      (await store.pendingMessages(device, { nowMs, limit: 1000 })).map(({ id }) => id),
    statusOf: async (device: DeviceId, message: MessageId) =>
      (await store.messageStatus(device, message))?.state,
    prove: (device: DeviceId, address: WakeupAddress, nowMs = sampleMs) =>
      store.prove({ device, address, isNonce: true, nowMs, wakeupDueMs: nowMs + 10_000 }),
    stir: (device: DeviceId, address: WakeupAddress, nowMs = sampleMs) =>
      store.prove({ device, address, isNonce: false, nowMs, wakeupDueMs: nowMs + 10_000 }),
    pending: async (device: DeviceId) =>
      Object.fromEntries((await store.pending(device)).map((u) => [u.channel, u.version])),
    stateOf: async (device: DeviceId) => (await store.wakeupOf(device))?.state,
    begin: (device: DeviceId, more: { nowMs?: number; dueMs?: number } = {}) =>
      move(device, { name: 'begun', nowMs: sampleMs, dueMs: windowMs, ...more }),
    /** The devices whose wakeups of a network are due by then. */
    due: async (
      phase: 'owed' | 'sent',
      { nowMs = Number.MAX_SAFE_INTEGER, limit = 1000, network = home as string } = {},
    ) => {
      const key = parseNetworkKey(network) ?? home;
      const due = await store.dueWakeups({ network: key, phase, nowMs, limit });
      return due.map(({ device }) => device);
    },
    /** Ends the lease of a device's address, so that it is dark. */
    darken: (device: DeviceId, nowMs = sampleMs) => move(device, { name: 'lapsed', nowMs }),
  };
}

/** A store and a new device in it, with its address and channels. */
export async function meet(
  open: Open,
  options: {
    address?: WakeupAddress;
    channels?: ChannelId[];
    store?: 'empty';
    takes?: MessageKind;
  } = {},
) {
  const { address, channels = [channel('c1')], takes = 'text' } = options;
  const store = await open(options.store);
  const device = sampleIds.newDevice();
  const words = phrases(store);
  await words.hello(device, { isNew: true, address, takes });
  for (const channel of channels) await store.register(device, channel, 100);
  return { store, device, ...words };
}

/** Another device in the same store. */
export async function meetAnother(store: Store, more: Partial<HelloRecord> = {}) {
  const device = sampleIds.newDevice();
  const outcome = await store.hello(helloRecord(device, { isNew: true, ...more }));
  await store.register(device, channel('c1'), 100);
  return { device, outcome };
}

/** How many devices of each network are dark. */
export async function darkCounts(store: Store): Promise<{ network: string; count: number }[]> {
  const counts = await store.wakeupCounts();
  return counts
    .filter(({ state }) => state === 'dark')
    .map(({ network, count }) => ({ network, count }));
}
