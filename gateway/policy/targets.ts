// Which targets a central seemed to reach, and how: what a host says against a wakeup may be told of these alone, or
// a central could ask for one port after the other and learn from the answers which of them are open.
import type { Address } from '../../shared/address.js';
import type { NetworkKey } from '../../shared/network.js';
import { handsetOf } from '../../shared/places.js';
import type { Protocol } from '../../shared/wakeup/request.js';
import { createRecent, type Recent } from './recent.js';

/** Where a wakeup went. */
export interface SentTo {
  network: NetworkKey;
  address: Address;
  port: number;
  protocol: Protocol;
}

/** What becomes of a wakeup that nothing was said against. */
export type Reach = 'remembered' | 'doubted' | 'full';
/** What becomes of a refusal. */
export type Refusal = 'told' | 'withheld';

export interface Targets {
  /** `doubted`: silence of this handset proves nothing. `full`: there is no room for another target. */
  reach(target: SentTo): Reach;
  /** `told`: the target had seemed to be reached, and this is the first refusal since. */
  refuse(target: SentTo): Refusal;
  size(): number;
}

export function createTargets(options: {
  /** Time that only goes forward. */
  now: () => number;
  signTargetsMax: number;
  signTargetLifeMs: number;
}): Targets {
  const { now, signTargetsMax, signTargetLifeMs } = options;
  const targets: Recent<{ seemsOpen: boolean; atMs: number }> = createRecent();
  /**
   * Handsets that refused a wakeup out of the blue. Datagrams and refusals are lost, and systems limit how many
   * refusals they send (RFC 1812 section 4.3.2.8): who asks for many ports would find closed ones that seem reached.
   */
  const doubted: Recent<{ atMs: number }> = createRecent();

  function alive<T extends { atMs: number }>(recent: Recent<T>, name: string): T | undefined {
    recent.age(now(), signTargetLifeMs);
    const found = recent.get(name);
    return found && found.atMs + signTargetLifeMs > now() ? found : undefined;
  }

  const isFull = () => targets.size() + doubted.size() >= signTargetsMax;

  return {
    reach(target) {
      const name = nameOf(target);
      if (alive(doubted, handsetNameOf(target))) return 'doubted';
      if (!alive(targets, name) && isFull()) return 'full';
      targets.put(name, { seemsOpen: true, atMs: now() }, now());
      return 'remembered';
    },
    refuse(target) {
      const name = nameOf(target);
      const handset = handsetNameOf(target);
      const isDoubted = alive(doubted, handset) !== undefined;
      const known = alive(targets, name);
      if (known) {
        targets.put(name, { seemsOpen: false, atMs: now() }, now());
        return known.seemsOpen && !isDoubted ? 'told' : 'withheld';
      }
      // Where there is no room to doubt, there is none for a target of this handset either.
      if (isDoubted || !isFull()) doubted.put(handset, { atMs: now() }, now());
      return 'withheld';
    },
    size() {
      for (const recent of [targets, doubted]) recent.age(now(), signTargetLifeMs);
      return targets.size() + doubted.size();
    },
  };
}

/** The protocol too: a UDP port that is silent must not make its TCP port tell. */
function nameOf({ network, address, port, protocol }: SentTo): string {
  return `${network} ${address.text} ${port} ${protocol}`;
}

function handsetNameOf({ network, address, port }: SentTo): string {
  return `${network} ${handsetOf(address, port)}`;
}
