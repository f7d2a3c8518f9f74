import t from 'tap';
import { type PolicyFacts, policyWarnings } from '../../../gateway/policy/warnings.js';
import { parseAddress, prefix } from '../../../shared/address.js';
import { parseNetworkKey } from '../../../shared/network.js';

type Network = PolicyFacts['networks'][number];

function network(ranges: string[], changes: Partial<Network> & { name?: string } = {}): Network {
  const { name = '214-07', ...rest } = changes;
  const key = parseNetworkKey(name);
  if (key === undefined) throw new Error(name);
  return {
    key,
    ranges: ranges.map(prefix),
    ports: [{ first: 1024, last: 65535 }],
    protocols: ['udp'],
    handsetIntervalMs: 3000,
    dryRun: false,
    ...rest,
  };
}

function warn(networks: Network[], changes: Partial<PolicyFacts> = {}): string[] {
  return policyWarnings({
    networks,
    infrastructure: [],
    allowLoopbackTargets: false,
    dryRun: false,
    hosts: [],
    ...changes,
  });
}

function host(text: string) {
  const address = parseAddress(text);
  if (!address) throw new Error(text);
  return { address, what: "this host's own, of eth0" };
}

t.test('private ranges of one network are nothing to warn about', async (t) => {
  const ranges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.7.0/24', '100.64.0.0/10', 'fd12::/16'];
  t.same(warn([network(ranges)], { hosts: [host('198.51.100.1'), host('127.0.0.1')] }), []);
});

t.test('a range that is always refused is warned about', async (t) => {
  const networks = [network(['127.0.0.0/8', '2001:db8::/48'])];
  t.same(warn(networks), [
    'networks 214-07: range 127.0.0.0/8 is always refused (127.0.0.0/8, loopback); take it out',
    'networks 214-07: range 2001:db8::/48 is always refused (2001:db8::/32, documentation (RFC 3849)); take it out',
  ]);
});

t.test('loopback targets, trial runs and an interval of nothing are warned about', async (t) => {
  const networks = [network(['127.0.0.0/8'], { handsetIntervalMs: 0, dryRun: true })];
  t.same(warn(networks, { allowLoopbackTargets: true, dryRun: true }), [
    'networks 214-07: handsetIntervalMs is 0; a handset may be woken again and again without a pause',
    'networks 214-07: dryRun: nothing is sent in it; set it to false to wake devices',
    'allowLoopbackTargets: loopback addresses may be woken; for development only',
    'dryRun: nothing is sent; set it to false to wake devices',
  ]);
});

t.test('a range that is not all private is warned about', async (t) => {
  for (const range of ['11.0.0.0/8', '10.0.0.0/7', '2a02:9000::/32', '192.168.0.0/15']) {
    t.same(warn([network([range])]), [
      `networks 214-07: range ${range} is not all private; make sure that it is yours`,
    ]);
  }
});

t.test('a range that holds this host, a listener or a name server is warned about', async (t) => {
  const networks = [network(['10.0.0.0/8'])];
  const hosts = [host('10.0.0.5'), host('192.168.1.1')];
  t.same(warn(networks, { hosts }), [
    "networks 214-07: range 10.0.0.0/8 holds 10.0.0.5 (this host's own, of eth0); list it under infrastructure",
  ]);
  t.same(warn(networks, { hosts, infrastructure: [prefix('10.0.0.0/24')] }), []);
});

t.test('a range that is all infrastructure is warned about', async (t) => {
  const infrastructure = [prefix('10.0.0.0/24')];
  t.same(warn([network(['10.0.0.0/25'])], { infrastructure }), [
    'networks 214-07: range 10.0.0.0/25 lies in 10.0.0.0/24 of infrastructure; take it out',
  ]);
});

t.test('ports below 1024 are warned about', async (t) => {
  const ports = [
    { first: 80, last: 80 },
    { first: 1000, last: 2000 },
    { first: 1024, last: 1024 },
  ];
  t.same(warn([network(['10.0.0.0/8'], { ports })]), [
    'networks 214-07: ports 80-80 begin below 1024, where no handset listens for wakeups',
    'networks 214-07: ports 1000-2000 begin below 1024, where no handset listens for wakeups',
  ]);
});

t.test('pools of one MCC-MNC that overlap are warned about, those of two are not', async (t) => {
  const first = network(['10.0.0.0/8']);
  const inside = ['10.1.0.0/16', '192.168.0.0/16'];
  t.same(warn([first, network(inside, { name: '214-07/net-b' })]), [
    'networks 214-07 and 214-07/net-b share addresses of 10.0.0.0/8; see that these are two pools',
  ]);
  t.same(warn([first, network(inside, { name: '214-08' })]), []);
  t.same(warn([first, network(['100.64.0.0/10'], { name: '214-07/net-b' })]), []);
});
