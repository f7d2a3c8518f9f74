// The operator's kill switch: while it is on, for everything or for one network, no wakeup is sent. It holds
// from the moment it is thrown, and over restarts.
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import type { Log } from '../../shared/log.js';
import type { NetworkKey } from '../../shared/network.js';
import { traces } from '../../shared/traces.js';
import { type PauseMemory, readMemory, whyNotWritable, writeMemory } from './pause-file.js';

export interface PauseSnapshot {
  /** Since when nothing at all is sent, in Unix milliseconds. */
  allSinceMs: number | undefined;
  /** Since when nothing is sent in each of these networks, whatever holds for all. */
  networks: ReadonlyMap<NetworkKey, number>;
  /** `state-file`: the file could not be read at the start, so that it is not known what was paused. */
  cause: 'operator' | 'state-file';
}

export interface Pause {
  /** Whether the wakeups of a network are put off; of no network: whether all are. Read at every wakeup. */
  isPaused(network?: NetworkKey): boolean;
  snapshot(): PauseSnapshot;
  /** Stops one network, or everything. `problem`: why a restart will not remember it. */
  pause(network?: NetworkKey): { problem?: string };
  /** Lets one network go on, or everything. A network does not go on while everything is stopped. */
  resume(network?: NetworkKey): { problem?: string };
}

/** Reads what was paused before. A file that cannot be understood means that everything is. */
export function createPause(options: { stateFile: string; clock: Clock; log: Log }): Pause {
  const { stateFile, clock, log } = options;
  const { memory, cause } = recall(options);
  let state: PauseSnapshot = { ...memory, cause };

  function become(next: Partial<PauseMemory>): { problem?: string } {
    // While everything stays paused for a file that cannot be read, that is still why.
    const isDecided = 'allSinceMs' in next;
    state = { ...state, ...next, cause: isDecided ? 'operator' : state.cause };
    try {
      writeMemory(stateFile, state);
      return {};
    } catch (error) {
      const problem = `${stateFile}: cannot be written (${messageOf(error)})`;
      log(traces.pauseForgotten, { problem, advice: 'let the service write its stateFile' });
      return { problem };
    }
  }

  return {
    isPaused: (network) =>
      state.allSinceMs !== undefined || (network !== undefined && state.networks.has(network)),
    snapshot: () => state,
    pause(network) {
      log(traces.paused, { network: network ?? 'all' });
      const nowMs = clock.now();
      if (network === undefined) return become({ allSinceMs: state.allSinceMs ?? nowMs });
      const sinceMs = state.networks.get(network) ?? nowMs;
      return become({ networks: new Map(state.networks).set(network, sinceMs) });
    },
    resume(network) {
      log(traces.resumed, { network: network ?? 'all' });
      if (network === undefined) return become({ allSinceMs: undefined, networks: new Map() });
      const networks = new Map(state.networks);
      networks.delete(network);
      return become({ networks });
    },
  };
}

function recall({ stateFile, clock, log }: Parameters<typeof createPause>[0]): {
  memory: PauseMemory;
  cause: PauseSnapshot['cause'];
} {
  const memory = readMemory(stateFile);
  if (typeof memory === 'string') {
    const advice = 'see what it should say, then run reveille-gateway pause or resume';
    log(traces.pauseUnknown, { problem: memory, advice });
    return { memory: { allSinceMs: clock.now(), networks: new Map() }, cause: 'state-file' };
  }
  const problem = whyNotWritable(stateFile);
  // Told at the start, for when the switch is needed it is too late to find out.
  if (problem !== undefined) log(traces.pauseForgetful, { problem });
  if (memory.allSinceMs !== undefined) log(traces.paused, { network: 'all' });
  for (const network of memory.networks.keys()) log(traces.paused, { network });
  return { memory, cause: 'operator' };
}
