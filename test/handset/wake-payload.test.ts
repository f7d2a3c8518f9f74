import fc from 'fast-check';
import t from 'tap';
import { readWakePayload, type Unreadable, type WakePayload } from '../../handset/wake-payload.js';
import { wakeupPayload } from '../../shared/wakeup/datagram.js';

const read = (text: string, port = 4000) => readWakePayload(Buffer.from(text, 'latin1'), port);
const word = 'abcdefghijklmnopqrstuw';

t.test('takes what a gateway sends, for IPv4 and IPv6', async (t) => {
  for (const ip of ['10.1.2.3', '127.0.0.1', 'fd12:3456:7::1', '::1']) {
    t.same(readWakePayload(wakeupPayload(ip, 4000), 4000), { kind: 'plain' }, ip);
    const nonce = readWakePayload(wakeupPayload(ip, 4000, { nonce: word }), 4000);
    t.same(nonce, { kind: 'proof', nonce: word }, ip);
    const auth = { counter: 17, mac: word };
    const bytes = wakeupPayload(ip, 4000, { auth });
    const words = bytes.toString().slice(0, -word.length - 1);
    t.same(readWakePayload(bytes, 4000), { kind: 'signed', words, ...auth }, ip);
  }
});

t.test('takes any address with its own port, for translators change addresses', async (t) => {
  t.same(read('NOTIFY 203.0.113.9:4000'), { kind: 'plain' });
});

t.test('forgives a final line end, which is none of the words', async (t) => {
  for (const end of ['\n', '\r\n']) {
    t.same(read(`NOTIFY 10.1.2.3:4000${end}`), { kind: 'plain' });
    t.same(read(`NOTIFY 10.1.2.3:4000 ${word}${end}`), { kind: 'proof', nonce: word });
    t.match(read(`NOTIFY 10.1.2.3:4000 5 ${word}${end}`), { words: /4000 5$/, mac: word });
  }
});

t.test('takes a nonce of digits alone for a nonce', async (t) => {
  const nonce = '123456789012345678901Q';
  t.same(read(`NOTIFY 10.1.2.3:4000 ${nonce}`), { kind: 'proof', nonce });
});

t.test('counts up to 2^53-1', async (t) => {
  t.match(read(`NOTIFY 10.1.2.3:4000 9007199254740991 ${word}`), { counter: 2 ** 53 - 1 });
  t.equal(read(`NOTIFY 10.1.2.3:4000 9007199254740992 ${word}`), 'not-a-wakeup');
});

t.test('ignores what names another port', async (t) => {
  for (const port of ['4001', '400', '40000', '1', '65535', '99999']) {
    for (const words of ['', ` ${word}`, ` 5 ${word}`]) {
      t.equal(read(`NOTIFY 10.1.2.3:${port}${words}`), 'other-port', port);
    }
  }
});

t.test('ignores more than 128 bytes', async (t) => {
  t.equal(read(`NOTIFY ${'1'.repeat(130)}`), 'too-long');
  t.equal(read('x'.repeat(129)), 'too-long');
  t.equal(read('x'.repeat(128)), 'not-a-wakeup');
});

t.test('ignores everything else', async (t) => {
  const others = [
    '',
    'NOTIFY',
    'NOTIFY ',
    'notify 10.1.2.3:4000',
    'NOTIFY 10.1.2.3',
    'NOTIFY 10.1.2.3:',
    'NOTIFY 10.1.2.3:0',
    'NOTIFY 10.1.2.3:04000',
    'NOTIFY 10.1.2.3:+4000',
    'NOTIFY  10.1.2.3:4000',
    ' NOTIFY 10.1.2.3:4000',
    'NOTIFY\t10.1.2.3:4000',
    'NOTIFY 10.1.2.3:4000 ',
    'NOTIFY 10.1.2.3:4000\n\n',
    'NOTIFY 10.1.2.3:4000\0',
    'NOTIFY 10.1.2:4000',
    'NOTIFY 10.1.2.03:4000',
    'NOTIFY 256.1.2.3:4000',
    'NOTIFY [10.1.2.3]:4000',
    'NOTIFY fd12::1:4000',
    'NOTIFY [fd12::1%eth0]:4000',
    'NOTIFY [fd12::1:4000',
    'NOTIFY [xyz]:4000',
    'NOTIFY host.example:4000',
    'NOTIFY {"ip":"10.1.2.3","port":"4000"}',
    'GET / HTTP/1.1\r\n',
    'NOTIFY 10.1.2.3:4000 5',
    `NOTIFY 10.1.2.3:4000 0 ${word}`,
    `NOTIFY 10.1.2.3:4000 05 ${word}`,
    `NOTIFY 10.1.2.3:4000 -5 ${word}`,
    `NOTIFY 10.1.2.3:4000 5.0 ${word}`,
    `NOTIFY 10.1.2.3:4000 ${word} 5`,
    `NOTIFY 10.1.2.3:4000  ${word}`,
    `NOTIFY 10.1.2.3:4000 ${word} `,
    `NOTIFY 10.1.2.3:4000 ${word} ${word}`,
    `NOTIFY 10.1.2.3:4000 5 ${word} ${word}`,
    `NOTIFY 10.1.2.3:4000 ${word}x`,
    `NOTIFY 10.1.2.3:4000 ${word.slice(1)}`,
    `NOTIFY 10.1.2.3:4000 ${word.slice(0, -1)}=`,
    // More than 128 bits: the same bits would have several texts.
    `NOTIFY 10.1.2.3:4000 ${word.slice(0, -1)}x`,
  ];
  for (const text of others) t.equal(read(text), 'not-a-wakeup', JSON.stringify(text));
});

const anyPort = fc.integer({ min: 1, max: 65535 });
const anyIp = fc.oneof(
  fc.ipV4(),
  fc.ipV6().filter((ip) => !ip.includes('.')),
);
const anyWord = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'));
const anyAuth = fc.record({ counter: fc.integer({ min: 1, max: 2 ** 53 - 1 }), mac: anyWord });

t.test('reads whatever a gateway can compose', async (t) => {
  fc.assert(
    fc.property(anyIp, anyPort, anyWord, anyAuth, (ip, port, nonce, auth) => {
      t.same(readWakePayload(wakeupPayload(ip, port), port), { kind: 'plain' });
      const proof = readWakePayload(wakeupPayload(ip, port, { nonce }), port);
      t.same(proof, { kind: 'proof', nonce });
      t.match(readWakePayload(wakeupPayload(ip, port, { auth }), port), auth);
    }),
  );
});

t.test('makes a typed value or a reason of any bytes', async (t) => {
  const isTyped = (said: WakePayload | Unreadable) => {
    if (typeof said === 'string') return ['too-long', 'not-a-wakeup', 'other-port'].includes(said);
    return ['plain', 'proof', 'signed'].includes(said.kind);
  };
  const some = fc.constantFrom('NOTIFY ', '10.1.2.3', '[fd12::1]', ':4000', ' 5', ` ${word}`, '\n');
  const nearly = fc.array(fc.oneof(some, fc.string({ maxLength: 3 }))).map((all) => all.join(''));
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    nearly.map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(anyBytes, anyPort, (bytes, port) => isTyped(readWakePayload(bytes, port))),
    { numRuns: 5000 },
  );
  t.pass('holds');
});
