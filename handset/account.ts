// What the handset is to its notification server: a uaid, and channels with their endpoint and what they told of last.
// It lives in memory only; whoever starts a handset again hands the uaid and the channelIDs back in.
import type { SubscriptionKeys } from './push-keys.js';

/** Ids remembered of each channel; Gecko remembers as many. */
const idsMax = 100;

export interface Channel {
  channelID: string;
  /** Absent until the server has answered `register` under the present uaid. */
  pushEndpoint?: string;
  /** Of a Web Push channel with an endpoint: what its app server encrypts with. */
  keys?: SubscriptionKeys;
  /** The greatest version that was told of. */
  version?: number;
}

export interface Account {
  uaid(): string | undefined;
  /** Takes the uaid of a hello answer. Another one than ours makes all endpoints and versions void. */
  acceptUaid(uaid: string): 'same' | 'first' | 'replaced';
  /** The list for hello; `undefined` when this handset does not know all channels of its uaid. */
  listForHello(): string[] | undefined;
  has(channelID: string): boolean;
  find(channelID: string): Readonly<Channel> | undefined;
  /** `full` when there are `channelsMax` already. */
  add(channelID: string): 'added' | 'known' | 'full';
  remove(channelID: string): void;
  setEndpoint(
    channelID: string,
    pushEndpoint: string,
    keys?: SubscriptionKeys,
  ): 'changed' | 'same' | 'unknown-channel';
  /** Whether this version is newer than all before on a channel of ours; remembers it. */
  takeVersion(channelID: string, version: number): boolean;
  /** Whether this id is none of the last hundred on a channel of ours; remembers it. */
  takeId(channelID: string, id: string): boolean;
  channels(): Channel[];
}

export function createAccount(options: {
  uaid: string | undefined;
  channelIDs: readonly string[] | undefined;
  channelsMax: number;
}): Account {
  const channels = new Map<string, Channel>();
  const ids = new Map<string, string[]>();
  for (const channelID of options.channelIDs ?? []) channels.set(channelID, { channelID });
  let uaid = options.uaid;
  // A uaid handed in without its channels: a list in hello would make the server drop those we do not know of.
  let isListComplete = uaid === undefined || options.channelIDs !== undefined;

  function add(channelID: string): 'added' | 'known' | 'full' {
    if (channels.has(channelID)) return 'known';
    if (channels.size >= options.channelsMax) return 'full';
    channels.set(channelID, { channelID });
    return 'added';
  }

  /** Where our list is not complete, a channel that the server tells of is one of ours. */
  function adopt(channelID: string): Channel | undefined {
    if (!isListComplete) add(channelID);
    return channels.get(channelID);
  }

  return {
    uaid: () => uaid,
    acceptUaid(answered) {
      const before = uaid;
      uaid = answered;
      if (before === answered) return 'same';
      for (const channelID of channels.keys()) channels.set(channelID, { channelID });
      ids.clear();
      isListComplete = true;
      return before === undefined ? 'first' : 'replaced';
    },
    listForHello() {
      if (!isListComplete) return undefined;
      // Without a uaid the server has nothing to synchronise with.
      return uaid === undefined ? [] : [...channels.keys()];
    },
    has: (channelID) => channels.has(channelID),
    find: (channelID) => channels.get(channelID),
    add,
    remove(channelID) {
      channels.delete(channelID);
      ids.delete(channelID);
    },
    setEndpoint(channelID, pushEndpoint, keys) {
      const channel = channels.get(channelID);
      if (!channel) return 'unknown-channel';
      const isSame = channel.pushEndpoint === pushEndpoint;
      channel.pushEndpoint = pushEndpoint;
      if (keys) channel.keys = keys;
      return isSame ? 'same' : 'changed';
    },
    takeVersion(channelID, version) {
      const channel = adopt(channelID);
      if (!channel || version <= (channel.version ?? -1)) return false;
      channel.version = version;
      return true;
    },
    takeId(channelID, id) {
      if (!adopt(channelID)) return false;
      const known = ids.get(channelID) ?? [];
      if (known.includes(id)) return false;
      ids.set(channelID, [...known, id].slice(-idsMax));
      return true;
    },
    channels: () => [...channels.values()].map((channel) => ({ ...channel })),
  };
}
