// The commands that ask a running central, through its admin listener: `networks`, `devices` and `wake`.
import { messageOf } from '../../shared/errors.js';
import { urlHere } from '../../shared/http.js';
import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import {
  type DevicesAnswer,
  devicesRoute,
  type NetworkAnswer,
  networksRoute,
  type WakeAnswer,
  wakeRoute,
} from '../ops/commands.js';
import { loadSettings } from '../settings.js';

const timeoutMs = 15_000;

interface Asking {
  file: string;
  env: NodeJS.ProcessEnv;
  output: Output;
}

/** A table of networks, their gateways and their state, and how waking goes there. */
export function showNetworks(asking: Asking): Promise<ExitCode> {
  return ask(asking, networksRoute, undefined, (answer) => {
    const { networks } = answer as { networks: NetworkAnswer[] };
    const rows = networks.flatMap((network) =>
      network.gateways.map(({ url, isReachable, error }) => [
        ...[network.network, network.isOnline ? 'online' : 'offline', url],
        ...[isReachable ? 'reachable' : (error ?? 'not reachable'), ...wakingCells(network)],
        ...[network.ranges.join(' ') || '-', network.protocols.join(' ') || '-'],
      ]),
    );
    const heads = ['NETWORK', 'STATE', 'GATEWAY', 'GATEWAY STATE', 'CIRCUIT', 'SUCCESS'];
    const others = ['LAST SUCCESS', 'QUEUE', 'RANGES', 'PROTOCOLS'];
    printTable(asking.output, [[...heads, ...others], ...rows]);
    return exitCodes.ok;
  });
}

function wakingCells({ circuit, successRatio, lastSuccessMs, owed }: NetworkAnswer): string[] {
  const ratio = successRatio === undefined ? '-' : `${Math.round(successRatio * 100)} %`;
  return [circuits[circuit], ratio, timeText(lastSuccessMs), String(owed ?? '-')];
}

/** Why devices keep their sockets, where they do. */
const circuits: Record<NetworkAnswer['circuit'], string> = {
  closed: 'closed',
  gateways: 'open: no gateway',
  silence: 'open: no device comes back',
};

/** A table of the devices that are dark. */
export function showDarkDevices(asking: Asking): Promise<ExitCode> {
  return ask(asking, devicesRoute, undefined, (answer) => {
    const { devices, isCut } = answer as DevicesAnswer;
    const rows = devices.map(({ uaid, network, sinceMs, reason, pending }) => [
      ...[uaid, network, timeText(sinceMs), reason, String(pending)],
    ]);
    printTable(asking.output, [['UAID', 'NETWORK', 'DARK SINCE', 'REASON', 'PENDING'], ...rows]);
    if (isCut) asking.output.print(`and more; reveille_central_devices_dark counts them all`);
    return exitCodes.ok;
  });
}

/** Wakes one device now and prints how it went. */
export function wakeDevice(asking: Asking, uaid: string): Promise<ExitCode> {
  return ask(asking, wakeRoute, { uaid }, (answer) => {
    const { outcome, reason } = answer as WakeAnswer;
    if (typeof outcome !== 'string') throw new TypeError('no outcome');
    asking.output.print(reason === undefined ? outcome : `${outcome}: ${reason}`);
    return ['triggered', 'connected'].includes(outcome) ? exitCodes.ok : exitCodes.failed;
  });
}

async function ask(
  { file, env, output }: Asking,
  route: string,
  body: unknown,
  show: (answer: unknown) => ExitCode,
): Promise<ExitCode> {
  const loaded = loadSettings(file, env);
  if (!loaded.settings) return complainAll(output, loaded.problems);
  const url = `${urlHere(loaded.settings.config.admin)}${route}`;
  const complain = (why: string) => {
    output.complain(`${url}: ${why}; does central run with this file?`);
    return exitCodes.failed;
  };
  let response: Response;
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    response = await fetch(url, { signal, ...(body === undefined ? {} : post(body)) });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return complain(`no answer (${messageOf(cause)})`);
  }
  try {
    return show(await response.json());
  } catch {
    // Not JSON, or not of the form that `show` reads: whatever listens there is something else.
    return complain(`what answers there (status ${response.status}) is no central`);
  }
}

function post(body: unknown): RequestInit {
  const headers = { 'content-type': 'application/json' };
  return { method: 'POST', headers, body: JSON.stringify(body) };
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? '-' : new Date(ms).toISOString();
}

function printTable(output: Output, rows: readonly string[][]): void {
  for (const line of table(rows)) output.print(line);
}

function table(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.map((row) => (row[i] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
