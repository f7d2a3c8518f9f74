import { BlockList } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import t from 'tap';
import {
  type Address,
  contains,
  containsAny,
  covers,
  cutAddress,
  hostPort,
  isBroadcastOf,
  parseAddress,
  parsePrefix,
  prefix,
  subscriberOf,
} from '../../shared/address.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
}

t.test('an IPv4 address is one word and its own text', async (t) => {
  t.same(address('10.1.2.3'), { family: 4, words: [0x0a010203], text: '10.1.2.3' });
  t.same(address('0.0.0.0').words, [0]);
  t.same(address('255.255.255.255').words, [-1]);
});

t.test('an IPv6 address has one canonical text (RFC 5952)', async (t) => {
  const texts: Record<string, string> = {
    '::': '::',
    '0:0:0:0:0:0:0:1': '::1',
    '2001:DB8::AbCd': '2001:db8::abcd',
    '2001:0db8:0000:0000:0000:0000:0000:0001': '2001:db8::1',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '1::3:4:5:6:7:8': '1:0:3:4:5:6:7:8',
    '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
    '::2:3:4:5:6:7:8': '0:2:3:4:5:6:7:8',
    '1:0:0:2:0:0:0:3': '1:0:0:2::3',
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
    '0:0:1::': '0:0:1::',
    'fd12:3456:7::': 'fd12:3456:7::',
  };
  for (const [text, canonical] of Object.entries(texts)) {
    t.equal(address(text).text, canonical, text);
  }
});

t.test('IPv4 inside IPv6 is read as IPv6, in each place it may stand', async (t) => {
  const texts: Record<string, string> = {
    '::ffff:10.1.2.3': '::ffff:a01:203',
    '::FFFF:0a01:0203': '::ffff:a01:203',
    '::10.1.2.3': '::a01:203',
    '64:ff9b::10.1.2.3': '64:ff9b::a01:203',
    '::ffff:0:10.1.2.3': '::ffff:0:a01:203',
    '1:2:3:4:5:6:10.1.2.3': '1:2:3:4:5:6:a01:203',
    '1:2:3:4:5::10.1.2.3': '1:2:3:4:5:0:a01:203',
  };
  for (const [text, canonical] of Object.entries(texts)) {
    t.match(address(text), { family: 6, text: canonical }, text);
  }
  t.notOk(contains(prefix('10.0.0.0/8'), address('::ffff:10.1.2.3')));
  t.ok(contains(prefix('::ffff:0:0/96'), address('::ffff:10.1.2.3')));
  t.notOk(contains(prefix('::ffff:0:0/96'), address('::10.1.2.3')));
});

t.test('what is not strictly an address is none', async (t) => {
  const refused = [
    '',
    ' ',
    '10.1.2.3 ',
    ' 10.1.2.3',
    '10.1.2.3\n',
    '10.1.2.3\0',
    '10.1.2',
    '10.1',
    '167838211',
    '0x0a010203',
    '0x0a.1.2.3',
    '012.1.2.3',
    '10.1.2.03',
    '10.1.2.256',
    '10.1.2.-3',
    '10.1.2.+3',
    '10.1.2.3.',
    '10.1.2.3.4',
    '10..2.3',
    '10.1.2.3/32',
    '10.1.2.3:80',
    '１０.1.2.3',
    'localhost',
    '[::1]',
    '[::1]:80',
    '::1/128',
    '::1 ',
    'fe80::1%eth0',
    'fe80::1%25eth0',
    '::1%',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '::ffff:010.1.2.3',
    '::ffff:10.1.2',
    '10.1.2.3::',
    ':1',
    '1:',
  ];
  for (const text of refused) t.equal(parseAddress(text), undefined, JSON.stringify(text));
  for (const value of [undefined, null, 7, 167838211n, {}, ['10.1.2.3'], new String('10.1.2.3')]) {
    t.equal(parseAddress(value), undefined);
  }
});

t.test('any text is an address or none, never an error', async () => {
  const pieces = fc.constantFrom('0', '1', 'ff', '::', ':', '.', '1.2.3.4', '%', '255', 'x', '/8');
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 12 }).map((list) => list.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parseAddress(text);
      parsePrefix(text);
      cutAddress(text);
      return parsed === undefined || parseAddress(parsed.text)?.text === parsed.text;
    }),
    { numRuns: 2000 },
  );
});

