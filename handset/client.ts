// A handset: the reference user agent of the device protocol (docs/device-protocol.md). Builds the parts and wires
// them; what it keeps is in memory only.
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { CodedError } from '../shared/errors.js';
import { type Channel, createAccount } from './account.js';
import { openConversation } from './conversation.js';
import { createDialect, type DialectName } from './dialects/dialects.js';
import { emitOn, type HandsetEvents } from './events.js';
import { createLink, type HandsetState } from './link.js';
import { checkChannelID, type HandsetOptions, readOptions } from './options.js';
import { type ChannelKeys, createKeyring, type SubscriptionKeys } from './push-keys.js';
import { isFinal } from './reception.js';
import { createRequests } from './requests.js';
import { createWakePort } from './wake-port.js';

export interface Registration {
  channelID: string;
  pushEndpoint: string;
  /** What the app server encrypts with; missing in Simple Push. */
  keys?: SubscriptionKeys;
}

export interface Handset extends EventEmitter<HandsetEvents> {
  /** Connects, and from then on comes back after every loss and every wakeup. Throws `stopping` during a stop. */
  start(): void;
  /** Says goodbye, closes all ports, and rejects what is open with code `stopped`. May be started again. */
  stop(): Promise<void>;
  /**
   * Registers a channel, a new one by default; idempotent. Waits for a connection, and ends sleep for it. Rejects with
   * a CodedError: `bad-option`, `too-many-channels`, `bad-channel`, `bad-key`, `not-ready`, `timeout`, `stopped` or
   * `refused`.
   */
  register(channelID?: string): Promise<Registration>;
  /** Gives a channel up. Rejects like `register`, and with `unknown-channel` when it is not ours. */
  unregister(channelID: string): Promise<void>;
  channels(): Channel[];
  /** By channel, what decrypts its messages: to be handed to the next run. A secret. Empty in Simple Push. */
  keys(): Record<string, ChannelKeys>;
  readonly dialect: DialectName;
  uaid(): string | undefined;
  state(): HandsetState;
}

/** Throws a CodedError `bad-option` that names the option. Opens nothing before `start`. */
export function createHandset(options: HandsetOptions): Handset {
  const settings = readOptions(options);
  const emitter = new EventEmitter<HandsetEvents>();
  const emit = emitOn(emitter);
  const account = createAccount(settings);
  const dialect = createDialect(settings);
  const keyring = createKeyring(settings.keys);
  const requests = createRequests({ clock: settings.clock, timeoutMs: settings.requestTimeoutMs });
  const wakePort = createWakePort({
    settings,
    emit,
    woken: () => link.woken(),
    prove: (proof) => link.prove(proof),
    broken: () => link.moved(),
  });
  const link = createLink({
    settings,
    emit,
    open: (events) =>
      openConversation({ settings, account, dialect, keyring, requests, wakePort, emit }, events),
    hasRequests: requests.areOpen,
  });

  let stopping: Promise<void> | undefined;

  async function stop(): Promise<void> {
    requests.rejectAll(new CodedError('stopped', 'the handset was stopped'));
    await link.stop();
    // Last, so that an open under way on the socket's behalf is closed too.
    await wakePort.close();
    stopping = undefined;
  }

  return Object.assign(emitter, {
    start() {
      if (stopping) throw new CodedError('stopping', 'await stop() before the next start()');
      link.start();
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
    async register(channelID: string = randomUUID()) {
      checkChannelID(channelID, settings.dialect);
      const added = account.add(channelID);
      if (added === 'full') {
        const detail = `${settings.channelsMax} channels are registered; unregister one or raise channelsMax`;
        throw new CodedError('too-many-channels', detail);
      }
      const answer = requests.ask('register', channelID);
      link.wanted();
      try {
        const pushEndpoint = await answer;
        const keys = account.find(channelID)?.keys;
        return { channelID, pushEndpoint, ...(keys && { keys }) };
      } catch (error) {
        const isLost = error instanceof CodedError && isFinal(error);
        if (added === 'added' || isLost) account.remove(channelID);
        throw error;
      }
    },
    async unregister(channelID: string) {
      if (!account.has(channelID)) {
        throw new CodedError('unknown-channel', `${channelID}: no channel of this handset`);
      }
      const answer = requests.ask('unregister', channelID);
      link.wanted();
      await answer;
    },
    channels: account.channels,
    keys: keyring.all,
    dialect: settings.dialect,
    uaid: account.uaid,
    state: link.state,
  });
}
