// Real gateways in this process, each with a network of its own or sharing one, that a test ends and starts again.
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createGateway, type Gateway } from '../../../gateway/gateway.js';
import { loadSettings } from '../../../gateway/settings.js';
import type { Log } from '../../../shared/log.js';
import type { ManualClock } from '../manual-clock.js';
import type { CentralFolder } from '../running-central.js';

export interface SimulatedGateway {
  readonly url: string;
  /** It ends: nobody listens where it was, or somebody who takes connections and never answers. */
  die(how: 'closed' | 'mute'): Promise<void>;
  /** It is back, at the same place. It takes nothing in its first seconds. */
  revive(): Promise<void>;
  close(): Promise<void>;
}

/** How long after its start a gateway refuses what was signed before. */
export const warmUpMs = 10_000;

export async function openSimulatedGateway(options: {
  name: string;
  network: string;
  ranges: readonly string[];
  /** Of central: it has the keys of both. */
  folder: CentralFolder;
  clock: ManualClock;
  log: Log;
}): Promise<SimulatedGateway> {
  const { name, network, ranges, folder, clock, log } = options;
  const file = join(folder.path, `${name}.yaml`);
  let mute: { close(): Promise<void> } | undefined;
  let gateway: Gateway | undefined = await start('127.0.0.1:0');
  const { url } = gateway;
  const { host, port } = new URL(url);

  async function start(listen: string): Promise<Gateway> {
    const config = {
      ...{ listen, admin: '127.0.0.1:0', keyFile: 'gateway.key.pem', allowLoopbackTargets: true },
      stateFile: `${name}.json`,
      networks: [{ network, ranges, maxPerSecond: 100_000 }],
      centrals: [{ id: 'ns-1', publicKeyFile: 'central.pub.pem', maxPerSecond: 100_000 }],
    };
    writeFileSync(file, stringify(config));
    const load = () => loadSettings(file, {});
    const { settings, problems } = { problems: [], ...load() };
    if (!settings) throw new Error(problems.join('\n'));
    return createGateway({ settings, load, log, clock });
  }

  async function end(): Promise<void> {
    await gateway?.close();
    await mute?.close();
    gateway = undefined;
    mute = undefined;
  }

  return {
    url,
    async die(how) {
      await end();
      if (how === 'mute') mute = await openMute(Number(port));
    },
    async revive() {
      await end();
      gateway = await start(host);
    },
    close: end,
  };
}

/** Takes connections and says nothing. */
async function openMute(port: number): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
