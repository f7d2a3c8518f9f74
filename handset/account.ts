// What the handset is to its notification server: a uaid, and channels with their endpoint and last version.
// It lives in memory only; whoever starts a handset again hands the uaid and the channelIDs back in.

export interface Channel {
  channelID: string;
  /** Absent until the server has answered `register` under the present uaid. */
  pushEndpoint?: string;
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
  endpointOf(channelID: string): string | undefined;
  /** `full` when there are `channelsMax` already. */
  add(channelID: string): 'added' | 'known' | 'full';
  remove(channelID: string): void;
  setEndpoint(channelID: string, pushEndpoint: string): 'changed' | 'same' | 'unknown-channel';
  /** Whether this version is newer than all before on a channel of ours; remembers it. */
  takeVersion(channelID: string, version: number): boolean;
  channels(): Channel[];
}

export function createAccount(options: {
  uaid: string | undefined;
  channelIDs: readonly string[] | undefined;
  channelsMax: number;
}): Account {
  const channels = new Map<string, Channel>();
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

  return {
    uaid: () => uaid,
    acceptUaid(answered) {
      const before = uaid;
      uaid = answered;
      if (before === answered) return 'same';
      for (const channelID of channels.keys()) channels.set(channelID, { channelID });
      isListComplete = true;
      return before === undefined ? 'first' : 'replaced';
    },
    listForHello() {
      if (!isListComplete) return undefined;
      // Without a uaid the server has nothing to synchronise with.
      return uaid === undefined ? [] : [...channels.keys()];
    },
    has: (channelID) => channels.has(channelID),
    endpointOf: (channelID) => channels.get(channelID)?.pushEndpoint,
    add,
    remove: (channelID) => void channels.delete(channelID),
    setEndpoint(channelID, pushEndpoint) {
      const channel = channels.get(channelID);
      if (!channel) return 'unknown-channel';
      const isSame = channel.pushEndpoint === pushEndpoint;
      channel.pushEndpoint = pushEndpoint;
      return isSame ? 'same' : 'changed';
    },
    takeVersion(channelID, version) {
      // Where our list is not complete, a channel that the server tells of is one of ours.
      if (!isListComplete) add(channelID);
      const channel = channels.get(channelID);
      if (!channel || version <= (channel.version ?? -1)) return false;
      channel.version = version;
      return true;
    },
    channels: () => [...channels.values()].map((channel) => ({ ...channel })),
  };
}
