import fc from 'fast-check';
import t from 'tap';
import { wordsOf } from '../../../gateway/policy/words.js';
import { datagramBytesMax, wakeupPayload } from '../../../shared/wakeup/datagram.js';

const word = 'AAECAwQFBgcICQoLDA0ODw';
const auth = { counter: 1, mac: word };

t.test('a nonce, or a counter with its code, or neither are words', async (t) => {
  t.same(wordsOf({}), {});
  t.same(wordsOf({ nonce: word }), { nonce: word });
  t.same(wordsOf({ auth }), { auth });
  t.same(wordsOf({ auth: { counter: 2 ** 53 - 1, mac: word } }), {
    auth: { counter: 2 ** 53 - 1, mac: word },
  });
  t.same(wordsOf({ auth: { ...auth, more: '!' } }), { auth }, 'what is not known is left out');
});

t.test('both at once are none, whatever they are', async (t) => {
  for (const nonce of [word, null, 'x', '']) {
    for (const both of [auth, null, {}]) t.equal(wordsOf({ nonce, auth: both }), undefined);
  }
});

t.test('anything of another form is none', async (t) => {
  const nonces = [null, '', 1, {}, [word], `${word}A`, word.slice(1), `${word.slice(1)}\n`];
  for (const nonce of [...nonces, `${word.slice(0, 21)}x`, `${word.slice(0, 21)}=`]) {
    t.equal(wordsOf({ nonce }), undefined, JSON.stringify(nonce));
  }
  const counters = [undefined, null, 0, -1, 1.5, 2 ** 53, NaN, Infinity, '1', [1]];
  for (const counter of counters) {
    t.equal(wordsOf({ auth: { counter, mac: word } }), undefined, String(counter));
  }
  for (const bad of [null, 1, 'x', [], {}, { counter: 1 }, { mac: word }, { ...auth, mac: null }]) {
    t.equal(wordsOf({ auth: bad }), undefined, JSON.stringify(bad));
  }
});

t.test(
  'whatever is asked for, a datagram has one of three forms and 128 bytes at most',
  async () => {
    const ip = 'fd12:3456:7890:abcd:ef12:3456:7890:abcd';
    const form = /^NOTIFY \[[0-9a-f:]+\]:65535( [\w-]{22}| [1-9][0-9]* [\w-]{22})?$/;
    fc.assert(
      fc.property(
        fc.record(
          {
            nonce: fc.oneof(fc.anything(), fc.constant(word)),
            auth: fc.oneof(
              fc.anything(),
              fc.record({ counter: fc.oneof(fc.integer(), fc.anything()), mac: fc.constant(word) }),
            ),
          },
          { requiredKeys: [] },
        ),
        (claim) => {
          const words = wordsOf(claim);
          if (!words) return true;
          const text = wakeupPayload(ip, 65535, words).toString('latin1');
          return form.test(text) && text.length <= datagramBytesMax;
        },
      ),
      { numRuns: 1000 },
    );
  },
);
