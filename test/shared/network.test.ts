import fc from 'fast-check';
import t from 'tap';
import {
  networkKey,
  networkKeyOf,
  networkParts,
  parseNetworkKey,
  plmnOf,
} from '../../shared/network.js';

t.test('an MNC of two digits and one of three are different networks', async (t) => {
  t.equal(networkKey('214', '07'), '214-07');
  t.equal(networkKey('214', '007'), '214-007');
});

t.test('the default netid is left out of a key and found again', async (t) => {
  t.equal(networkKey('214', '07', '214-07.default'), '214-07');
  t.equal(parseNetworkKey('214-07/214-07.default'), '214-07');
  const key = parseNetworkKey('214-07/net-b');
  t.ok(key);
  t.same(key && networkParts(key), { mcc: '214', mnc: '07', netid: 'net-b' });
});

t.test('what is not of the form is no key', async (t) => {
  for (const bad of [
    7,
    null,
    undefined,
    '',
    '214',
    '214-7',
    '214-0007',
    '21-07',
    '214-07/',
    '214-07/ü',
    '214-07/a b',
    ' 214-07',
  ]) {
    t.equal(parseNetworkKey(bad), undefined, String(bad));
  }
  t.equal(networkKey('214', 7), undefined, 'a number has lost its leading zero');
});

t.test('an absent netid is the default one, in each way of being absent', async (t) => {
  for (const netid of [undefined, null, '', '214-07.default']) {
    t.equal(networkKey('214', '07', netid), '214-07', String(netid));
  }
  t.equal(networkKey('214', '07', '214-007.default'), '214-07/214-007.default');
});

t.test('a network and its netid may be named apart', async (t) => {
  t.equal(networkKeyOf('214-07'), '214-07');
  t.equal(networkKeyOf('214-007', 'net-b'), '214-007/net-b');
  for (const bad of ['214-07/net-b', '21407', '214-07.default', 214, undefined, '214-07\n']) {
    t.equal(networkKeyOf(bad), undefined, String(bad));
  }
});

t.test('parts of another form make no key', async (t) => {
  const bad: [unknown, unknown, unknown][] = [
    [214, '07', undefined],
    ['214', 7, undefined],
    ['21', '07', undefined],
    ['2145', '07', undefined],
    ['214', '7', undefined],
    ['214', '0007', undefined],
    ['214', ' 7', undefined],
    ['214', '٠٧', undefined],
    ['214', '07\n', undefined],
    ['214', '07', 5],
    ['214', '07', {}],
    ['214', '07', '-starts-with-a-dash'],
    ['214', '07', 'has/slash'],
    ['214', '07', 'line\nbreak'],
    ['214', '07', 'x'.repeat(65)],
  ];
  for (const [mcc, mnc, netid] of bad) {
    t.equal(networkKey(mcc, mnc, netid), undefined, JSON.stringify([mcc, mnc, netid]));
  }
  t.ok(networkKey('214', '07', 'x'.repeat(64)), 'a netid of 64 characters is the longest');
});

t.test('the MCC-MNC of a key leaves its netid out', async (t) => {
  for (const text of ['214-07', '214-07/net-b']) {
    const key = parseNetworkKey(text);
    t.equal(key && plmnOf(key), '214-07');
  }
});

t.test('parts make a key and the key gives the parts back', async () => {
  const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`));
  const netids = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/);
  fc.assert(
    fc.property(digits(3), fc.oneof(digits(2), digits(3)), netids, (mcc, mnc, netid) => {
      const key = networkKey(mcc, mnc, netid);
      if (!key || parseNetworkKey(key) !== key) return false;
      const parts = networkParts(key);
      return parts.mcc === mcc && parts.mnc === mnc && parts.netid === netid;
    }),
  );
});

t.test('any text is a key or none, never an error', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9/.-]{0,12}$/)), (text) => {
      const key = parseNetworkKey(text);
      return key === undefined || parseNetworkKey(key) === key;
    }),
    { numRuns: 500 },
  );
});
