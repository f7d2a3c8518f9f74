// One gateway as central talks to it: many wakeups gather into one request, and each gets its own result.
import {
  networksPath,
  parseNetworks,
  parseResults,
  parseSigns,
  type ServedNetwork,
  signsPath,
  type Wakeup,
  type WakeupResult,
  type WakeupSign,
  wakeupsPath,
  wakeupsPerRequestMax,
} from '../../shared/wakeup/request.js';
import {
  createExchange,
  type ExchangeOptions,
  type GatewayError,
  gatewayError,
} from './gateway-exchange.js';

export interface GatewayOptions extends Omit<ExchangeOptions, 'connectionsMax'> {
  /** How long wakeups gather into one request, and longer while `requestsMax` requests are under way. */
  gatherMs: number;
  /** Wakeups that may wait or be under way; beyond, they fail with `gateway-busy`. */
  wakeupsMax: number;
}

export interface GatewayClient {
  url: string;
  /** What the gateway serves for us. Rejects with a GatewayError. */
  networks(): Promise<ServedNetwork[]>;
  /** What the network said against wakeups of ours lately. Rejects with a GatewayError. */
  signs(): Promise<WakeupSign[]>;
  /** Hands over one wakeup; it travels with others. Rejects with a GatewayError. */
  wake(wakeup: Wakeup): Promise<WakeupResult>;
  close(): Promise<void>;
}

interface Waiting {
  wakeup: Wakeup;
  resolve: (result: WakeupResult) => void;
  reject: (error: GatewayError) => void;
}

/** Requests with wakeups under way at a time, each on a connection of its own. */
const requestsMax = 4;
/** One more, so that asking for networks never waits behind wakeups. */
const connectionsMax = requestsMax + 1;

export function createGatewayClient(options: GatewayOptions): GatewayClient {
  const { clock, gatherMs, wakeupsMax } = options;
  const exchange = createExchange({ ...options, connectionsMax });
  const gathering: Waiting[] = [];
  /** The wakeups have gathered for long enough and wait for a request to end. */
  let isDue = false;
  let load = 0;
  let requests = 0;
  let closed: Promise<void> | undefined;

  function sendGathered(atATime = requestsMax): void {
    while (gathering.length > 0 && requests < atATime) {
      void sendBatch(gathering.splice(0, wakeupsPerRequestMax));
    }
    isDue = gathering.length > 0;
  }

  async function sendBatch(batch: Waiting[]): Promise<void> {
    requests += 1;
    try {
      const body = JSON.stringify({ wakeups: batch.map(({ wakeup }) => wakeup) });
      settle(batch, await exchange.post(wakeupsPath, body, parseResults));
    } catch (error) {
      fail(batch, error as GatewayError);
    } finally {
      requests -= 1;
      if (isDue) sendGathered();
    }
  }

  function settle(batch: Waiting[], results: WakeupResult[]): void {
    load -= batch.length;
    const byId = new Map(results.map((result) => [result.id, result]));
    for (const { wakeup, resolve, reject } of batch) {
      const result = byId.get(wakeup.id);
      if (result) resolve(result);
      else reject(gatewayError('gateway-refused', 'the answer leaves out a wakeup'));
    }
  }

  function fail(batch: Waiting[], error: GatewayError): void {
    // What waits behind a request without an answer would wait in vain: another gateway could be asked meanwhile.
    const isStuck = isDue && error.code === 'gateway-unreachable';
    const unsent = isStuck ? gathering.splice(0) : [];
    load -= batch.length + unsent.length;
    for (const { reject } of batch) reject(error);
    const stuck = gatewayError('gateway-down', 'an earlier request is without an answer');
    for (const { reject } of unsent) reject(stuck);
  }

  return {
    url: options.url,
    networks: () => exchange.get(networksPath, parseNetworks),
    signs: () => exchange.get(signsPath, parseSigns),
    wake(wakeup) {
      if (load >= wakeupsMax) {
        return Promise.reject(gatewayError('gateway-busy', `${wakeupsMax} wakeups are under way`));
      }
      load += 1;
      return new Promise((resolve, reject) => {
        gathering.push({ wakeup, resolve, reject });
        if (gathering.length === 1) clock.after(gatherMs, () => sendGathered());
      });
    },
    close() {
      // What was taken to be handed over is handed over, all at once: nothing is sent on a pool that closes.
      sendGathered(Number.POSITIVE_INFINITY);
      closed ??= exchange.close();
      return closed;
    },
  };
}
