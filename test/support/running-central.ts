// A central in this process: a folder with real keys and a real configuration file, real sockets on loopback, and a
// clock moved by hand or the system's.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Central, createCentral } from '../../central/central.js';
import { keygen } from '../../central/commands/keygen.js';
import { loadSettings } from '../../central/settings.js';
import type { Clock } from '../../shared/clock.js';
import { newKeyPair, writeNewFiles } from '../../shared/keygen.js';
import type { Log, LogFields } from '../../shared/log.js';
import type { Trace } from '../../shared/traces.js';
import { type NamedKey, readPrivateKeys, readPublicKeys } from '../../shared/wakeup/keys.js';
import { createManualClock, type ManualClock } from './manual-clock.js';
import { openScriptedGateway, type ScriptedGateway } from './scripted-gateway.js';

interface Teardown {
  teardown(fn: () => unknown): unknown;
}

export type ConfigTree = Record<string, unknown>;

export interface CentralFolder {
  path: string;
  configFile: string;
  /** Private half of the key that gateways answer with. */
  gatewayKey: NamedKey;
  /** Public half of the key that central signs with. */
  centralKeys: NamedKey[];
  /** Writes the configuration, these keys over the base of every test. */
  write(config: ConfigTree): void;
}

/** Keys and a configuration: loopback listeners on free ports, the store in memory, no network. */
export function createCentralFolder(t: Teardown, config: ConfigTree = {}): CentralFolder {
  const path = mkdtempSync(join(tmpdir(), 'reveille-central-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  keygen(path, { print: () => {}, complain: () => {} });
  const gatewayFiles = newKeyPair('gateway');
  writeNewFiles(path, gatewayFiles);
  const configFile = join(path, 'central.yaml');
  const write = (changes: ConfigTree) =>
    writeFileSync(configFile, stringify({ ...baseConfig, ...changes }));
  write(config);
  return {
    path,
    configFile,
    gatewayKey: only(readPrivateKeys(String(gatewayFiles[0]?.content))),
    centralKeys: readPublicKeys(readFileSync(join(path, 'central.pub.pem'), 'utf8')),
    write,
  };
}

const baseConfig: ConfigTree = {
  listen: '127.0.0.1:0',
  admin: '127.0.0.1:0',
  secretKeyFile: 'secret.key',
  signingKeyFile: 'central.key.pem',
  store: 'sqlite::memory:',
  drainMs: 1_000,
  drainSpreadMs: 0,
  // Wakeups go at once: a clock moved by hand stands still while they would gather.
  gatherMs: 0,
};

/** A network of the configuration that is woken through these gateways. */
export function networkThrough(urls: string | string[], changes: ConfigTree = {}): ConfigTree {
  const gateways = [urls].flat().map((url) => ({ url, publicKeyFile: 'gateway.pub.pem' }));
  return { network: '214-07', gateways, ...changes };
}

export interface LogWatch {
  log: Log;
  lines: { trace: Trace; fields: LogFields }[];
  count(trace: Trace): number;
  /** Resolves when a trace was logged this many times in all. */
  logged(trace: Trace, times?: number): Promise<void>;
}

/** A log that keeps its lines and tells when they come. */
export function createLogWatch(): LogWatch {
  const lines: LogWatch['lines'] = [];
  const waiting: { trace: Trace; times: number; resolve: () => void }[] = [];
  const count = (trace: Trace) => lines.filter((line) => line.trace.id === trace.id).length;
  const log = (trace: Trace, fields: LogFields = {}): void => {
    lines.push({ trace, fields });
    for (const waiter of waiting) if (count(waiter.trace) >= waiter.times) waiter.resolve();
  };
  return {
    log: Object.assign(log, { setLevel: () => {} }),
    lines,
    count,
    logged: (trace, times = 1) =>
      count(trace) >= times
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ trace, times, resolve })),
  };
}

export interface RunningCentral {
  central: Central;
  url: string;
  folder: CentralFolder;
  watch: LogWatch;
  /** The value of a metric's line, such as `reveille_central_closes_total{code="4774"}`; 0 when there is none. */
  metric(line: string): Promise<number>;
}

export async function startCentral(
  t: Teardown,
  options: { config?: ConfigTree; folder?: CentralFolder; clock?: Clock } = {},
): Promise<RunningCentral> {
  const { config = {}, folder = createCentralFolder(t, config), clock } = options;
  if (options.folder && options.config) folder.write(config);
  const load = () => loadSettings(folder.configFile, {});
  const { settings, problems } = { problems: [], ...load() };
  if (!settings) throw new Error(problems.join('\n'));
  const watch = createLogWatch();
  const { log } = watch;
  const central = await createCentral({ settings, load, log, ...(clock && { clock }) });
  t.teardown(() => central.close());
  const metric = async (line: string): Promise<number> => {
    const text = await (await fetch(`${central.adminUrl}/metrics`)).text();
    const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
    return found === undefined ? 0 : Number(found.slice(line.length + 1));
  };
  return { central, url: central.url, folder, watch, metric };
}

export interface WakingCentral extends RunningCentral {
  gateway: ScriptedGateway;
  clock: ManualClock;
}

/**
 * Central with a manual clock and one scripted gateway, which has already told what it serves. It is asked again in
 * an hour only: an answer under way while a test moves the clock on would be too old to be believed.
 */
export async function startWakingCentral(
  t: Teardown,
  config: ConfigTree = {},
  network: ConfigTree = {},
): Promise<WakingCentral> {
  const clock = createManualClock();
  const folder = createCentralFolder(t);
  const { gatewayKey: key, centralKeys: callers } = folder;
  const gateway = await openScriptedGateway(t, { key, callers, clock });
  const networks = [networkThrough(gateway.url, network)];
  const running = await startCentral(t, {
    folder,
    clock,
    config: { networks, gatewayPollMs: 3_600_000, ...config },
  });
  await isOnline(running);
  return { ...running, gateway, clock };
}

/** Resolves when every network of central can be woken. */
export async function isOnline({ central }: RunningCentral): Promise<void> {
  for (;;) {
    const { networks } = (await (await fetch(`${central.adminUrl}/networks`)).json()) as {
      networks: { isOnline: boolean }[];
    };
    if (networks.every((network) => network.isOnline)) return;
  }
}

/**
 * Waits while time stands still but what is due now is done: timers of 0 ms would otherwise wait for the next move
 * of the clock.
 */
export async function during<T>(clock: ManualClock, waiting: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  waiting.then(over, over);
  while (!isOver) {
    clock.advance(0);
    // Not at once again: what is waited for needs the processor.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return waiting;
}

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error('nothing there');
  return first;
}
