// The page of `GET /about`.
import t from 'tap';
import { type AboutFacts, aboutPage } from '../../../central/ops/about.js';
import type { NetworkReport } from '../../../central/wakeup/networks.js';
import { networkKey } from '../../../shared/network.js';
import { version } from '../../../shared/version.js';

const day = 86_400_000;
const facts: AboutFacts = {
  ...{ startedAtMs: 1000, nowMs: 1000 + 3 * day + 5 * 3_600_000 + 7 * 60_000 },
  ...{ socketsOpen: 12, devicesConnected: 11, networks: [] },
  notifications: [{ name: 'socket', count: 99 }],
  counts: { devices: 21, channels: 22, pending: 23, messages: 25 },
};

function report(isOnline: boolean): NetworkReport {
  const network = networkKey('214', '07', 'net-b');
  if (!network) throw new Error('no network');
  const gateways = [
    { url: 'https://secret.example:1', isReachable: true, error: undefined, askedAtMs: 0 },
  ];
  return { network, isOnline, gateways, ranges: ['10.0.0.0/8'], protocols: ['udp'] };
}

/** The rows of the page's tables, as text. */
function rowsOf(html: string): string[] {
  return [...html.matchAll(/<tr><th scope="row">(.*?)<\/th><td>(.*?)<\/td><\/tr>/g)].map(
    ([, name, value]) => `${name}: ${value}`,
  );
}

t.test('tells version, uptime, sockets, devices, notifications and what is stored', async (t) => {
  const { status, headers, body } = aboutPage(facts);
  t.equal(status, 200);
  t.match(headers['content-type'], /^text\/html/);
  t.same(rowsOf(body), [
    `Version: ${version}`,
    'Running for: 3 d 5 h 7 min',
    'Open sockets: 12',
    'Connected devices: 11',
    'Devices: 21',
    'Channels: 22',
    'Pending: 23',
    'Pending messages: 25',
    'By socket: 99',
    'None: every device keeps its socket',
  ]);
});

t.test('tells the networks and whether their devices can be woken, never a gateway', async (t) => {
  const { body } = aboutPage({ ...facts, networks: [report(true), report(false)] });
  t.same(rowsOf(body).slice(-2), [
    '214-07/net-b: can be woken',
    '214-07/net-b: not available, devices keep their sockets',
  ]);
  t.notMatch(body, /secret|10\.0\.0/);
});

t.test('tells that the store does not answer', async (t) => {
  const { status, body } = aboutPage({ ...facts, counts: undefined });
  t.equal(status, 200);
  t.ok(rowsOf(body).includes('Store: does not answer'));
});
