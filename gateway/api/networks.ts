// GET /v1/networks: what this gateway serves, as far as the caller may use it.
import { json } from '../../shared/http.js';
import { plmnOf } from '../../shared/network.js';
import type { ServedNetwork } from '../../shared/wakeup/request.js';
import type { Rules } from '../rules.js';
import type { Central } from '../trust/keyring.js';
import type { Handler } from './handler.js';

export const handleNetworks: Handler = async ({ central, rules }) => {
  const networks = servedTo(central, rules);
  return { answer: json(200, { networks }), logged: { networks: networks.length } };
};

function servedTo({ networks: scope }: Central, { networks, dryRun }: Rules): ServedNetwork[] {
  return networks
    .filter(({ key }) => scope === undefined || scope.has(key))
    .map(({ key, netid, ranges, protocols }) => ({
      network: plmnOf(key),
      netid,
      ranges: ranges.map(({ text }) => text),
      protocols: [...protocols],
      // In a dry run nobody is woken: a central that believed otherwise would close sockets for good.
      online: !dryRun,
    }));
}
