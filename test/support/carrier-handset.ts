// A handset in its namespace: the command as a process, known by the events it prints, each taken once and in order.
import { type JsonLine, startProgram } from '../../dev/programs.js';
import { readLines } from './carrier-lines.js';
import type { Namespace } from './carrier-namespaces.js';
import { centralAddresses, devicePort, type HandsetName, wakePort } from './carrier-plan.js';
import { lossRules } from './carrier-rules.js';
import { carrierNetwork } from './carrier-site.js';

export interface CarrierHandset {
  name: HandsetName;
  namespace: Namespace;
  endpoint: string;
  /** The status of its first hello. */
  status: number;
  /** The next event of this name that was not taken yet. Rejects when it takes too long. */
  next(event: string): Promise<JsonLine>;
  /** How many events of this name there were, taken or not. */
  count(event: string): number;
  /** Loses this share of the datagrams for it from now on. */
  lose(percent: number): void;
  stop(): Promise<unknown>;
}

export interface HandsetPlan {
  protocol?: 'udp' | 'tcp';
  netid?: string;
  /** It can neither prove its address nor know its own central's wakeups. */
  isLegacy?: boolean;
}

/** Starts a handset and waits until it has its endpoint. */
export async function startCarrierHandset(
  name: HandsetName,
  namespace: Namespace,
  { protocol = 'udp', netid, isLegacy = false }: HandsetPlan,
): Promise<CarrierHandset> {
  const host = name === 'handset-v6' ? `[${centralAddresses.v6}]` : centralAddresses.v4;
  const place = ['--central', `ws://${host}:${devicePort}`, '--network', carrierNetwork];
  const pool = netid === undefined ? [] : ['--netid', netid];
  const kind = isLegacy ? ['--legacy'] : [];
  const port = ['--port', String(wakePort)];
  const args = [...place, ...pool, ...kind, '--protocol', protocol, ...port, '--json'];
  const program = startProgram('handset', args, namespace.via);
  const lines = readLines(program);
  const next = (event: string) =>
    lines.next((line) => line.event === event, `${name}: no event ${event}`);
  const { status } = await next('hello');
  const { pushEndpoint } = await next('endpoint');
  return {
    ...{ name, namespace, endpoint: String(pushEndpoint), status: Number(status) },
    next,
    count: (event) => lines.count((line) => line.event === event),
    lose: (percent) => namespace.nft(lossRules(percent)),
    stop: () => program.stop(),
  };
}
