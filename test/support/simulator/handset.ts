// One simulated handset: a UDP socket on an address of its own, and a WebSocket while it is awake. It speaks the
// device protocol, keeps what happened to it, and loses datagrams as it is told.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { ManualClock } from '../manual-clock.js';
import type { Bustle } from './bustle.js';
import type { Random } from './random.js';

export interface HandsetPlan {
  network: string;
  /** A loopback address that nobody else has. */
  ip: string;
  /** Where central listens. */
  url: string;
  /** Returns nonces; without it, whatever comes while it is connected makes it stir. */
  proves: boolean;
  /** From 0 to 1: the part of datagrams that never arrive. */
  loss: number;
  /** How long it takes from a wakeup to the hello: from the least to less than the most. */
  delayMs: readonly [least: number, most: number];
}

export interface Handset {
  readonly plan: HandsetPlan;
  /** The last answer to hello. */
  status: number | undefined;
  /** `undefined` before it registered. */
  endpoint: string | undefined;
  /** The newest version it got. */
  version: number | undefined;
  /** Wakeups that reached its address, lost in the air or not, and the hellos it said: when, by the clock. */
  history: { atMs: number; what: 'wakeup' | 'hello' | 'dark hello' }[];
  isConnected(): boolean;
  /** Opens its port, connects and registers. */
  begin(): Promise<void>;
  /** Comes back of its own accord. */
  comeBack(): void;
  /** It has another address from now on, and tells nobody. At the old one nobody listens, or nobody answers. */
  move(ip: string, old: 'closed' | 'silent'): Promise<void>;
  close(): void;
}

export interface HandsetParts {
  clock: ManualClock;
  random: Random;
  bustle: Bustle;
  /** What is wrong with what central does. */
  complain: (what: string) => void;
}

const channelID = 'c';

export function createHandset(plan: HandsetPlan, parts: HandsetParts): Handset {
  const { clock, random, bustle, complain } = parts;
  const ports: Socket[] = [];
  let { ip } = plan;
  let port: Socket | undefined;
  let socket: WebSocket | undefined;
  let uaid: string | undefined;
  let isComing = false;
  let onRegistered = () => {};

  async function listen(): Promise<void> {
    const opened = createSocket('udp4');
    ports.push(opened);
    opened.on('message', (bytes) => onDatagram(String(bytes), opened === port));
    opened.bind(0, ip);
    await once(opened, 'listening');
    port = opened;
  }

  function onDatagram(text: string, isHeard: boolean): void {
    bustle.pulse();
    const [, , nonce] = text.split(' ');
    if (nonce === undefined && !socket) note('wakeup');
    if (!isHeard || random() < plan.loss) return;
    if (nonce !== undefined) send({ messageType: 'wakeupProof', nonce });
    else if (socket) send({});
    else if (!isComing) awake();
  }

  function awake(): void {
    const [least, most] = plan.delayMs;
    isComing = true;
    clock.after(least + random() * (most - least), connect);
  }

  function note(what: Handset['history'][number]['what']): void {
    handset.history.push({ atMs: clock.now(), what });
  }

  function send(frame: Record<string, unknown>): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  }

  function connect(): void {
    isComing = false;
    if (socket) return;
    const ended = bustle.begin();
    const opened = new WebSocket(plan.url.replace(/^http/, 'ws'), ['push-notification'], {
      localAddress: ip,
      perMessageDeflate: false,
    });
    socket = opened;
    opened.on('open', () => send(hello()));
    opened.on('message', (data) => {
      bustle.pulse();
      const frame = JSON.parse(String(data)) as Record<string, unknown>;
      // The first words of all are a hello and a registration.
      const lastWord = handset.endpoint ? 'hello' : 'register';
      onFrame(frame);
      if (frame.messageType === lastWord) ended();
    });
    opened.on('error', (error) => complain(error.message));
    opened.on('close', (code) => {
      bustle.pulse();
      ended();
      socket = undefined;
      if (code !== 4774) complain(`closed with ${code}`);
    });
  }

  function hello() {
    const [mcc, mnc] = plan.network.split('-');
    return {
      ...{ messageType: 'hello', uaid, protocol: 'udp', mobilenetwork: { mcc, mnc } },
      wakeup_hostport: { ip, port: port?.address().port, proof: plan.proves },
    };
  }

  function onFrame(frame: Record<string, unknown>): void {
    if (frame.messageType === 'hello') onHello(frame);
    if (frame.messageType === 'register') {
      handset.endpoint = String(frame.pushEndpoint);
      onRegistered();
    }
    if (frame.messageType !== 'notification') return;
    for (const { version } of frame.updates as { version: string }[]) onVersion(Number(version));
    send({ messageType: 'ack', updates: frame.updates });
  }

  function onHello(frame: Record<string, unknown>): void {
    uaid = String(frame.uaid);
    handset.status = Number(frame.status);
    note(handset.status === 201 ? 'hello' : 'dark hello');
    if (!handset.endpoint) send({ messageType: 'register', channelID });
  }

  function onVersion(version: number): void {
    if (version < (handset.version ?? -1)) complain(`${version} after ${handset.version}`);
    handset.version = version;
  }

  const handset: Handset = {
    ...{ plan, status: undefined, endpoint: undefined, version: undefined, history: [] },
    isConnected: () => socket !== undefined,
    async begin() {
      await listen();
      const registered = new Promise<void>((resolve) => {
        onRegistered = resolve;
      });
      connect();
      await registered;
    },
    comeBack: () => void (isComing || socket || connect()),
    async move(to, old) {
      const left = port;
      ip = to;
      await listen();
      if (old === 'closed') left?.close();
    },
    close() {
      socket?.removeAllListeners('close');
      socket?.terminate();
      for (const opened of ports) if (isOpen(opened)) opened.close();
    },
  };
  return handset;
}

function isOpen(socket: Socket): boolean {
  try {
    socket.address();
    return true;
  } catch {
    // A socket that was closed has no address.
    return false;
  }
}
