// The operator's kill switch on the admin listener: POST /pause and POST /resume, for everything or one network.
import type { IncomingMessage } from 'node:http';
import type { AdminRoutes } from '../shared/admin.js';
import { type Answer, isJson, json, problem, readBody } from '../shared/http.js';
import { type NetworkKey, parseNetworkKey } from '../shared/network.js';
import type { Pause, PauseSnapshot } from './policy/pause.js';

export const pauseActions = ['pause', 'resume'] as const;
export type PauseAction = (typeof pauseActions)[number];

/** What is asked for; no network is everything. */
export interface PauseRequest {
  network?: string;
}

/** What is paused now, each with the time it began. */
export interface PauseAnswer {
  all: string | null;
  networks: Record<string, string>;
  /** Why a restart will not remember it. */
  problem?: string;
}

const bodyBytesMax = 4096;

/** `served` are the networks of the running configuration. */
export function createPauseRoutes(
  pause: Pause,
  served: () => readonly { key: NetworkKey }[],
): AdminRoutes {
  async function answer(request: IncomingMessage, action: PauseAction): Promise<Answer> {
    if (!isJson(request)) {
      return refusal(415, 'unsupported-media-type', 'send content-type: application/json');
    }
    const body = await readBody(request, bodyBytesMax);
    if (typeof body === 'string') return refusal(413, 'body-too-large', 'send at most 4 KiB');
    const asked = readRequest(body);
    if (asked === undefined) {
      return refusal(400, 'malformed-request', 'write {} or {"network":"214-07"}');
    }
    const { network } = asked;
    if (network !== undefined && !isKnown(network)) {
      const keys = served().map(({ key }) => key);
      return refusal(404, 'network-unknown', `there is ${keys.join(', ')}`);
    }
    const done = pause[action](network);
    return json(200, { ...answerOf(pause.snapshot()), ...done } satisfies PauseAnswer);
  }

  /** One that was taken out of the configuration can still be resumed. */
  function isKnown(network: NetworkKey): boolean {
    return served().some(({ key }) => key === network) || pause.snapshot().networks.has(network);
  }

  return {
    'POST /pause': (request) => answer(request, 'pause'),
    'POST /resume': (request) => answer(request, 'resume'),
  };
}

function readRequest(body: Buffer): { network?: NetworkKey } | undefined {
  try {
    const asked: unknown = JSON.parse(body.toString());
    if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) return undefined;
    const names = Object.keys(asked);
    // A misspelt key would otherwise stop everything instead of one network, or wake more than was meant.
    if (names.some((name) => name !== 'network')) return undefined;
    if (names.length === 0) return {};
    const network = parseNetworkKey((asked as PauseRequest).network);
    return network && { network };
  } catch {
    // Told to the caller as a malformed request.
    return undefined;
  }
}

function answerOf({ allSinceMs, networks }: PauseSnapshot): PauseAnswer {
  const time = (ms: number) => new Date(ms).toISOString();
  return {
    all: allSinceMs === undefined ? null : time(allSinceMs),
    networks: Object.fromEntries([...networks].map(([key, sinceMs]) => [key, time(sinceMs)])),
  };
}

function refusal(status: number, type: string, detail: string): Answer {
  return problem({ status, type, title: 'Nothing was changed', detail });
}
