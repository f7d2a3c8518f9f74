// A device as a plain object: where it is, what it says, what it got. Its socket is a pair of plain calls.
import type { Session, Transport } from '../../../central/device/session.js';
import type { ChannelId, DeviceId, MessageId } from '../../../central/protocol/ids.js';
import type { WakeupAddress } from '../../../central/protocol/messages.js';
import { networkParts } from '../../../shared/network.js';
import { isWakeupMac } from '../../../shared/wakeup/datagram.js';
import type { Wakeup } from '../../../shared/wakeup/request.js';
import { sampleIds } from '../central-samples.js';
import type { PaperCentral } from './paper-central.js';
import type { Turns } from './turns.js';

/** What a device can, and says so at hello. */
export interface Abilities {
  proves: boolean;
  authenticates: boolean;
}

export interface PaperDevice {
  readonly device: DeviceId;
  /** Where datagrams reach it. */
  place: WakeupAddress;
  /** What it said last, and how it was answered: `undefined` while it waits for the answer. */
  said: { address: WakeupAddress | undefined; abilities: Abilities; status: number | undefined };
  /** The newest version it was sent of each channel. */
  got: Map<ChannelId, number>;
  /** The messages that it was sent. */
  read: Set<MessageId>;
  /** Whether a wakeup makes it come back, and whatever it gets is acked at once. */
  isDiligent: boolean;
  isConnected(): boolean;
  /** Opens a socket and says hello, or says it again on the open one. */
  hello(central: PaperCentral, address: WakeupAddress | undefined, abilities: Abilities): void;
  ack(): void;
  register(channel: ChannelId): void;
  unregister(channel: ChannelId): void;
  /** The socket ends: `fin` for both sides, `silent` for the device only. */
  drop(how: 'fin' | 'silent'): void;
  /** A datagram reaches it. Tells whether it means anything to the device. */
  hear(central: PaperCentral, wakeup: Wakeup): boolean;
}

export interface PaperDeviceOptions {
  place: WakeupAddress;
  turns: Turns;
  /** Something is wrong with what central does. */
  complain: (what: string) => void;
  /** It sent back a nonce, or stirred. */
  onShown: (address: WakeupAddress | undefined) => void;
  onMessage: (id: MessageId) => void;
}

interface TextUpdate {
  channelID: ChannelId;
  _internal_id: MessageId;
}

interface Line {
  session: Session | undefined;
}

export function createPaperDevice(options: PaperDeviceOptions): PaperDevice {
  const { turns, complain, onShown, onMessage } = options;
  const device = sampleIds.newDevice();
  const uaid = sampleIds.uaidOf(device);
  const unacked = new Map<ChannelId, number>();
  const unackedMessages = new Map<MessageId, ChannelId>();
  let line: Line | undefined;
  let counter = 0;

  function send(frame: Record<string, unknown>): void {
    const { session } = line ?? {};
    if (session) turns.later(() => session.onFrame(Buffer.from(JSON.stringify(frame)), false));
  }

  function open(central: PaperCentral): void {
    const opened: Line = { session: undefined };
    const transport: Transport = {
      remoteAddress: '127.0.0.1',
      bufferedBytes: () => 0,
      send: (frame) => turns.later(() => void (line === opened && receive(JSON.parse(frame)))),
      close: () => turns.later(() => end(opened)),
      terminate: () => turns.later(() => end(opened)),
      pause: () => {},
      resume: () => {},
    };
    line = opened;
    opened.session = central.accept(transport);
  }

  function end(ended: Line): void {
    ended.session?.onClosed();
    if (line === ended) line = undefined;
  }

  function receive(frame: Record<string, unknown>): void {
    if (frame.messageType === 'hello') onHello(frame);
    if (frame.messageType === 'desktopNotification') onMessages(frame);
    if (frame.messageType !== 'notification') return;
    for (const update of frame.updates as { channelID: ChannelId; version: string }[]) {
      onUpdate(update.channelID, Number(update.version));
    }
    if (self.isDiligent) self.ack();
  }

  function onMessages({ updates }: Record<string, unknown>): void {
    for (const { _internal_id: id, channelID } of updates as TextUpdate[]) {
      onMessage(id);
      self.read.add(id);
      unackedMessages.set(id, channelID);
    }
    if (self.isDiligent) self.ack();
  }

  function onHello({ status, uaid: given, wakeup_auth }: Record<string, unknown>): void {
    if (given !== uaid) complain('a device got another uaid');
    self.said.status = Number(status);
    const told = (wakeup_auth as { counter: number } | undefined)?.counter;
    if (told === undefined) return;
    if (told < counter) complain(`hello tells counter ${told} after a wakeup with ${counter}`);
    counter = Math.max(counter, told);
  }

  function onUpdate(channel: ChannelId, version: number): void {
    const before = self.got.get(channel) ?? -1;
    if (version < before) complain(`version ${version} after ${before}`);
    self.got.set(channel, version);
    unacked.set(channel, version);
  }

  /** What an authenticating device believes. */
  function isGenuine({ auth, ip, port }: Wakeup): boolean {
    if (!auth || auth.counter <= counter) return false;
    const words = `NOTIFY ${ip}:${port} ${auth.counter}`;
    if (!isWakeupMac(sampleIds.wakeupKeyOf(device), words, auth.mac)) return false;
    counter = auth.counter;
    return true;
  }

  const self: PaperDevice = {
    device,
    place: options.place,
    said: { address: undefined, abilities: { proves: false, authenticates: false }, status: 200 },
    got: new Map(),
    read: new Set(),
    isDiligent: false,
    isConnected: () => line !== undefined,
    hello(central, address, abilities) {
      if (!line) open(central);
      self.said = { address, abilities, status: undefined };
      send({ messageType: 'hello', uaid, ...(address ? fieldsOf(address, abilities) : {}) });
    },
    ack() {
      const updates = [...unacked].map(([channelID, version]) => ({ channelID, version }));
      unacked.clear();
      const texts = [...unackedMessages].map(([_internal_id, channelID]) => ({
        ...{ channelID, _internal_id },
      }));
      unackedMessages.clear();
      const all = [...updates, ...texts];
      if (all.length > 0 && line) send({ messageType: 'ack', updates: all });
    },
    register: (channelID) => send({ messageType: 'register', channelID }),
    unregister(channelID) {
      unacked.delete(channelID);
      self.got.delete(channelID);
      send({ messageType: 'unregister', channelID });
    },
    drop(how) {
      const dropped = line;
      line = undefined;
      if (dropped && how === 'fin') turns.later(() => end(dropped));
    },
    hear(central, wakeup) {
      if (wakeup.nonce !== undefined) {
        onShown(self.said.address);
        send({ messageType: 'wakeupProof', nonce: wakeup.nonce });
        return true;
      }
      if (self.said.abilities.authenticates && !isGenuine(wakeup)) return false;
      if (line) {
        onShown(self.said.address);
        send({});
      } else if (self.isDiligent) {
        self.hello(central, self.place, self.said.abilities);
      }
      return true;
    },
  };
  return self;
}

function fieldsOf({ network, address, port, protocol }: WakeupAddress, abilities: Abilities) {
  const { mcc, mnc, netid } = networkParts(network);
  const { proves: proof, authenticates: auth } = abilities;
  return {
    wakeup_hostport: { ip: address.text, port, proof, auth },
    mobilenetwork: { mcc, mnc, netid },
    protocol,
  };
}
