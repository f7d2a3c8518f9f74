// What central is without its doors: the store, who is connected, and how a stored version reaches its device.
import type { Clock } from '../shared/clock.js';
import type { Closing } from '../shared/lifecycle.js';
import type { Log } from '../shared/log.js';
import { networkKeyOf } from '../shared/network.js';
import type { CentralConfig } from './config.js';
import { countedStore } from './counted-store.js';
import { createDeliver } from './deliver/deliver.js';
import { watchExpiry } from './deliver/expiry.js';
import { watchVacancy } from './deliver/vacancy.js';
import type { CentralMetrics } from './metrics.js';
import { createLocalPresence } from './presence/local.js';
import { createIds } from './protocol/ids.js';
import type { Settings } from './settings.js';
import { openStore } from './store/open.js';
import { type OperatorOptions, type OperatorSetting, openOperators } from './wakeup/operators.js';
import { openWaking } from './waking.js';

/** Opens the store and the gateways. Rejects with what to do when the store cannot be opened. */
export async function openCore(options: {
  settings: Settings;
  metrics: CentralMetrics;
  closing: Closing;
  clock: Clock;
  log: Log;
}) {
  const { settings, metrics, closing, clock, log } = options;
  const { config } = settings;
  const openGateways = (from: Settings) => openOperators(operatorOptions(from, clock, log));

  const opened = await openStore({
    ...config.store,
    nowMs: clock.now(),
    queueMax: config.storeQueueMax,
  });
  const store = countedStore(opened, metrics.messages);
  closing.add('store', () => store.close());
  closing.add('wakeups under way', () => waking.wake.ended());
  let operators = openGateways(settings);
  let isClosed = false;
  closing.add('gateways', () => {
    isClosed = true;
    return operators.close();
  });
  const gatewaysAsked = Promise.race([
    operators.asked,
    new Promise<void>((resolve) => clock.after(config.gatewayTimeoutMs, resolve)),
  ]);
  const networks = () => operators.networks;

  const presence = createLocalPresence();
  const ids = createIds(settings.secretKey);
  const waking = openWaking({
    ...{ store, presence, ids, networks, metrics, limits: config, clock, log },
    isAsked: () => operators.isAsked(),
  });
  closing.add('waking', () => waking.close());
  const expiry = watchExpiry({
    ...{ store, clock, log, messageStatusMs: config.messageStatusMs },
    countExpired: (messages) => metrics.messages.ended('expired', messages),
  });
  closing.add('expiry', () => expiry.close());
  const vacancy = watchVacancy({
    ...{ store, presence, clock, log, vacantDeviceMs: config.vacantDeviceMs },
    countForgotten: () => metrics.devicesForgotten.inc(),
  });
  closing.add('vacancy', () => vacancy.close());
  const deliver = createDeliver({
    presence,
    wake: waking.wake,
    log,
    countPath: (path) => metrics.notifications.inc({ path }),
    countReplaced: (network) => metrics.wakeups.inc({ network, outcome: 'replaced' }),
  });

  return {
    ids,
    store,
    presence,
    networks,
    waking,
    deliver,
    /** Resolves when every gateway was asked once after the start, or `gatewayTimeoutMs` later. */
    gatewaysAsked,
    /** Changes to other gateways once those have been asked, so that no device finds its network gone. */
    async replaceGateways(next: Settings): Promise<void> {
      const opened = openGateways(next);
      await opened.asked;
      if (isClosed) return opened.close();
      const replaced = operators;
      operators = opened;
      await replaced.close();
    },
  };
}

/** The networks of a configuration under their keys. */
export function configuredNetworks(config: CentralConfig): OperatorSetting[] {
  return config.networks.flatMap(({ network, netid, gateways, ...rest }) => {
    const key = networkKeyOf(network, netid);
    const { ranges, egress, wakeupsPerSecond, legacyTrust = config.legacyTrust } = rest;
    const gatewayUrls = gateways.map(({ url }) => url);
    return key ? [{ key, ranges, egress, wakeupsPerSecond, legacyTrust, gatewayUrls }] : [];
  });
}

function operatorOptions({ config, gateways, signingKeys }: Settings, clock: Clock, log: Log) {
  const { gatewayTimeoutMs: timeoutMs, gatherMs, wakeupsMax, gatewayPollMs: pollMs } = config;
  const limits = { timeoutMs, gatherMs, wakeupsMax };
  const settings = configuredNetworks(config);
  return { settings, gateways, signingKeys, limits, pollMs, clock, log } satisfies OperatorOptions;
}
