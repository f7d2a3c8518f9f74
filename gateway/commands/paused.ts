// Whether the kill switch is on, for commands that run beside the gateway: the running one knows, and where none
// answers, what it would remember.
import { urlHere } from '../../shared/http.js';
import type { NetworkKey } from '../../shared/network.js';
import { readMemory } from '../policy/pause-file.js';
import type { Settings } from '../settings.js';

const timeoutMs = 2000;

/** What the admin listener's `GET /ops.json` answers, as far as it is read here: commands know it as any client does. */
interface RunningState {
  networks: { network: string; isPaused: boolean }[];
}

/** Why nothing is to be sent in a network; `undefined` when it may. */
export async function whyPaused(
  { config, stateFile }: Settings,
  network: NetworkKey,
): Promise<string | undefined> {
  const advice = 'run reveille-gateway resume to send';
  const running = await askRunning(`${urlHere(config.admin)}/ops.json`, network);
  if (running !== undefined) return running ? advice : undefined;
  const memory = readMemory(stateFile);
  if (typeof memory === 'string') return memory;
  return memory.allSinceMs !== undefined || memory.networks.has(network) ? advice : undefined;
}

/** `undefined` where nobody who knows this network answers. */
async function askRunning(url: string, network: NetworkKey): Promise<boolean | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    const { networks } = (await response.json()) as RunningState;
    return networks.find((served) => served.network === network)?.isPaused;
  } catch {
    // Whether it does not run or does not answer as a gateway does: the file is asked.
    return undefined;
  }
}