t.test('the canonical text is the one that URLs have', async () => {
  // Few distinct groups make runs of zeros likely.
  const group = fc.oneof(fc.constant(0), fc.constant(0), fc.nat(0xffff));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const text = groups.map((part) => part.toString(16)).join(':');
      return `[${address(text).text}]` === new URL(`http://[${text}]`).hostname;
    }),
    { numRuns: 500 },
  );
});

t.test('a prefix has no host bits', async (t) => {
  t.same(prefix('10.0.0.0/8'), {
    family: 4,
    base: [0x0a000000],
    mask: [0xff000000 | 0],
    bits: 8,
    text: '10.0.0.0/8',
  });
  t.same(prefix('FD12::/48').text, 'fd12::/48');
  t.same(prefix('::/0').mask, [0, 0, 0, 0]);
  t.same(prefix('::/33').mask, [-1, 0x80000000 | 0, 0, 0]);
  t.same(prefix('::1/128').mask, [-1, -1, -1, -1]);
  t.same(prefix('10.1.2.3').text, '10.1.2.3/32', 'a lone address is a prefix of all its bits');
  t.same(prefix('::1').text, '::1/128');
  for (const text of [
    '10.1.0.0/8',
    '0.0.0.1/0',
    '128.0.0.0/0',
    'fd12::1/48',
    '::1/127',
    '8000::/0',
  ]) {
    t.equal(parsePrefix(text), 'host-bits', text);
    t.throws(() => prefix(text), { message: `${text}: host-bits` });
  }
});

t.test('what is not strictly a prefix is malformed', async (t) => {
  const malformed = [
    '',
    '/',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/+8',
    '10.0.0.0/-1',
    '10.0.0.0/8.0',
    '10.0.0.0/ 8',
    '10.0.0.0/8 ',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/1e1',
    '10/8',
    '::/129',
    '::/1280',
    'fe80::%eth0/64',
    '[::]/0',
  ];
  for (const text of malformed) {
    t.equal(parsePrefix(text), 'malformed', text);
    t.throws(() => prefix(text), { message: `${text}: malformed` });
  }
});

t.test('the whole space and a single address are prefixes too', async (t) => {
  const all = prefix('0.0.0.0/0');
  t.ok(contains(all, address('0.0.0.0')));
  t.ok(contains(all, address('255.255.255.255')));
  t.notOk(contains(all, address('::1')), 'IPv6 is never inside an IPv4 prefix');
  t.notOk(contains(prefix('::/0'), address('10.1.2.3')), 'nor the other way');
  t.ok(contains(prefix('10.1.2.3/32'), address('10.1.2.3')));
  t.notOk(contains(prefix('10.1.2.3/32'), address('10.1.2.2')));
  t.ok(contains(prefix('fd12::1/128'), address('fd12::1')));
  t.notOk(contains(prefix('fd12::1/128'), address('fd12::')));
  t.ok(containsAny([prefix('10.0.0.0/8'), prefix('fd00::/8')], address('fd12::1')));
  t.notOk(containsAny([prefix('10.0.0.0/8'), prefix('fd00::/8')], address('11.0.0.0')));
  t.notOk(containsAny([], address('10.0.0.0')));
});

const ipv4 = fc
  .nat(0xffffffff)
  .map((word) => [24, 16, 8, 0].map((s) => (word >>> s) & 255).join('.'));
const ipv6 = fc
  .array(fc.nat(0xffff), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.map((part) => part.toString(16)).join(':'));

/** An address, a prefix length, and how many bits of a second address to take from the first. */
function pairs(texts: fc.Arbitrary<string>, size: number) {
  return fc.record({
    base: texts,
    other: texts,
    bits: fc.nat(size),
    sharedBits: fc.nat(size),
  });
}

/** `a` for its first `count` bits, then `b`: so that it is near the edge of a prefix of `a`. */
function graft(a: string, b: string, count: number): string {
  const [from, to] = [ipaddr.parse(a).toByteArray(), ipaddr.parse(b).toByteArray()];
  const bytes = from.map((byte, i) => {
    const own = Math.min(Math.max(count - i * 8, 0), 8);
    const mask = (0xff00 >> own) & 0xff;
    return (byte & mask) | ((to[i] ?? 0) & ~mask & 0xff);
  });
  return ipaddr.fromByteArray(bytes).toString();
}

