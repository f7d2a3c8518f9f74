// Which networks can be woken, and through which gateways.
import t, { type Test } from 'tap';
import type { WakeupAddress } from '../../../central/protocol/messages.js';
import { createGatewayClient, type GatewayClient } from '../../../central/wakeup/gateway-client.js';
import { createNetworks, type NetworkSetting } from '../../../central/wakeup/networks.js';
import { type Address, parseAddress, prefix } from '../../../shared/address.js';
import { type NetworkKey, parseNetworkKey } from '../../../shared/network.js';
import { createManualClock } from '../../support/manual-clock.js';
import { served } from '../../support/scripted-gateway.js';

/** Clients that are never asked anything here: they only tell one gateway from another. */
function gateways(t: Test, count: number): GatewayClient[] {
  return Array.from({ length: count }, (_, i) => {
    const client = createGatewayClient({
      url: `http://127.0.0.1:${i + 1}`,
      publicKeys: [],
      signingKeys: [],
      tls: {},
      timeoutMs: 100,
      gatherMs: 0,
      wakeupsMax: 1,
      clock: createManualClock(),
    });
    t.teardown(() => client.close());
    return client;
  });
}

function key(text: string): NetworkKey {
  const parsed = parseNetworkKey(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

function at(ip: string, network = '214-07', protocol: 'udp' | 'tcp' = 'udp'): WakeupAddress {
  const address = parseAddress(ip) as Address;
  return { network: key(network), address, port: 9000, protocol };
}

function atPort(port: number): WakeupAddress {
  return { ...at('10.1.2.3'), port };
}

function setting(
  list: readonly GatewayClient[],
  changes: Partial<NetworkSetting> = {},
): NetworkSetting {
  const trust = { legacyTrust: 'range' as const, egress: [] };
  const base = { key: key('214-07'), ranges: undefined, ...trust, wakeupsPerSecond: 1_000 };
  return { ...base, gateways: list, ...changes };
}

t.test('can wake nobody before a gateway has told what it serves', async (t) => {
  const networks = createNetworks([setting(gateways(t, 1))]);
  t.notOk(networks.isWakeable(at('10.0.0.1')));
  t.match(networks.report(), [
    { network: '214-07', isOnline: false, gateways: [{ error: 'not asked yet' }] },
  ]);
});

t.test('wakes what a reachable gateway serves: network, range, protocol, online', async (t) => {
  const [gateway] = gateways(t, 1) as [GatewayClient];
  const networks = createNetworks([setting([gateway])]);
  networks.noteServed(gateway, [served({ ranges: ['10.0.0.0/8'], protocols: ['udp'] })], 1);
  t.ok(networks.isWakeable(at('10.1.2.3')));
  t.notOk(networks.isWakeable(at('11.1.2.3')), 'another address');
  t.notOk(networks.isWakeable(at('fd12:3456:7::1')), 'another family');
  t.notOk(networks.isWakeable(at('10.1.2.3', '214-07', 'tcp')), 'another protocol');
  t.notOk(networks.isWakeable(at('10.1.2.3', '214-007')), 'another network: 07 and 007 differ');
  t.notOk(networks.isWakeable(at('10.1.2.3', '214-07/net-b')), 'another pool');
  networks.noteServed(gateway, [served({ online: false })], 2);
  t.notOk(networks.isWakeable(at('10.1.2.3')), 'offline');
});

t.test('wakes the ports that a gateway names, and any where it names none', async (t) => {
  const [a, b] = gateways(t, 2) as [GatewayClient, GatewayClient];
  const networks = createNetworks([setting([a, b])]);
  networks.noteServed(a, [served({ ports: ['1024-9000', '40000-40000'] })], 1);
  for (const port of [1024, 9000, 40_000]) t.ok(networks.isWakeable(atPort(port)), `${port}`);
  for (const port of [1023, 9001, 39_999, 40_001]) {
    t.notOk(networks.isWakeable(atPort(port)), `${port}`);
  }
  networks.noteServed(b, [served()], 1);
  t.same(networks.gatewaysFor(atPort(80)), [b], 'one that does not tell its ports');
  networks.noteServed(b, [served({ ports: [] })], 2);
  t.same(networks.gatewaysFor(atPort(80)), []);
});

t.test(
  'a gateway that cannot be used makes its networks not wakeable until it answers',
  async (t) => {
    const [gateway] = gateways(t, 1) as [GatewayClient];
    const networks = createNetworks([setting([gateway])]);
    t.equal(networks.noteServed(gateway, [served()], 1), true, 'it was not reachable before');
    t.equal(networks.noteServed(gateway, [served()], 2), false);
    t.equal(networks.noteFailure(gateway, 'HTTP 503', 3), true);
    t.equal(networks.noteFailure(gateway, 'HTTP 503', 4), false);
    t.notOk(networks.isWakeable(at('10.0.0.1')));
    t.match(networks.report()[0], {
      isOnline: false,
      gateways: [{ isReachable: false, error: 'HTTP 503', askedAtMs: 4 }],
    });
    networks.noteServed(gateway, [served()], 5);
    t.ok(networks.isWakeable(at('10.0.0.1')));
  },
);

t.test('central’s own ranges narrow what gateways serve, and never widen it', async (t) => {
  const [gateway] = gateways(t, 1) as [GatewayClient];
  const ranges = [prefix('10.1.0.0/16'), prefix('192.168.0.0/16')];
  const networks = createNetworks([setting([gateway], { ranges })]);
  networks.noteServed(gateway, [served({ ranges: ['10.0.0.0/8'] })], 1);
  t.ok(networks.isWakeable(at('10.1.2.3')));
  t.notOk(networks.isWakeable(at('10.2.2.3')));
  t.notOk(networks.isWakeable(at('192.168.0.1')));
});

t.test('tells overlapping pools apart by their netid', async (t) => {
  const [a, b] = gateways(t, 2) as [GatewayClient, GatewayClient];
  const networks = createNetworks([
    setting([a]),
    setting([b], { key: key('214-07/net-b') }),
    setting([b], { key: key('310-150') }),
  ]);
  networks.noteServed(a, [served()], 1);
  networks.noteServed(
    b,
    [served({ netid: 'net-b' }), served({ network: '310-150', netid: '310-150.default' })],
    1,
  );
  t.same(networks.gatewaysFor(at('10.0.0.1')), [a]);
  t.same(networks.gatewaysFor(at('10.0.0.1', '214-07/net-b')), [b]);
  t.same(networks.gatewaysFor(at('10.0.0.1', '310-150')), [b]);
});

t.test(
  'does not serve a network that a gateway tells of and the configuration does not',
  async (t) => {
    const [gateway] = gateways(t, 1) as [GatewayClient];
    const networks = createNetworks([setting([gateway])]);
    networks.noteServed(
      gateway,
      [served(), served({ network: '262-01', netid: '262-01.default' })],
      1,
    );
    t.notOk(networks.isWakeable(at('10.0.0.1', '262-01')));
  },
);

t.test('does not let one network’s gateway wake into another network', async (t) => {
  const [a, b] = gateways(t, 2) as [GatewayClient, GatewayClient];
  const networks = createNetworks([setting([a]), setting([b], { key: key('310-150') })]);
  networks.noteServed(a, [served({ network: '310-150', netid: '310-150.default' })], 1);
  t.notOk(networks.isWakeable(at('10.0.0.1', '310-150')));
});

t.test('one neighbourhood has one gateway, and neighbourhoods are spread over all', async (t) => {
  const [a, b, c] = gateways(t, 3) as [GatewayClient, GatewayClient, GatewayClient];
  const networks = createNetworks([setting([a, b, c])]);
  networks.noteServed(a, [served()], 1);
  networks.noteServed(b, [served({ ranges: ['172.16.0.0/12'] })], 1);
  networks.noteServed(c, [served()], 1);
  const firsts = new Set<GatewayClient | undefined>();
  for (let i = 0; i < 16; i++) {
    const order = networks.gatewaysFor(at(`10.0.${i}.1`));
    t.same(new Set(order), new Set([a, c]), 'all that serve it');
    t.same(networks.gatewaysFor(at(`10.0.${i}.254`)), order, 'a /24 is one');
    firsts.add(order[0]);
  }
  t.equal(firsts.size, 2);
  const six = (low: string) => networks.gatewaysFor(at(`fd12:3456:7:${low}::1`));
  t.same(six('12ff'), six('1200'), 'and so is a /56');
});

t.test('only what a gateway had moves when it falls, and comes back with it', async (t) => {
  const [a, b, c] = gateways(t, 3) as [GatewayClient, GatewayClient, GatewayClient];
  const networks = createNetworks([setting([a, b, c])]);
  for (const gateway of [a, b, c]) networks.noteServed(gateway, [served()], 1);
  const firsts = () =>
    Array.from({ length: 60 }, (_, i) => networks.gatewaysFor(at(`10.0.${i}.1`))[0]);
  const before = firsts();
  networks.noteFailure(b, 'gone', 2);
  const meanwhile = firsts();
  for (const [i, first] of before.entries()) {
    if (first !== b) t.equal(meanwhile[i], first);
    else t.not(meanwhile[i], b);
  }
  t.ok(before.includes(b));
  networks.noteServed(b, [served()], 3);
  t.same(firsts(), before);
});

t.test('whose word is taken for an address, as the network says', async (t) => {
  const egress = [prefix('198.51.100.0/24'), prefix('2001:db8::/32')];
  const [inside, outside] = ['198.51.100.7', '198.51.101.7'];
  const trusted = (changes: Partial<NetworkSetting>, peer: string) =>
    createNetworks([setting([], changes)]).isTrusted(key('214-07'), peer);
  t.ok(trusted({ legacyTrust: 'range', egress }, outside), 'of any');
  t.ok(trusted({ legacyTrust: 'egress', egress }, inside));
  t.ok(trusted({ legacyTrust: 'egress', egress }, '2001:db8::1'));
  for (const peer of [outside, '2001:db9::1', '', 'x']) {
    t.notOk(trusted({ legacyTrust: 'egress', egress }, peer), peer);
  }
  t.notOk(trusted({ legacyTrust: 'egress' }, inside), 'none is declared');
  t.notOk(trusted({ legacyTrust: 'never', egress }, inside));
  t.notOk(createNetworks([]).isTrusted(key('214-07'), inside), 'of no network');
});

t.test('leaves out what a gateway tells that is no network or no range', async (t) => {
  const [gateway] = gateways(t, 1) as [GatewayClient];
  const networks = createNetworks([setting([gateway])]);
  const odd = served({ network: 'mars' });
  networks.noteServed(gateway, [odd, served({ ranges: ['10.0.0.1/8', 'x', '10.0.0.0/8'] })], 1);
  t.ok(networks.isWakeable(at('10.0.0.1')));
  t.same(networks.report()[0]?.ranges, ['10.0.0.0/8']);
});
