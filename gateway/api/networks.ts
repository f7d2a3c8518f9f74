// GET /v1/networks: what this gateway serves, as far as the caller may use it.
import { json } from '../../shared/http.js';
import { plmnOf } from '../../shared/network.js';
import type { ServedNetwork } from '../../shared/wakeup/request.js';
import type { Pause } from '../policy/pause.js';
import type { Rules } from '../rules.js';
import type { Central } from '../trust/keyring.js';
import type { Handler } from './handler.js';

export function createNetworks(pause: Pause): Handler {
  return async ({ central, rules }) => {
    const networks = servedTo(central, rules, pause);
    return { answer: json(200, { networks }), logged: { networks: networks.length } };
  };
}

function servedTo({ networks: scope }: Central, rules: Rules, pause: Pause): ServedNetwork[] {
  return rules.networks
    .filter(({ key }) => scope === undefined || scope.has(key))
    .map(({ key, netid, ranges, protocols, ports }) => ({
      network: plmnOf(key),
      netid,
      ranges: ranges.map(({ text }) => text),
      protocols: [...protocols],
      ports: ports.map(({ first, last }) => `${first}-${last}`),
      // Nobody is woken now: a central that believed otherwise would close sockets for good.
      online: !rules.isDryRun(key) && !pause.isPaused(key),
    }));
}