for (const { name, texts, size, family } of [
  { name: 'IPv4', texts: ipv4, size: 32, family: 'ipv4' as const },
  { name: 'IPv6', texts: ipv6, size: 128, family: 'ipv6' as const },
]) {
  t.test(`${name}: containment is what ipaddr.js and node's BlockList say`, async (t) => {
    let inside = 0;
    fc.assert(
      fc.property(pairs(texts, size), ({ base, other, bits, sharedBits }) => {
        const network = graft(base, family === 'ipv4' ? '0.0.0.0' : '::', bits);
        const target = graft(base, other, sharedBits);
        const list = new BlockList();
        list.addSubnet(network, bits, family);
        const expected = ipaddr.parse(target).match(ipaddr.parseCIDR(`${network}/${bits}`));
        const ours = contains(prefix(`${network}/${bits}`), address(target));
        if (ours) inside += 1;
        return ours === expected && ours === list.check(target, family);
      }),
      { numRuns: 500 },
    );
    t.ok(inside > 50 && inside < 450, 'both sides of the edge were met');
  });
}

t.test('a prefix covers the ones that lie wholly inside it', async (t) => {
  t.ok(covers(prefix('10.0.0.0/8'), prefix('10.0.0.0/8')));
  t.ok(covers(prefix('10.0.0.0/8'), prefix('10.255.0.0/16')));
  t.ok(covers(prefix('::/0'), prefix('fd12::/48')));
  t.notOk(covers(prefix('10.0.0.0/16'), prefix('10.0.0.0/8')));
  t.notOk(covers(prefix('10.0.0.0/8'), prefix('11.0.0.0/16')));
  t.notOk(covers(prefix('0.0.0.0/0'), prefix('fd12::/48')));
});

t.test('the broadcast address of an IPv4 prefix is its last one', async (t) => {
  const verdicts: [string, string, boolean][] = [
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '10.255.255.254', false],
    ['10.0.0.0/8', '10.0.255.255', false],
    ['10.0.0.0/8', '11.255.255.255', false],
    ['10.1.2.0/24', '10.1.2.255', true],
    ['10.1.2.0/30', '10.1.2.3', true],
    ['10.1.2.0/30', '10.1.2.2', false],
    ['10.1.2.0/31', '10.1.2.1', false],
    ['10.1.2.3/32', '10.1.2.3', false],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '255.255.255.254', false],
    ['fd12::/48', 'fd12::ffff:ffff:ffff:ffff:ffff', false],
    ['10.0.0.0/8', '::ffff:10.255.255.255', false],
  ];
  for (const [range, target, isBroadcast] of verdicts) {
    t.equal(isBroadcastOf(prefix(range), address(target)), isBroadcast, `${target} in ${range}`);
  }
});

t.test('an IPv6 host stands in brackets before a port', async (t) => {
  t.equal(hostPort('10.1.2.3', 80), '10.1.2.3:80');
  t.equal(hostPort('fd12::1', 80), '[fd12::1]:80');
  t.equal(hostPort('localhost', 0), 'localhost:0');
});

t.test('a cut address shows its first half', async (t) => {
  t.equal(cutAddress('10.1.2.3'), '10.1.x.x');
  t.equal(cutAddress('fd12:3456:7:8::9'), 'fd12:3456:7::x');
  t.equal(cutAddress('::1'), '0:0:0::x');
  for (const text of [
    '',
    'fe80::1%eth0',
    '10.1.2.3:80',
    '[::1]',
    'phone.example',
    '10.1.2',
    '::x',
  ]) {
    t.equal(cutAddress(text), 'x', text);
  }
});

t.test('a cut address is never a whole one', async () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), ipv4, ipv6, (text, four, six) => {
      const cut = cutAddress(text);
      const other = text.includes(':') ? graft(text, six, 48) : graft(text, four, 16);
      // Whatever the second half says, the cut text is the same.
      return parseAddress(cut) === undefined && !cut.includes(text) && cut === cutAddress(other);
    }),
  );
});

t.test('a subscriber is an IPv4 address or the /64 around an IPv6 one', async (t) => {
  t.equal(subscriberOf('10.0.0.1'), '10.0.0.1');
  t.not(subscriberOf('10.0.0.2'), subscriberOf('10.0.0.1'));
  t.equal(subscriberOf('2001:db8:0:1::1'), subscriberOf('2001:db8:0:1:ffff:ffff:ffff:ffff'));
  t.not(subscriberOf('2001:db8:0:1::1'), subscriberOf('2001:db8:0:2::1'));
  t.equal(subscriberOf(''), '');
});
