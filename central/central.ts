// The composition root: opens central's parts, wires them, reloads them and closes them in reverse order.
import { openAdmin } from '../shared/admin.js';
import { type Clock, systemClock } from '../shared/clock.js';
import { messageOf } from '../shared/errors.js';
import { json } from '../shared/http.js';
import { createClosing } from '../shared/lifecycle.js';
import type { Log } from '../shared/log.js';
import { traces } from '../shared/traces.js';
import { version } from '../shared/version.js';
import { createRequestRate } from './app/request-rate.js';
import { createResources } from './app/resources.js';
import { createRouter } from './app/router.js';
import type { CentralConfig } from './config.js';
import { createConnections } from './connections.js';
import { configuredNetworks, openCore } from './core.js';
import { createAdmission } from './device/admission.js';
import { createDeadlines } from './device/deadlines.js';
import { drainTimes } from './device/drain.js';
import { createDeviceListener } from './device/listener.js';
import { dialects } from './dialects/dialects.js';
import { createMetrics, valuesBy } from './metrics.js';
import { aboutPage } from './ops/about.js';
import { commandRoutes } from './ops/commands.js';
import { createPeerOf } from './peer.js';
import { closeLabel } from './protocol/codes.js';
import { endpointUrl } from './protocol/endpoint.js';
import { keysForRestart } from './reload.js';
import { createPublicServer } from './server.js';
import type { Settings, SettingsResult } from './settings.js';

export interface CentralOptions {
  settings: Settings;
  /** Reads the configuration again, for a reload. */
  load: () => SettingsResult;
  log: Log;
  clock?: Clock;
  /** A listening socket to use instead of opening one. */
  listenFd?: number | undefined;
}

export interface Central {
  /** Where devices and app servers connect, with the real port. */
  url: string;
  adminUrl: string;
  /** Takes the configuration as it is now; a bad one changes nothing. Tells whether it was taken. */
  reload(): Promise<boolean>;
  /** Stops accepting, closes every socket and the store, each within `drainMs`. */
  close(): Promise<void>;
}

