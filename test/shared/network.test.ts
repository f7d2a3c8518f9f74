import t from 'tap';
import { networkKey, networkParts, parseNetworkKey } from '../../shared/network.js';

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
