// A gateway in this process: a folder with real keys and a real configuration file, a clock moved by hand,
// and a caller whose key it knows.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { loadSettings } from '../../gateway/settings.js';
import { newKeyPair, writeNewFiles } from '../../shared/keygen.js';
import type { Log, LogFields } from '../../shared/log.js';
import type { Trace } from '../../shared/traces.js';
import { type NamedKey, readPrivateKeys, readPublicKeys } from '../../shared/wakeup/keys.js';
import { type Caller, createCaller } from './gateway-caller.js';
import { createManualClock, type ManualClock } from './manual-clock.js';

/** The part of a test that cleans up after itself. */
export interface Teardown {
  teardown(fn: () => unknown): unknown;
}

export type ConfigTree = Record<string, unknown>;

export interface GatewayFolder {
  path: string;
  configFile: string;
  /** The keys of central `ns-1`, private half. */
  centralKey: NamedKey;
  /** What answers are checked with. */
  gatewayKeys: NamedKey[];
  write(config: ConfigTree): void;
  /** Makes `<name>.key.pem` and `<name>.pub.pem` and returns the private half. */
  addKey(name: string): NamedKey;
}

/** A loopback gateway with one network on 127.0.0.0/8 and ::1: whatever a test lets through stays on this host. */
export function baseConfig(): ConfigTree {
  return {
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    keyFile: 'gateway.key.pem',
    networks: [
      {
        network: '214-07',
        ranges: ['127.0.0.0/8', '::1/128'],
        protocols: ['udp', 'tcp'],
        // Tests wake one port again and again.
        handsetIntervalMs: 0,
      },
    ],
    centrals: [{ id: 'ns-1', publicKeyFile: 'ns-1.pub.pem' }],
    allowLoopbackTargets: true,
  };
}

export function createGatewayFolder(t: Teardown, config: ConfigTree = {}): GatewayFolder {
  const path = mkdtempSync(join(tmpdir(), 'reveille-gateway-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  const configFile = join(path, 'gateway.yaml');
  const write = (tree: ConfigTree) => writeFileSync(configFile, stringify(tree));
  const addKey = (name: string): NamedKey => {
    const files = newKeyPair(name);
    writeNewFiles(path, files);
    return only(readPrivateKeys(String(files[0]?.content)));
  };
  const gatewayPem = newKeyPair('gateway');
  writeNewFiles(path, gatewayPem);
  const centralKey = addKey('ns-1');
  write({ ...baseConfig(), ...config });
  const gatewayKeys = readPublicKeys(String(gatewayPem[1]?.content));
  return { path, configFile, centralKey, gatewayKeys, write, addKey };
}

export interface LoggedLine {
  trace: Trace;
  fields: LogFields;
}

/** A log that keeps its lines. */
export function createLogMemory(): { log: Log; lines: LoggedLine[]; has(trace: Trace): boolean } {
  const lines: LoggedLine[] = [];
  const log: Log = Object.assign(
    (trace: Trace, fields: LogFields = {}) => void lines.push({ trace, fields }),
    { setLevel: () => {} },
  );
  return { log, lines, has: (trace) => lines.some((line) => line.trace === trace) };
}

export interface RunningGateway {
  gateway: Gateway;
  clock: ManualClock;
  folder: GatewayFolder;
  lines: LoggedLine[];
  caller: Caller;
  /** What happens from now on before a configuration is read again. */
  onLoad(fn: () => void): void;
  /** Another caller, with another key. */
  callerWith(key: NamedKey): Caller;
  /** The value of a metric's line, such as `reveille_gateway_refusals_total{reason="port-not-allowed"}`. */
  metric(line: string): Promise<number>;
}

/** Starts a gateway; its clock then stands ten seconds after the start, past the rule for signatures before it. */
export async function startGateway(
  t: Teardown,
  config: ConfigTree = {},
  folder = createGatewayFolder(t, config),
): Promise<RunningGateway> {
  const clock = createManualClock();
  let beforeLoad = () => {};
  const load = () => {
    beforeLoad();
    return loadSettings(folder.configFile, {}, { isReload: true });
  };
  const loaded = loadSettings(folder.configFile, {});
  if (!loaded.settings) throw new Error(loaded.problems.join('\n'));
  const { log, lines } = createLogMemory();
  const gateway = await createGateway({ settings: loaded.settings, load, log, clock });
  t.teardown(() => gateway.close());
  clock.advance(10_000);
  const callerWith = (key: NamedKey): Caller => {
    const caller = createCaller({ url: gateway.url, keys: [key], clock });
    t.teardown(() => caller.close());
    return caller;
  };
  const metric = async (line: string): Promise<number> => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
    return found === undefined ? 0 : Number(found.slice(line.length + 1));
  };
  return {
    gateway,
    clock,
    folder,
    lines,
    onLoad: (fn) => {
      beforeLoad = fn;
    },
    caller: callerWith(folder.centralKey),
    callerWith,
    metric,
  };
}

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error('nothing there');
  return first;
}
