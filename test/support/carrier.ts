// The carrier, running: central, gateways and handsets as processes in namespaces of their own. Ends with the test.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { type JsonLine, type Ready, startServer } from '../../dev/programs.js';
import { type Trace, traces } from '../../shared/traces.js';
import { type CarrierHandset, type HandsetPlan, startCarrierHandset } from './carrier-handset.js';
import { readLines } from './carrier-lines.js';
import {
  type Namespace,
  removeAbandonedNamespaces,
  removeOwnNamespaces,
} from './carrier-namespaces.js';
import type { HandsetName, NodeName, Pool } from './carrier-plan.js';
import { type CarrierSettings, gatewayUrl, writeCarrierSite } from './carrier-site.js';
import { buildTopology, type Topology } from './carrier-topology.js';

export interface Carrier {
  topology: Topology;
  namespace(node: NodeName): Namespace;
  gateway(pool: Pool): Ready;
  startHandset(name: HandsetName, plan?: HandsetPlan): Promise<CarrierHandset>;
  /** An app server beside central PUTs a version. Resolves to the status of the answer. */
  put(handset: CarrierHandset, version: number): Promise<number>;
  /** Says something once from inside a namespace (carrier-visitor.ts). */
  visit(node: NodeName, ...words: string[]): Promise<string>;
  /** The value of a line of central's metrics; 0 when there is none. */
  metric(line: string): Promise<number>;
  /** The next line of central's log of this trace that was not taken yet. Rejects when it takes too long. */
  says(trace: Trace, about?: JsonLine): Promise<JsonLine>;
}

const visitor = fileURLToPath(new URL('./carrier-visitor.js', import.meta.url));
const execute = promisify(execFile);

/** Builds the topology, starts central and the gateways, and waits until central knows what they serve. */
export async function startCarrier(
  t: Test,
  options: CarrierSettings & { pools?: readonly Pool[] } = {},
): Promise<Carrier> {
  const { pools = ['a'], ...settings } = options;
  const { folder, running } = prepare(t);
  const topology = buildTopology(pools);
  const namespace = (node: NodeName) => known(topology.nodes.get(node), node);
  const serve = async (name: 'central' | 'gateway', file: string, node: NodeName) => {
    const server = await startServer(name, file, namespace(node).via);
    running.push(server);
    return server;
  };

  const site = await writeCarrierSite({ folder, pools, settings });
  const gateways = new Map<Pool, Ready>();
  for (const pool of pools) {
    gateways.set(pool, await serve('gateway', site.gatewayFile(pool), `gateway-${pool}`));
  }
  const central = await serve('central', site.centralFile, 'central');
  const lines = readLines(central);

  const visit: Carrier['visit'] = async (node, ...words) => {
    const [command = '', ...args] = [...namespace(node).via, process.execPath, visitor, ...words];
    return (await execute(command, args)).stdout;
  };
  const says: Carrier['says'] = (trace, about = {}) => {
    const facts = Object.entries({ ...about, id: trace.id });
    const isIt = (line: JsonLine) => facts.every(([key, value]) => line[key] === value);
    return lines.next(isIt, `central does not say: ${trace.message}`);
  };
  await Promise.all(pools.map((pool) => says(traces.gatewayOnline, { gateway: gatewayUrl(pool) })));
  // A gateway refuses for 5 s after its start, and central complains.
  lines.skip();

  return {
    ...{ topology, namespace, visit, says },
    gateway: (pool) => known(gateways.get(pool), `gateway of pool ${pool}`),
    async startHandset(name, plan = {}) {
      const handset = await startCarrierHandset(name, namespace(name), plan);
      running.push(handset);
      return handset;
    },
    put: async ({ endpoint }, version) =>
      Number(await visit('central', 'put', endpoint, String(version))),
    async metric(line) {
      const text = await visit('central', 'get', `${central.adminUrl}/metrics`);
      const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
      return found === undefined ? 0 : Number(found.slice(line.length + 1));
    },
  };
}

/** A folder, and a list of what runs; both and the namespaces end with the test, whatever ends it. */
function prepare(t: Test) {
  removeAbandonedNamespaces();
  const folder = mkdtempSync(join(tmpdir(), 'reveille-carrier-'));
  const running: { stop(): Promise<unknown> }[] = [];
  const remove = () => {
    removeOwnNamespaces();
    rmSync(folder, { recursive: true, force: true });
  };
  t.teardown(async () => {
    await Promise.all(running.map(({ stop }) => stop()));
    remove();
  });
  // An exception or a signal ends a test without its teardown.
  process.once('exit', remove);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return { folder, running };
}

function known<T>(part: T | undefined, name: string): T {
  if (part === undefined) throw new Error(`there is no ${name} in this carrier`);
  return part;
}
