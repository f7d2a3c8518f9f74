// What the header fields of a Web Push request ask for.
import t from 'tap';
import { parsePrefer } from '../../../central/app/prefer.js';
import { parsePushHeaders } from '../../../central/app/push-headers.js';

const ttl = '60';

t.test('TTL alone is demanded, everything else has a default', async (t) => {
  t.same(parsePushHeaders({ ttl }), {
    ...{ ttlSeconds: 60, urgency: 'normal', topic: undefined, encoding: {} },
    ...{ isAsync: false, receiptUrl: undefined },
  });
});

t.test('TTL is a number of seconds in digits', async (t) => {
  t.match(parsePushHeaders({ ttl: '0' }), { ttlSeconds: 0 });
  t.match(parsePushHeaders({ ttl: '007' }), { ttlSeconds: 7 });
  t.match(parsePushHeaders({ ttl: '9'.repeat(500) }), { ttlSeconds: Number.POSITIVE_INFINITY });
  for (const bad of [undefined, '', '-1', '+1', '1.5', '1e3', '0x10', 'x', '5 6', '5, 6', '٣']) {
    const headers = bad === undefined ? {} : { ttl: bad };
    t.equal(parsePushHeaders(headers), 'bad-ttl', String(bad));
  }
});

t.test('Urgency is one of four words', async (t) => {
  for (const urgency of ['very-low', 'low', 'normal', 'high']) {
    t.match(parsePushHeaders({ ttl, urgency }), { urgency });
  }
  t.match(parsePushHeaders({ ttl, urgency: 'High' }), { urgency: 'high' }, 'in any case');
  for (const urgency of ['', 'urgent', 'low, high', 'low,low', 'very low', '1']) {
    t.equal(parsePushHeaders({ ttl, urgency }), 'bad-urgency', urgency);
  }
});

t.test('Topic has 1 to 32 characters of the base64url alphabet', async (t) => {
  for (const topic of ['a', 'Az09-_', 'x'.repeat(32)]) {
    t.match(parsePushHeaders({ ttl, topic }), { topic });
  }
  for (const topic of ['', 'x'.repeat(33), 'a b', 'a=', 'a+b', 'a/b', 'a, b', 'é']) {
    t.equal(parsePushHeaders({ ttl, topic }), 'bad-topic', topic);
  }
});

t.test('fields that the device needs are passed on as they are', async (t) => {
  const [encryption, cryptoKey] = ['keyid="a";salt=AA;rs=4096', 'dh=BB;p256ecdsa=CC='];
  const old = { 'content-encoding': 'aesgcm', encryption, 'crypto-key': cryptoKey };
  t.match(parsePushHeaders({ ttl, ...old }), {
    encoding: { encoding: 'aesgcm', encryption, cryptoKey },
  });
  const odd = parsePushHeaders({ ttl, 'content-encoding': 'x-unheard-of', encryption: '' });
  t.match(odd, { encoding: { encoding: 'x-unheard-of' } });
  for (const name of ['content-encoding', 'encryption', 'crypto-key']) {
    t.type(parsePushHeaders({ ttl, [name]: 'x'.repeat(1024) }), 'object');
    t.equal(parsePushHeaders({ ttl, [name]: 'x'.repeat(1025) }), 'bad-encoding', name);
  }
});

t.test('a salt and a key are passed on without quotes and padding', async (t) => {
  const passedOn = (encryption: string, cryptoKey: string) => {
    const read = parsePushHeaders({ ttl, encryption, 'crypto-key': cryptoKey });
    return typeof read === 'string' ? read : [read.encoding.encryption, read.encoding.cryptoKey];
  };
  t.same(passedOn('salt=AA==', 'dh=BB='), ['salt=AA', 'dh=BB']);
  t.same(passedOn('salt="AA=="', 'dh="BB="'), ['salt=AA', 'dh=BB']);
  t.same(passedOn('keyid="a=";salt="AA==";rs="4096"', 'keyid="a=";dh="BB=",p256ecdsa="CC="'), [
    'keyid="a=";salt=AA;rs="4096"',
    'keyid="a=";dh=BB,p256ecdsa="CC="',
  ]);
  t.same(passedOn('rs=1; Salt=AA=', 'p256ecdsa=CC=, DH=BB='), [
    'rs=1; Salt=AA',
    'p256ecdsa=CC=, DH=BB',
  ]);
  t.same(passedOn('dh=AA=', 'salt=BB='), ['dh=AA=', 'salt=BB='], 'each in its own field');
  for (const odd of ['salt', '=', ';;,', 'salt==;', ' ', 'x'.repeat(1024)]) {
    t.type(passedOn(odd, odd), Array, odd);
  }
});

t.test(
  'a receipt subscription is named by a Link of its relation, or by Push-Receipt',
  async (t) => {
    const relation = 'urn:ietf:params:push:receipt';
    const found = (headers: object) => {
      const read = parsePushHeaders({ ttl, ...headers });
      return typeof read === 'string' ? read : read.receiptUrl;
    };
    t.equal(found({ 'push-receipt': 'https://a.example/r' }), 'https://a.example/r');
    for (const link of [
      `<https://a.example/r>; rel="${relation}"`,
      `<https://a.example/r>;rel=${relation}`,
      `</other>; rel="next", <https://a.example/r>; x=1; REL = "up ${relation}", </last>; rel=last`,
    ]) {
      t.equal(found({ link }), 'https://a.example/r', link);
    }
    for (const link of ['', 'x', '</r>', '</r>; rel=next', `</r>; rel="${relation}s"`, relation]) {
      t.equal(found({ link }), undefined, link);
    }
  },
);

t.test('Prefer names what is known in any company', async (t) => {
  for (const prefer of [
    'respond-async',
    'Respond-Async',
    'wait=5, respond-async',
    'respond-async; x=1, foo="a"',
    ' ,respond-async,',
  ]) {
    t.match(parsePrefer(prefer), { isAsync: true }, prefer);
  }
  for (const prefer of [undefined, '', 'respond', 'respond-asynchronous', 'x=respond-async']) {
    t.match(parsePrefer(prefer), { isAsync: false }, String(prefer));
  }
});

t.test('Prefer: wait is a number of seconds, the first of several', async (t) => {
  t.match(parsePrefer('wait=10'), { waitMs: 10_000 });
  t.match(parsePrefer('wait=99999999999'), { waitMs: 99_999_999_999_000 }, 'as long as it may');
  t.match(parsePrefer('x, WAIT = "10"; y'), { waitMs: 10_000 });
  t.match(parsePrefer('wait=1, wait=2'), { waitMs: 1_000 });
  for (const prefer of ['wait', 'wait=', 'wait=-1', 'wait=1.5', 'wait=x', 'await=5']) {
    t.match(parsePrefer(prefer), { waitMs: 0 }, prefer);
  }
});
