// Thousands of handsets, their networks' gateways and a central in one process, on real loopback sockets and a clock
// moved by hand. Time stands still while anything is on its way, so that what is measured is time by the clock.
import { createManualClock, type ManualClock } from '../manual-clock.js';
import {
  type ConfigTree,
  createCentralFolder,
  during,
  isOnline,
  type RunningCentral,
  startCentral,
} from '../running-central.js';
import { createAppServers } from './app-servers.js';
import { type Bustle, createBustle } from './bustle.js';
import { warmUpMs } from './gateways.js';
import type { Handset } from './handset.js';
import { type NetworkPlan, openNetwork, type SimulatedNetwork } from './simulated-network.js';

interface Teardown {
  teardown(fn: () => unknown): unknown;
}

export interface SimulatorOptions {
  seed: number;
  networks: NetworkPlan[];
  central?: ConfigTree;
}

export interface Simulator extends RunningCentral {
  clock: ManualClock;
  networks: SimulatedNetwork[];
  handsets: Handset[];
  /** What handsets found wrong with central. */
  complaints: string[];
  /** Networks whose wakeups are under way for as long as a gateway there is mute: nobody waits for them. */
  stuck: Set<string>;
  /** Moves time on in steps, and waits after each until what it began is done. */
  advance(ms: number, stepMs: number): Promise<void>;
  /** Moves time on until every one of these handsets is put to sleep; of all of them, by default. */
  allAsleep(some?: readonly Handset[]): Promise<void>;
  /** An app server, known by its address, sends a version to each of these handsets. */
  put(handsets: readonly Handset[], version: number, appServer?: string): Promise<void>;
  /** How many wakeups of a network ended so. */
  wakeups(network: string, outcome: string): Promise<number>;
}

/** Sockets that are opened at a time. */
const openingMax = 50;
/** By the clock: longer than any proof takes. */
const sleepMsMax = 3_600_000;

/** Opens all of it; every handset is connected and registered. */
export async function openSimulator(t: Teardown, options: SimulatorOptions): Promise<Simulator> {
  const clock = createManualClock();
  const folder = createCentralFolder(t);
  const complaints: string[] = [];
  const bustle = createBustle();
  const networks = await Promise.all(
    options.networks.map((plan, i) =>
      openNetwork(plan, i + 1, {
        ...{ seed: options.seed, folder, clock, bustle },
        log: Object.assign(bustle.pulse, { setLevel: () => {} }),
        complain: (what) => void complaints.push(`${plan.network}: ${what}`),
      }),
    ),
  );
  clock.advance(warmUpMs);
  const running = await startCentral(t, { folder, clock, config: configOf(networks, options) });
  for (const network of networks) network.addHandsets(running.url);
  const handsets = networks.flatMap((network) => network.handsets);
  const appServers = createAppServers(running.url);
  t.teardown(async () => {
    await appServers.close();
    for (const handset of handsets) handset.close();
    await Promise.all(networks.flatMap(({ gateways }) => gateways.map((each) => each.close())));
  });

  const stuck = new Set<string>();
  const settled = () => untilAtRest({ running, bustle, clock, stuck });
  async function advance(ms: number, stepMs: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      clock.advance(Math.min(stepMs, leftMs));
      await settled();
    }
  }

  await during(clock, isOnline(running));
  for (let i = 0; i < handsets.length; i += openingMax) {
    const some = handsets.slice(i, i + openingMax);
    await during(clock, Promise.all(some.map((handset) => handset.begin())));
  }
  await settled();
  return {
    ...{ ...running, clock, networks, handsets, complaints, stuck, advance },
    async allAsleep(some = handsets) {
      for (let waitedMs = 0; some.some((handset) => handset.isConnected()); waitedMs += 1_000) {
        if (waitedMs > sleepMsMax) throw new Error('some handsets are never put to sleep');
        await advance(1_000, 1_000);
      }
    },
    async put(targets, version, appServer = '127.0.0.1') {
      const paths = targets.map(({ endpoint = '' }) => new URL(endpoint).pathname);
      await during(clock, appServers.put(appServer, paths, version));
      await settled();
    },
    wakeups: (network, outcome) =>
      running.metric(`reveille_central_wakeups_total{network="${network}",outcome="${outcome}"}`),
  };
}

function configOf(
  networks: readonly SimulatedNetwork[],
  { central }: SimulatorOptions,
): ConfigTree {
  return {
    networks: networks.map(({ config }) => config),
    // Real time: no answer takes so long, and nobody waits for one that never comes.
    gatewayTimeoutMs: 60_000,
    // Time stands still while they all say hello and app servers send.
    ...{ hellosPerSecond: 1_000_000, requestsPerAddressPerSecond: 1_000_000 },
    ...central,
  };
}

interface Parts {
  running: RunningCentral;
  bustle: Bustle;
  clock: ManualClock;
  stuck: ReadonlySet<string>;
}

/** How often everything must be found at rest before it is. */
const quietRounds = 2;

async function untilAtRest(parts: Parts): Promise<void> {
  for (let quiet = 0; quiet < quietRounds; ) {
    quiet = (await during(parts.clock, isAtRest(parts))) ? quiet + 1 : 0;
  }
}

/** Nothing waits for an answer, and nothing happened while central was asked. */
async function isAtRest({ running, bustle, stuck }: Parts): Promise<boolean> {
  const { central, watch } = running;
  const happened = () => bustle.pulses() + watch.lines.length;
  const before = happened();
  // The store answers in turn: when the page is there, what was asked of it before is done.
  await (await fetch(`${central.adminUrl}/devices`)).arrayBuffer();
  const answer = await fetch(`${central.adminUrl}/networks`);
  const { networks } = (await answer.json()) as {
    networks: { network: string; underWay: number }[];
  };
  const isIdle = networks.every(({ network, underWay }) => underWay === 0 || stuck.has(network));
  return isIdle && bustle.open() === 0 && before === happened();
}
