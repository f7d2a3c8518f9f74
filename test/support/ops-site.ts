// A gateway with some minutes behind it, made in seconds by a clock moved by hand: three networks, three centrals,
// and what goes wrong on an ordinary day. Every datagram stays on loopback.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { type Caller, createCaller, wakeup } from './gateway-caller.js';
import { createCertificate, writeCertificate } from './gateway-certificates.js';
import {
  createGatewayFolder,
  type RunningGateway,
  startGateway,
  type Teardown,
} from './gateway-setup.js';

export interface OpsSite extends RunningGateway {
  /** Lets this many seconds of an ordinary day pass. */
  pass(seconds: number): Promise<void>;
  callers: Record<'eu' | 'west' | 'lab', Caller>;
}

const centrals = ['push-eu-1', 'push-west', 'lab'] as const;

/** The only address of loopback that the system itself refuses to send to. */
const unsendable = '127.255.255.255';

export async function startOpsSite(
  t: Teardown,
  changes: Record<string, unknown> = {},
): Promise<OpsSite> {
  const folder = createGatewayFolder(t);
  const certificate = await createCertificate('wakeup.operator.example');
  writeCertificate(folder.path, certificate);
  chmodSync(join(folder.path, 'tls.key'), 0o600);
  const [eu, west, lab] = centrals.map((id) => folder.addKey(id));
  if (!eu || !west || !lab) throw new Error('three keys were made');
  const config = {
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    tls: { keyFile: 'tls.key', certFile: 'tls.crt' },
    keyFile: 'gateway.key.pem',
    keyRenewBy: '2024-11-15',
    allowLoopbackTargets: true,
    networks: [
      { network: '214-07', ranges: ['127.0.0.0/10'], protocols: ['udp', 'tcp'] },
      { network: '214-07', netid: 'net-b', ranges: ['127.64.0.0/10'] },
      { network: '214-21', ranges: ['127.128.0.0/10', `${unsendable}/32`] },
    ],
    centrals: [
      { id: 'push-eu-1', publicKeyFile: 'push-eu-1.pub.pem', keyRenewBy: '2024-06-01' },
      { id: 'push-west', publicKeyFile: 'push-west.pub.pem', networks: ['214-07', '214-07/net-b'] },
      { id: 'lab', publicKeyFile: 'lab.pub.pem', networks: ['214-21'], maxPerSecond: 20 },
    ],
    ...changes,
  };
  folder.write(config);
  const running = await startGateway(t, {}, folder);
  const { gateway, clock } = running;
  const callerOf = (key: typeof eu): Caller => {
    const tls = { ca: certificate.cert };
    const caller = createCaller({ url: gateway.url, keys: [key], clock, tls });
    t.teardown(() => caller.close());
    return caller;
  };
  const callers = { eu: callerOf(eu), west: callerOf(west), lab: callerOf(lab) };
  return { ...running, callers, pass: createDay({ ...running, callers }) };
}

type Item = Record<string, unknown>;

function createDay({ clock, callers }: Pick<OpsSite, 'clock' | 'callers'>) {
  const random = createRandom();
  let second = 0;

  const handset = (network: string, block: number): Item =>
    wakeup({ network, ip: address(block, random), port: 5000 + Math.floor(random() * 4000) });
  const some = (count: number, make: () => Item): Item[] =>
    Array.from({ length: Math.max(0, Math.floor(count + random())) }, make);

  async function ask(caller: Caller, items: Item[], nowMs = clock.now()): Promise<void> {
    await caller.send({ body: JSON.stringify({ wakeups: items }), nowMs });
  }

  return async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      second += 1;
      clock.advance(1000);
      const swell = 1 + 0.45 * Math.sin(second / 47) + 0.2 * Math.sin(second / 7);
      const burst = second % 260 > 180 && second % 260 < 200 ? 90 : 0;
      await ask(callers.eu, [
        ...some(34 * swell + burst, () => handset('214-07', 0)),
        ...some(11 * swell, () => handset('214-21', 128)),
        ...some(0.4, () => wakeup({ network: '214-07', ip: '10.9.8.7' })),
        ...some(0.06, () => wakeup({ network: '214-21', ip: unsendable })),
      ]);
      await ask(callers.west, [
        ...some(9 * swell, () => handset('214-07/net-b', 64)),
        ...some(0.15, () => wakeup({ network: '999-99' })),
      ]);
      if (second % 3 === 0)
        await ask(
          callers.lab,
          some(1.2, () => handset('214-21', 128)),
          clock.now() - 2500,
        );
      if (second % 41 === 0) await ask(callers.lab, [], clock.now() - 40_000);
      // One handset that is asked for again at once, which its pace does not allow.
      const again = handset('214-07', 1);
      if (second % 5 === 0) await ask(callers.west, [again, { ...again, id: wakeup().id }]);
      if (second % 2 === 0)
        await ask(
          callers.eu,
          some(2, () => ({ ...handset('214-07', 2), protocol: 'tcp' })),
        );
    }
  };
}

function address(block: number, random: () => number): string {
  const part = () => 1 + Math.floor(random() * 250);
  return `127.${block + Math.floor(random() * 60)}.${part()}.${part()}`;
}

/** The same numbers each time (a linear congruential generator). */
function createRandom(): () => number {
  let state = 42;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
