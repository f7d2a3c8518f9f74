// One network of the simulator: its gateways, which central has to know before it starts, and then its handsets.
import type { Log } from '../../../shared/log.js';
import type { ManualClock } from '../manual-clock.js';
import { type CentralFolder, type ConfigTree, networkThrough } from '../running-central.js';
import { openSimulatedGateway, type SimulatedGateway } from './gateways.js';
import { createHandset, type Handset, type HandsetParts, type HandsetPlan } from './handset.js';
import { createRandom } from './random.js';

export interface NetworkPlan extends Partial<Pick<HandsetPlan, 'proves' | 'loss' | 'delayMs'>> {
  /** MCC-MNC. */
  network: string;
  handsets: number;
  gateways?: number;
  /** Keys of the network in central's configuration. */
  central?: ConfigTree;
}

export interface SimulatedNetwork {
  name: string;
  gateways: SimulatedGateway[];
  handsets: Handset[];
  /** An address that no handset of it had before. */
  newIp(): string;
  /** The network as central is told of it. */
  config: ConfigTree;
  /** To be called once central listens. */
  addHandsets(url: string): void;
}

/** @param index of the network, 1 to 254: it owns 127.<index>.0.0/16. */
export async function openNetwork(
  plan: NetworkPlan,
  index: number,
  parts: Omit<HandsetParts, 'random'> & {
    seed: number;
    folder: CentralFolder;
    clock: ManualClock;
    log: Log;
  },
): Promise<SimulatedNetwork> {
  const { network, proves = false, loss = 0, delayMs = [0, 1] } = plan;
  const gateways = await Promise.all(
    Array.from({ length: plan.gateways ?? 1 }, (_, i) =>
      openSimulatedGateway({
        ...{ ...parts, name: `gateway-${index}-${i}`, network },
        ranges: [`127.${index}.0.0/16`],
      }),
    ),
  );
  const newIp = createPool(index);
  const urls = gateways.map(({ url }) => url);
  const handsets: Handset[] = [];
  return {
    ...{ name: network, gateways, handsets, newIp },
    // As fast as they come, unless a test says otherwise.
    config: networkThrough(urls, { network, wakeupsPerSecond: 100_000, ...plan.central }),
    addHandsets(url) {
      for (let i = 0; i < plan.handsets; i++) {
        // One's luck is no matter of who else was faster.
        const random = createRandom((parts.seed * 251 + index) * 100_003 + i);
        const own = { network, proves, loss, delayMs, ip: newIp(), url };
        handsets.push(createHandset(own, { ...parts, random }));
      }
    },
  };
}

/** Addresses of 127.<index>.0.0/16, each given once. */
function createPool(index: number): () => string {
  let given = 0;
  return () => {
    given += 1;
    return `127.${index}.${Math.floor(given / 250)}.${(given % 250) + 2}`;
  };
}
