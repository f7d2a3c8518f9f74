// A handset, a scripted server and a clock moved by hand, put together for one test and taken down after it.
import type { Test } from 'tap';
import { createHandset, type Handset } from '../../handset/client.js';
import type { HandsetEvents } from '../../handset/events.js';
import type { HandsetOptions } from '../../handset/options.js';
import { createManualClock, type ManualClock } from '../support/manual-clock.js';
import {
  openScriptedCentral,
  type ScriptedCentral,
  type ScriptedCentralOptions,
  type ScriptedDevice,
} from '../support/scripted-central.js';

export const network = { mcc: '214', mnc: '07' };

export interface Rig {
  central: ScriptedCentral;
  handset: Handset;
  clock: ManualClock;
  /** The names of all events in their order. */
  names: (keyof HandsetEvents)[];
  errors: Error[];
}

type EventOf<Name extends keyof HandsetEvents> = HandsetEvents[Name][0];

/** The next event of this name; unlike node's `once`, an error event does not matter to it. */
export function next<Name extends keyof HandsetEvents>(
  handset: Handset,
  name: Name,
): Promise<EventOf<Name>> {
  return new Promise((resolve) => {
    handset.once(name, ((event: EventOf<Name>) => resolve(event)) as never);
  });
}

/** The next so many events of this name. Waited for one by one, the second might come unseen. */
export function several<Name extends keyof HandsetEvents>(
  handset: Handset,
  name: Name,
  count: number,
): Promise<EventOf<Name>[]> {
  return new Promise((resolve) => {
    const events: EventOf<Name>[] = [];
    const take = (event: EventOf<Name>) => {
      if (events.push(event) < count) return;
      handset.off(name, take as never);
      resolve(events);
    };
    handset.on(name, take as never);
  });
}

export async function openRig(
  t: Test,
  options: Partial<HandsetOptions> & { server?: ScriptedCentralOptions } = {},
): Promise<Rig> {
  const { server, ...handsetOptions } = options;
  const central = await openScriptedCentral(server);
  const clock = createManualClock();
  const handset = createHandset({
    central: central.url,
    clock,
    random: () => 0.5,
    ...handsetOptions,
  });
  const rig: Rig = { central, handset, clock, names: [], errors: [] };
  const watched = [
    ...(['hello', 'replaced', 'registered', 'unregistered', 'notification'] as const),
    ...(['message', 'text'] as const),
    ...(['closed', 'woken', 'proved', 'ignored', 'reconnecting', 'error'] as const),
  ];
  for (const name of watched) handset.on(name, () => void rig.names.push(name));
  handset.on('error', (error) => void rig.errors.push(error));
  t.teardown(async () => {
    await handset.stop();
    await central.close();
  });
  return rig;
}

/** Starts the handset; resolves to the server's side once hello is answered. */
export async function greet({ central, handset }: Rig): Promise<ScriptedDevice> {
  const answered = next(handset, 'hello');
  const accepted = central.nextDevice();
  handset.start();
  await answered;
  return accepted;
}

/** Where this user agent's hello says that it waits for wakeups. */
export async function announcedPort(device: ScriptedDevice): Promise<number> {
  const hello = await device.receive('hello');
  return (hello.wakeup_hostport as { port: number }).port;
}

/** Starts a handset in a network and puts it to sleep. */
export async function sleepingRig(
  t: Test,
  options: Partial<HandsetOptions> = {},
): Promise<Rig & { port: number }> {
  const rig = await openRig(t, { network, server: { status: 201 }, ...options });
  const device = await greet(rig);
  const port = await announcedPort(device);
  const closed = next(rig.handset, 'closed');
  device.close(4774, 'wakeup');
  await closed;
  return { ...rig, port };
}
