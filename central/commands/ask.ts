// The commands that ask a running central, through its admin listener: `networks` and `wake`.
import { hostPort } from '../../shared/address.js';
import { messageOf } from '../../shared/errors.js';
import type { ListenAddress } from '../../shared/http.js';
import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { networksRoute, type WakeAnswer, wakeRoute } from '../ops/commands.js';
import { loadSettings } from '../settings.js';
import type { NetworkReport } from '../wakeup/networks.js';

const timeoutMs = 15_000;

interface Asking {
  file: string;
  env: NodeJS.ProcessEnv;
  output: Output;
}

/** A table of networks, their gateways and their state. */
export function showNetworks(asking: Asking): Promise<ExitCode> {
  return ask(asking, networksRoute, undefined, (answer) => {
    const { networks } = answer as { networks: NetworkReport[] };
    const rows = networks.flatMap((network) =>
      network.gateways.map(({ url, isReachable, error }) => [
        network.network,
        network.isOnline ? 'online' : 'offline',
        url,
        isReachable ? 'reachable' : (error ?? 'not reachable'),
        network.ranges.join(' ') || '-',
        network.protocols.join(' ') || '-',
      ]),
    );
    const heads = ['NETWORK', 'STATE', 'GATEWAY', 'GATEWAY STATE', 'RANGES', 'PROTOCOLS'];
    for (const line of table([heads, ...rows])) asking.output.print(line);
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
  const url = `${adminUrl(loaded.settings.config.admin)}${route}`;
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

function adminUrl({ host, port }: ListenAddress): string {
  // A listener on all addresses is asked on loopback.
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${hostPort(reachable, port)}`;
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
