// The composition root: builds the gateway's parts, wires them, reloads them and closes them in reverse order.
import { openAdmin } from '../shared/admin.js';
import { type Clock, systemClock } from '../shared/clock.js';
import { messageOf } from '../shared/errors.js';
import { createClosing } from '../shared/lifecycle.js';
import type { Log } from '../shared/log.js';
import { traces } from '../shared/traces.js';
import { version } from '../shared/version.js';
import { createListener } from './api/listener.js';
import { createNetworks } from './api/networks.js';
import { createResults } from './api/results.js';
import { createRouter } from './api/router.js';
import { createHear, createSignsHandler } from './api/signs.js';
import { createWake } from './api/wake.js';
import { createWakeups } from './api/wakeups.js';
import type { GatewayConfig } from './config.js';
import { createMetrics, type Names } from './metrics.js';
import { createActivity } from './ops/activity.js';
import { createFacts } from './ops/facts.js';
import { createConfigurationHistory } from './ops/in-force.js';
import { createLevels } from './ops/levels.js';
import { opsRoutes } from './ops/routes.js';
import { createPauseRoutes } from './pause-routes.js';
import { createPacing } from './policy/pacing.js';
import { createPause } from './policy/pause.js';
import { createSigns } from './policy/signs.js';
import { keysForRestart } from './reload.js';
import { createRules } from './rules.js';
import { createTcpSender } from './senders/tcp.js';
import { createUdpSender } from './senders/udp.js';
import type { Settings, SettingsResult } from './settings.js';
import { createAuthenticate } from './trust/authenticate.js';
import { createReplayGuard } from './trust/replay-guard.js';

export interface GatewayOptions {
  settings: Settings;
  /** Reads the configuration again, for a reload. */
  load: () => SettingsResult;
  log: Log;
  clock?: Clock;
  /** A listening socket to use instead of opening one. */
  listenFd?: number | undefined;
}

export interface Gateway {
  /** The wakeup API's URL, with the real port. */
  url: string;
  adminUrl: string;
  /** Takes the configuration as it is now; a bad one changes nothing. Tells whether it was taken. */
  reload(): boolean;
  /** Stops accepting, answers what is under way, and closes everything within `drainMs`. */
  close(): Promise<void>;
}

