// `GET /about` (architecture document, HTTP API): a page with general information about the running server.
import { type Answer, escapeHtml, page } from '../../shared/http.js';
import { version } from '../../shared/version.js';
import type { StoreCounts } from '../store/store.js';
import type { NetworkReport } from '../wakeup/networks.js';

export interface AboutFacts {
  startedAtMs: number;
  nowMs: number;
  socketsOpen: number;
  devicesConnected: number;
  /** By the path they set out on. */
  notifications: readonly { name: string; count: number }[];
  networks: readonly NetworkReport[];
  /** `undefined` when the store did not answer. */
  counts: StoreCounts | undefined;
}

/** The page. It names networks and counts, never a device, an address or a gateway. */
export function aboutPage(facts: AboutFacts): Answer {
  const { counts } = facts;
  const uptime = duration(facts.nowMs - facts.startedAtMs);
  const stored = counts
    ? [
        row('Devices', counts.devices),
        row('Channels', counts.channels),
        row('Pending', counts.pending),
        row('Pending messages', counts.messages),
      ]
    : [row('Store', 'does not answer')];
  const sent = facts.notifications.map(({ name, count }) => row(`By ${name}`, count));
  const networks = facts.networks.map(({ network, isOnline }) =>
    row(network, isOnline ? 'can be woken' : 'not available, devices keep their sockets'),
  );
  return page(
    200,
    `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Reveille central</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid #ddd; font-weight: normal; }
td { text-align: right; font-variant-numeric: tabular-nums; }
</style></head><body>
<h1>Reveille central</h1>
<table>${row('Version', version)}${row('Running for', uptime)}${row('Open sockets', facts.socketsOpen)}
${row('Connected devices', facts.devicesConnected)}</table>
<h2>Stored</h2><table>${stored.join('')}</table>
<h2>Notifications since the start</h2><table>${sent.join('')}</table>
<h2>Networks</h2><table>${networks.join('') || row('None', 'every device keeps its socket')}</table>
</body></html>
`,
  );
}

function row(name: string, value: string | number): string {
  return `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(String(value))}</td></tr>`;
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  return `${days} d ${hours} h ${minutes % 60} min`;
}
