// The networks of a paper site: two, one of them with two gateways, and the addresses that devices have and claim there.
import type { WakeupAddress } from '../../../central/protocol/messages.js';
import type { NetworkSetting } from '../../../central/wakeup/networks.js';
import { type NetworkKey, networkParts, parseNetworkKey } from '../../../shared/network.js';
import type { Wakeup } from '../../../shared/wakeup/request.js';
import { wakeupAddress } from '../central-samples.js';
import { createPaperGateway, type PaperGateway } from './paper-gateway.js';
import type { Turns } from './turns.js';

export interface PaperNetworks {
  settings: NetworkSetting[];
  /** Those of the first network are first. */
  gateways: PaperGateway[];
  /** As many in each network; those of the first are first. */
  places: WakeupAddress[];
}

const keys = ['214-07', '214-08'].map(parseNetworkKey).filter((key) => key !== undefined);

export function createPaperNetworks(options: {
  placesEach: number;
  turns: Turns;
  emit: (wakeup: Wakeup) => void;
}): PaperNetworks {
  const { placesEach, turns, emit } = options;

  function gatewayOf(key: NetworkKey, name: string): PaperGateway {
    const { netid } = networkParts(key);
    const served = { network: key, netid, ranges: ['10.0.0.0/8'], protocols: ['udp' as const] };
    return createPaperGateway({ name, networks: [{ ...served, online: true }], turns, emit });
  }

  const byNetwork = keys.map((key, i) => ({
    key,
    gateways: (i === 0 ? ['a', 'b'] : ['a']).map((name) => gatewayOf(key, `${key}.${name}`)),
  }));
  return {
    settings: byNetwork.map(({ key, gateways }) => ({
      ...{ key, ranges: undefined, legacyTrust: 'range', egress: [], wakeupsPerSecond: 1_000 },
      gateways: gateways.map(({ client }) => client),
    })),
    gateways: byNetwork.flatMap(({ gateways }) => gateways),
    places: keys.flatMap((network) =>
      Array.from({ length: placesEach }, (_, i) => wakeupAddress(`10.0.0.${i + 1}`, { network })),
    ),
  };
}