/** Builds a gateway and starts it. Rejects when it cannot listen. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { settings, load, log, clock = systemClock } = options;
  const { config } = settings;
  const startMs = clock.now();
  const closing = createClosing({ log, clock, deadlineMs: config.drainMs });
  const activity = createActivity(clock);
  const metrics = activity.watch(createMetrics());
  const configuration = createConfigurationHistory(settings, clock);
  const parts = createParts(settings, clock);
  const { guard, results, pacing, senders } = parts;
  const pause = createPause({ stateFile: settings.stateFile, clock, log });
  let isDraining = false;
  let drainEndMs = 0;
  const drainLeftMs = () => Math.max(0, drainEndMs - clock.now());

  const listener = createListener({
    ...config,
    listen: { ...config.listen, fd: options.listenFd },
    tls: settings.tls,
    isDraining: () => isDraining,
    onDropped: metrics.connectionDropped,
  });
  const { scheme } = listener;
  let rules = createRules(settings, scheme);
  let ownAuthority: ReadonlySet<string> = new Set();
  const authorities = () => (rules.authorities.size > 0 ? rules.authorities : ownAuthority);

  const isAllPaused = () =>
    pause.isPaused() || rules.networks.every(({ key }) => pause.isPaused(key));
  const signs = createSigns({ clock, ...config, onDropped: metrics.signDropped });
  const hear = createHear({ signs, metrics, log });
  const wake = createWake({ senders, pause, pacing, hear, metrics, clock, log });
  const router = createRouter({
    handlers: {
      wakeups: createWakeups({ wake, results, metrics, log }),
      networks: createNetworks(pause),
      signs: createSignsHandler(signs),
    },
    authenticate: createAuthenticate({
      keyring: () => rules.keyring,
      guard,
      clock,
      startMs,
      authorities,
    }),
    rules: () => rules,
    isDraining: () => isDraining,
    isPaused: isAllPaused,
    ...{ scheme, startMs, metrics, clock, log },
  });
  const levels = createLevels({
    ...config,
    ...{ activity, configuration, isPaused: pause.isPaused, rules: () => rules },
    pacing: pacing.size,
    replayGuard: guard.size,
    results: results.size,
    connections: listener.connections,
    underWay: (protocol) => senders[protocol].underWay(),
    signSockets: senders.udp.listening,
    signTargets: signs.targets,
  });
  metrics.observe(levels);
  metrics.expect(namesOf(config));

  const admin = await openAdmin({
    listen: config.admin,
    registry: metrics.registry,
    readiness: () => {
      if (isDraining) return 'draining';
      if (isAllPaused()) return `paused ${causes[pause.snapshot().cause]}`;
      if (guard.isFull()) return 'the replay guard is full';
      // Every request of now is dated before the start and refused.
      return clock.now() < startMs ? 'the clock was set back to before the start' : undefined;
    },
    log,
    routes: {
      ...createPauseRoutes(pause, () => rules.networks),
      ...opsRoutes(
        createFacts({
          ...{ clock, startMs, activity, configuration, levels, authorities },
          pause: pause.snapshot,
          isDraining: () => isDraining,
        }),
      ),
    },
  });
  closing.add('admin listener', () => admin.close(0));
  closing.add('udp sender', () => senders.udp.close(drainLeftMs()));
  closing.add('tcp sender', () => senders.tcp.close(drainLeftMs()));

  try {
    const url = await listener.open(router);
    closing.add('listener', () => listener.close(drainLeftMs()));
    ownAuthority = new Set([new URL(url).host]);
    metrics.reloaded(true, startMs);
    for (const warning of settings.warnings) log(traces.configWarning, { warning });
    log(traces.started, { program: 'gateway', version, url, admin: admin.url });
    return { url, adminUrl: admin.url, reload, close };
  } catch (error) {
    await closing.close();
    throw error;
  }

  function reload(): boolean {
    const problems = tryReload();
    metrics.reloaded(problems.length === 0, clock.now());
    if (problems.length === 0) {
      log(traces.reloaded);
      return true;
    }
    configuration.refuse(problems);
    log(traces.reloadFailed, { problems });
    return false;
  }

  /** Why the configuration was not taken. Nothing that goes wrong here may end a gateway that works. */
  function tryReload(): string[] {
    try {
      const { settings: next, problems = [] } = { problems: [], ...load() };
      if (next) take(next);
      return problems;
    } catch (error) {
      return [messageOf(error)];
    }
  }

  function take(next: Settings): void {
    const names = namesOf(next.config);
    if (next.tls) listener.setTls(next.tls);
    rules = createRules(next, scheme);
    results.keepOnly(names.centrals);
    signs.keepOnly(names.centrals);
    pacing.keepOnly(names);
    activity.keepOnly(names);
    metrics.expect(names);
    log.setLevel(next.config.log.level);
    const keys = keysForRestart(config, next.config);
    const told = new Set(configuration.current().settings.warnings);
    configuration.take(next, keys);
    if (keys.length > 0) log(traces.reloadIgnored, { keys });
    for (const warning of next.warnings) {
      if (!told.has(warning)) log(traces.configWarning, { warning });
    }
  }

  function close(): Promise<void> {
    if (!isDraining) {
      isDraining = true;
      drainEndMs = clock.now() + config.drainMs;
      log(traces.stopping);
    }
    return closing.close();
  }
}

/** Why everything is paused, for whoever asks whether the gateway is ready. */
const causes = {
  operator: 'by the operator',
  'state-file': 'until the operator resumes, for the state file could not be read',
};

/** The parts that outlive a reload: what they remember must not be lost with a configuration. */
function createParts({ config }: Settings, clock: Clock) {
  return {
    guard: createReplayGuard({ clock, ...config }),
    results: createResults({ clock, ...config }),
    pacing: createPacing({ clock, ...config }),
    senders: {
      udp: createUdpSender({ clock, ...config }),
      tcp: createTcpSender({ clock, ...config }),
    },
  };
}

function namesOf({ networks, centrals }: GatewayConfig): Names {
  return {
    networks: new Set(networks.map(({ key }) => key)),
    centrals: new Set(centrals.map(({ id }) => id)),
  };
}