/** Builds a central and starts it. Rejects when it cannot open its store or cannot listen. */
export async function createCentral(options: CentralOptions): Promise<Central> {
  const { log, clock = systemClock } = options;
  const closing = createClosing({ log, clock, deadlineMs: options.settings.config.drainMs });
  try {
    return await start({ ...options, clock, closing, listenFd: options.listenFd });
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function start(
  options: Required<CentralOptions> & { closing: ReturnType<typeof createClosing> },
): Promise<Central> {
  const { settings, load, log, clock, closing } = options;
  const { config } = settings;
  const startedAtMs = clock.now();
  const metrics = createMetrics();
  const expectNetworks = (of: CentralConfig) =>
    metrics.expect(configuredNetworks(of).map(({ key }) => key));
  expectNetworks(config);
  const core = await openCore({ settings, metrics, closing, clock, log });
  const { ids, store, presence, networks, waking, deliver } = core;
  const { wake, books, proofs } = waking;
  let url = '';
  const baseUrl = () => config.publicUrl ?? url;
  let notServing: 'starting' | 'stopping' | undefined = 'starting';
  let reloading = Promise.resolve(true);

  // A store that does not answer is told by a metric of its own.
  const counts = () => store.counts().catch(() => undefined);
  const deadlines = createDeadlines(clock);
  closing.add('deadlines', () => deadlines.close());
  const peerOf = createPeerOf(config.trustedProxies);
  const admission = createAdmission({
    ratePerSecond: config.hellosPerSecond,
    clock,
    random: Math.random,
    countDeferred: () => metrics.hellosDeferred.inc(),
  });
  const devices = createDeviceListener({
    parts: {
      ...{ store, presence, ids, admission, deadlines, books, clock, log, limits: config },
      dialects,
      isWakeable: wake.isWakeable,
      trustOf: waking.trustOf,
      askProof: proofs.ask,
      isNonceOf: proofs.isNonceOf,
      noteProven: waking.noteProven,
      endpointUrl: (kind, token) => endpointUrl(baseUrl(), kind, token),
      count: (event) => metrics.deviceEvents.inc({ event }),
    },
    limits: config,
    peerOf,
    countClose: (code) => metrics.closes.inc({ code: closeLabel(code) }),
    countRefused: (reason) => metrics.refusedSockets.inc({ reason }),
  });
  const app = createResources({
    ...{ store, ids, presence, deliver, baseUrl, limits: config, clock },
  });
  const connections = createConnections({
    limits: config,
    countRefused: (reason) => metrics.refusedConnections.inc({ reason }),
  });
  const server = createPublicServer({
    tls: settings.tls,
    connections,
    onUpgrade: devices.onUpgrade,
    onRequest: createRouter({
      resources: app.resources,
      peerOf,
      takesRequest: createRequestRate({ perSecond: config.requestsPerAddressPerSecond, clock }),
      isPrompt: createRequestRate({ perSecond: config.bulkAbovePerSecond, clock }),
      count: (result) => metrics.puts.inc({ result }),
      log,
      pages: {
        '/about': async () => aboutPage(await facts()),
        '/status': () => {
          const problem = notServing ?? (store.problem() && 'store down');
          return problem ? json(503, { status: problem }) : json(200, { status: 'ok' });
        },
      },
    }),
  });
  metrics.observe({
    devicesConnected: presence.size,
    socketsOpen: devices.size,
    connectionsOpen: connections.size,
    networks: () => networks().report(),
    storeProblem: () => store.problem(),
    waking: wake.report,
    proofsUnanswered: proofs.unanswered,
    receiptWaiters: app.receipts.waiting,
    messagesPending: async () => (await counts())?.messages,
    wakeupCounts: () => store.wakeupCounts().catch(() => undefined),
  });

  const admin = await openAdmin({
    listen: config.admin,
    registry: metrics.registry,
    readiness: () => notServing ?? store.problem(),
    routes: commandRoutes({ ...core, wake, clock, wakeupLeaseMs: config.wakeupLeaseMs }),
    log,
  });
  closing.add('admin listener', () => admin.close(config.drainMs));
  // A crowd that comes back to networks nobody has asked for yet would keep all its sockets.
  await core.gatewaysAsked;
  url = await server.open({ ...config.listen, fd: options.listenFd });
  closing.add('listener', () => server.close(config.drainMs));
  // Whoever waits for a receipt would hold the listener until its deadline.
  closing.add('receipts', () => app.receipts.close());
  closing.add('devices', () => {
    // Whoever is woken from now on would find the door closed.
    waking.close();
    return devices.close(drainTimes(config));
  });
  wake.run();
  notServing = undefined;
  metrics.reloadSuccessful.set(1);
  log(traces.started, { program: 'central', version, url, admin: admin.url });
  return { url, adminUrl: admin.url, reload, close };

  async function facts() {
    return {
      ...{ startedAtMs, nowMs: clock.now() },
      socketsOpen: devices.size(),
      devicesConnected: presence.size(),
      notifications: await valuesBy(metrics.notifications, 'path'),
      networks: networks().report(),
      counts: await counts(),
    };
  }

  /** One after the other: of two at once, the later one's configuration must stay. */
  function reload(): Promise<boolean> {
    reloading = reloading.then(takeConfiguration).catch((error: unknown) => {
      metrics.reloadSuccessful.set(0);
      log(traces.reloadFailed, { problems: [messageOf(error)] });
      return false;
    });
    return reloading;
  }

  async function takeConfiguration(): Promise<boolean> {
    const loaded = load();
    metrics.reloadSuccessful.set(loaded.settings ? 1 : 0);
    if (!loaded.settings) {
      log(traces.reloadFailed, { problems: loaded.problems });
      return false;
    }
    const next = loaded.settings;
    if (next.tls) server.setTls(next.tls);
    log.setLevel(next.config.log.level);
    await core.replaceGateways(next);
    expectNetworks(next.config);
    const keys = keysForRestart(config, next.config);
    if (keys.length > 0) log(traces.reloadIgnored, { keys });
    log(traces.reloaded);
    return true;
  }

  function close(): Promise<void> {
    if (notServing !== 'stopping') log(traces.stopping);
    notServing = 'stopping';
    return closing.close();
  }
}
