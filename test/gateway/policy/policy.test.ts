import t from 'tap';
import { createPolicy, type NetworkRules } from '../../../gateway/policy/policy.js';
import { prefix } from '../../../shared/address.js';
import { type NetworkKey, parseNetworkKey } from '../../../shared/network.js';

function keyOf(text: string): NetworkKey {
  const key = parseNetworkKey(text);
  if (key === undefined) throw new Error(text);
  return key;
}

function rules(
  changes: Partial<Omit<NetworkRules, 'ranges'>> & { ranges?: string[] } = {},
): NetworkRules {
  const { ranges = ['0.0.0.0/0', '::/0'], ...rest } = changes;
  return {
    key: keyOf('214-07'),
    ports: [{ first: 1024, last: 65535 }],
    protocols: ['udp'],
    ...rest,
    ranges: ranges.map(prefix),
  };
}

function policyOf(
  networks: NetworkRules[],
  allowLoopbackTargets = false,
  infrastructure: string[] = [],
) {
  const policy = createPolicy({
    networks,
    allowLoopbackTargets,
    infrastructure: infrastructure.map(prefix),
  });
  return (changes: Record<string, unknown> = {}, scope?: ReadonlySet<NetworkKey>) => {
    const claim = {
      network: '214-07',
      ip: '10.1.2.3',
      port: 40_000,
      protocol: 'udp',
      urgency: undefined,
    };
    const { target, refused } = policy.decide({ ...claim, ...changes }, scope);
    return target
      ? `${target.address.text} ${target.port} ${target.protocol} ${target.network}`
      : refused;
  };
}

