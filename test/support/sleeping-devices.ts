// Devices asleep, and time that passes for them: what tests of waking begin with.
import type { Test } from 'tap';
import type { Wakeup } from '../../shared/wakeup/request.js';
import type { ManualClock } from './manual-clock.js';
import { during, type RunningCentral } from './running-central.js';
import type { ScriptedGateway } from './scripted-gateway.js';
import { connectDevice, type Frame, type TestDevice, wakeable } from './test-device.js';

export type Timed = Pick<RunningCentral, 'url' | 'central'> & { clock: ManualClock };

export const never = Number.POSITIVE_INFINITY;

/** The line of a metric of one network, that of most tests. */
export const wakeups = (outcome: string, network = '214-07') =>
  `reveille_central_wakeups_total{network="${network}",outcome="${outcome}"}`;

export interface Sleeper {
  uaid: string;
  endpoint: string;
  /** What it says at hello beside its uaid. */
  said: Frame;
  /** Connects again and says the same hello, or with changes. */
  comeBack(changes?: Frame): Promise<TestDevice>;
}

/** A device with one channel that was put to sleep. */
export async function sleeper(t: Test, running: Timed, said = wakeable(9000)): Promise<Sleeper> {
  const awake = await awakened(t, running, said);
  await fallAsleep(t, running, awake.device);
  return awake;
}

/** A device with one channel, quiet on its socket. */
export async function awakened(t: Test, { url }: Pick<Timed, 'url'>, said = wakeable(9000)) {
  const device = await connectDevice(t, url);
  const { uaid, status } = await device.hello(said);
  t.equal(status, 201);
  const endpoint = await device.register('c');
  const comeBack = async (changes: Frame = {}) => {
    const again = await connectDevice(t, url);
    again.send({ messageType: 'hello', uaid, ...said, ...changes });
    return again;
  };
  return { uaid: String(uaid), endpoint, said, device, comeBack };
}

/** Ten quiet seconds, and 4774. */
export async function fallAsleep(
  t: Test,
  { clock }: Pick<Timed, 'clock'>,
  device: TestDevice,
): Promise<void> {
  clock.advance(10_100);
  t.equal((await during(clock, device.closed)).code, 4774);
}

/**
 * Resolves when what the last move of the clock began is done, up to the answers of gateways. The store answers in
 * turn: a page that asks it is there when what was asked before has been read.
 */
export async function settled({ clock, central }: Timed): Promise<void> {
  const isUnderWay = async () =>
    /^reveille_central_wakeups_under_way\{[^}]*\} [1-9]/m.test(
      await (await fetch(`${central.adminUrl}/metrics`)).text(),
    );
  do {
    // Windows end, what is due is read, a wakeup begins, its answer is kept.
    for (let turn = 0; turn < 4; turn++) {
      await during(clock, fetch(`${central.adminUrl}/devices`));
    }
  } while (await during(clock, isUnderWay()));
}

/** Moves time on until something is so; resolves to how long it took. Central looks once in each step. */
export async function passUntil(
  running: Timed,
  isSo: () => boolean | Promise<boolean>,
  { limitMs = 600_000, stepMs = 1_000 } = {},
): Promise<number> {
  const { clock } = running;
  const startMs = clock.now();
  while (!(await isSo())) {
    if (clock.now() - startMs >= limitMs) return never;
    clock.advance(stepMs);
    await settled(running);
  }
  return clock.now() - startMs;
}

/** Time until the next wakeup that a gateway is asked for; `never` when none comes. */
export function untilNextWakeup(
  running: Timed & { gateway: ScriptedGateway },
  { limitMs = 600_000, stepMs = 5_000 } = {},
): Promise<number> {
  const { gateway } = running;
  const arrived = gateway.wakeups.length;
  return passUntil(running, () => gateway.wakeups.length > arrived, { limitMs, stepMs });
}

/** Ports of the wakeups a gateway was asked for, in order. */
export function portsOf({ wakeups: list }: { wakeups: readonly Wakeup[] }): number[] {
  return list.map(({ port }) => port);
}

/** What a handset says that asks for more of its wakeups. */
export function wakeableWith(port: number, asks: { proof?: true; auth?: true }): Frame {
  return wakeable(port, { wakeup_hostport: { ip: '127.0.0.1', port, ...asks } });
}

/** The nonce of the last datagram that has one, once more have come than there were. */
export async function nextNonce(
  running: Timed & { gateway: ScriptedGateway },
  limits: { limitMs?: number; stepMs?: number } = { limitMs: 5_000, stepMs: 100 },
): Promise<string | undefined> {
  const nonces = () => running.gateway.wakeups.filter(({ nonce }) => nonce !== undefined);
  const before = nonces().length;
  await passUntil(running, () => nonces().length > before, limits);
  return nonces()[before]?.nonce;
}

/** Returns a nonce and resolves when central has read it. */
export async function prove(
  t: Test,
  { clock }: Pick<Timed, 'clock'>,
  { device, nonce }: { device: TestDevice; nonce: string | undefined },
): Promise<void> {
  device.send({ messageType: 'wakeupProof', nonce });
  device.send('PING');
  t.same(await during(clock, device.receive()), { text: 'PONG' }, 'no reply');
}

/** A device that proved its address and was put to sleep. */
export async function provenSleeper(
  t: Test,
  running: Timed & { gateway: ScriptedGateway },
  said = wakeableWith(9000, { proof: true }),
): Promise<Sleeper> {
  const awake = await awakened(t, running, said);
  await prove(t, running, { device: awake.device, nonce: await nextNonce(running) });
  await fallAsleep(t, running, awake.device);
  return awake;
}