t.test(
  'an address in an always refused block is refused though a range of every address holds it',
  async (t) => {
    const decide = policyOf([rules()]);
    const refused = [
      ...['0.0.0.0', '0.1.2.3', '127.0.0.1', '127.255.255.254', '169.254.0.1', '169.254.169.254'],
      ...['192.0.0.0', '192.0.0.4', '192.0.0.255', '192.0.2.1', '198.51.100.7', '203.0.113.9'],
      ...[
        '198.18.0.1',
        '198.19.255.254',
        '224.0.0.1',
        '239.255.255.250',
        '240.0.0.1',
        '255.255.255.255',
      ],
      ...['::', '::1', '0:0:0:0:0:0:0:1', '::10.1.2.3', '::ffff:10.1.2.3', '::ffff:a01:203'],
      ...['::FFFF:127.0.0.1', '0:0:0:0:0:ffff:10.1.2.3', '::ffff:0:10.1.2.3', '64:ff9b::10.1.2.3'],
      ...['64:ff9b::a01:203', '64:ff9b:1::1', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff', '100::1'],
      ...[
        '2001::1',
        '2001:0:ffff::',
        '2001:2::1',
        '2001:db8::1',
        '2001:0db8:0::1',
        '2002:a01:203::1',
      ],
      ...['3fff::1', '3fff:fff::1', 'fe80::1', 'febf::1', 'ff02::1', 'ff00::', 'FF0E::1'],
    ];
    for (const ip of refused) t.equal(decide({ ip }), 'address-always-refused', ip);
  },
);

t.test('an address next to an always refused block is not refused', async (t) => {
  const decide = policyOf([rules({ ranges: ['0.0.0.0/1', '128.0.0.0/1', '::/0'] })]);
  const allowed = [
    ...['1.0.0.0', '126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0'],
    ...['192.0.1.0', '192.0.3.0', '198.17.255.255', '198.20.0.0', '198.51.99.255', '198.51.101.0'],
    ...['203.0.112.255', '203.0.114.0', '223.255.255.255', '10.0.0.1', '100.64.0.1', '192.168.0.1'],
    ...['64:ff9b:0:1::1', '64:ff9b:2::1', '2001:1::1', '2001:db7::1', '2001:db9::1', '2003::1'],
    ...['3fff:1000::1', 'fd12:3456:7::1', 'fec0::1', 'fe7f::1', '2a00::1', '100:0:0:1::1'],
  ];
  for (const ip of allowed) t.equal(decide({ ip }), `${ip} 40000 udp 214-07`, ip);
});

t.test('loopback alone can be allowed, and still only inside a configured range', async (t) => {
  const decide = policyOf([rules({ ranges: ['127.0.0.0/8', '::1/128', '0.0.0.0/8'] })], true);
  t.equal(decide({ ip: '127.0.0.1' }), '127.0.0.1 40000 udp 214-07');
  t.equal(decide({ ip: '::1' }), '::1 40000 udp 214-07');
  for (const ip of ['0.0.0.0', '::', '::ffff:127.0.0.1', '::2', '64:ff9b::127.0.0.1']) {
    t.equal(decide({ ip }), 'address-always-refused', ip);
  }
  t.equal(
    policyOf([rules({ ranges: ['10.0.0.0/8'] })], true)({ ip: '127.0.0.1' }),
    'address-out-of-range',
  );
});

t.test('an address of the infrastructure is refused though a range holds it', async (t) => {
  const decide = policyOf([rules({ ranges: ['10.0.0.0/8', 'fd12::/16'] })], false, [
    '10.0.0.0/24',
    '10.1.2.3/32',
    'fd12::/64',
  ]);
  for (const ip of ['10.0.0.53', '10.1.2.3', 'fd12::53']) {
    t.equal(decide({ ip }), 'address-infrastructure', ip);
  }
  for (const ip of ['10.0.1.0', '10.1.2.4', 'fd12:0:0:1::53']) {
    t.equal(decide({ ip }), `${ip} 40000 udp 214-07`, ip);
  }
});

t.test('an address is compared and sent in its canonical form', async (t) => {
  const decide = policyOf([rules({ ranges: ['fd12:3456:7::/48'] })]);
  t.equal(decide({ ip: 'FD12:3456:0007:0:0:0:0:0001' }), 'fd12:3456:7::1 40000 udp 214-07');
  t.equal(decide({ ip: 'fd12:3456:7::10.0.0.1' }), 'fd12:3456:7::a00:1 40000 udp 214-07');
  t.equal(decide({ ip: 'fd12:3456:8::1' }), 'address-out-of-range');
});

t.test('an address in another form than the plain one is malformed', async (t) => {
  const decide = policyOf([rules()]);
  const bad = [
    ...[
      '',
      ' 10.1.2.3',
      '10.1.2.3 ',
      '10.1.2',
      '10.1.2.3.4',
      '010.1.2.3',
      '0x0a.1.2.3',
      '10.1.515',
    ],
    ...['167838211', '10.1.2.256', '10.1.2.-3', '10.1.2.3:80', '10.1.2.3/32', 'example.com'],
    ...['fe80::1%eth0', '[fd12::1]', 'fd12:::1', 'fd12::1::', 'g::1', '１０.1.2.3', '10.1.2.3\0'],
    ...[null, undefined, 7, true, {}, [], ['10.1.2.3']],
  ];
  for (const ip of bad) t.equal(decide({ ip }), 'address-malformed', JSON.stringify(ip));
});

t.test('the broadcast address of a configured range is refused', async (t) => {
  const decide = policyOf([rules({ ranges: ['10.1.0.0/16', '10.2.0.0/31', '10.3.0.1/32'] })]);
  t.equal(decide({ ip: '10.1.255.255' }), 'address-broadcast');
  t.equal(decide({ ip: '10.1.255.254' }), '10.1.255.254 40000 udp 214-07');
  t.equal(decide({ ip: '10.2.0.1' }), '10.2.0.1 40000 udp 214-07', 'a /31 has none (RFC 3021)');
  t.equal(decide({ ip: '10.3.0.1' }), '10.3.0.1 40000 udp 214-07');
});

t.test('an IPv6 address is in no IPv4 range and the other way round', async (t) => {
  t.equal(policyOf([rules({ ranges: ['0.0.0.0/0'] })])({ ip: '2a00::1' }), 'address-out-of-range');
  t.equal(policyOf([rules({ ranges: ['::/0'] })])({ ip: '10.1.2.3' }), 'address-out-of-range');
});

t.test(
  'a network is one MCC-MNC with its netid: pools of the same addresses stay apart',
  async (t) => {
    const decide = policyOf([
      rules({ ranges: ['10.1.0.0/16'] }),
      rules({ key: keyOf('214-07/net-b'), ranges: ['10.2.0.0/16'] }),
      rules({ key: keyOf('214-007'), ranges: ['10.3.0.0/16'] }),
    ]);
    t.equal(decide({ network: '214-07/214-07.default' }), '10.1.2.3 40000 udp 214-07');
    t.equal(decide({ network: '214-07', ip: '10.2.1.1' }), 'address-out-of-range');
    t.equal(decide({ network: '214-07/net-b', ip: '10.2.1.1' }), '10.2.1.1 40000 udp 214-07/net-b');
    t.equal(decide({ network: '214-007', ip: '10.3.1.1' }), '10.3.1.1 40000 udp 214-007');
    for (const network of [
      '214-08',
      '214-7',
      '',
      '214-07/',
      'x',
      null,
      undefined,
      21407,
      {},
      ['214-07'],
    ]) {
      t.equal(decide({ network }), 'network-unknown', JSON.stringify(network));
    }
  },
);

t.test('a central may use the networks of its key record only', async (t) => {
  const decide = policyOf([rules(), rules({ key: keyOf('214-08') })]);
  const scope = new Set([keyOf('214-08')]);
  t.equal(decide({ network: '214-07' }, scope), 'network-not-allowed');
  t.equal(decide({ network: '214-08' }, scope), '10.1.2.3 40000 udp 214-08');
  t.equal(decide({ network: '214-08' }, new Set()), 'network-not-allowed');
});

t.test('a port must be a whole number in a configured range', async (t) => {
  const decide = policyOf([
    rules({
      ports: [
        { first: 2000, last: 2000 },
        { first: 3000, last: 65535 },
      ],
    }),
  ]);
  for (const port of [2000, 3000, 65535]) t.match(decide({ port }), /^10\.1\.2\.3/, String(port));
  for (const port of [1, 1999, 2001, 2999])
    t.equal(decide({ port }), 'port-not-allowed', String(port));
  const bad = [0, -1, 65536, 2000.5, NaN, Infinity, '2000', null, undefined, [2000], true, 1e300];
  for (const port of bad) t.equal(decide({ port }), 'port-malformed', String(port));
});

t.test('a protocol must be known and allowed in its network', async (t) => {
  const decide = policyOf([rules()]);
  t.equal(decide({ protocol: undefined }), '10.1.2.3 40000 udp 214-07');
  t.equal(decide({ protocol: 'tcp' }), 'protocol-not-allowed');
  for (const protocol of ['UDP', 'sctp', '', null, 17, {}, 'toString', '__proto__']) {
    t.equal(decide({ protocol }), 'protocol-unknown', JSON.stringify(protocol));
  }
});

t.test('an urgency may be left out and must be one of the four otherwise', async (t) => {
  const decide = policyOf([rules()]);
  for (const urgency of [undefined, 'very-low', 'low', 'normal', 'high']) {
    t.match(decide({ urgency }), /^10\.1\.2\.3/, String(urgency));
  }
  for (const urgency of ['now', '', null, 1]) {
    t.equal(decide({ urgency }), 'urgency-unknown', JSON.stringify(urgency));
  }
});
