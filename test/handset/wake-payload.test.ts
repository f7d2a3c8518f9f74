import fc from 'fast-check';
import t from 'tap';
import { checkPayload } from '../../handset/wake-payload.js';
import { wakeupPayload } from '../../shared/wakeup/datagram.js';

const check = (text: string, port = 4000) => checkPayload(Buffer.from(text, 'latin1'), port);

t.test('takes what a gateway sends, for IPv4 and IPv6', async (t) => {
  for (const ip of ['10.1.2.3', '127.0.0.1', 'fd12:3456:7::1', '::1']) {
    t.equal(checkPayload(wakeupPayload(ip, 4000), 4000), 'wakeup', ip);
  }
});

t.test('takes any address with its own port, for translators change addresses', async (t) => {
  t.equal(check('NOTIFY 203.0.113.9:4000'), 'wakeup');
});

t.test('forgives a final line end', async (t) => {
  t.equal(check('NOTIFY 10.1.2.3:4000\n'), 'wakeup');
  t.equal(check('NOTIFY 10.1.2.3:4000\r\n'), 'wakeup');
});

t.test('ignores a wakeup that names another port', async (t) => {
  for (const port of ['4001', '400', '40000', '1', '65535', '99999']) {
    t.equal(check(`NOTIFY 10.1.2.3:${port}`), 'other-port', port);
  }
});

t.test('ignores more than 128 bytes', async (t) => {
  t.equal(check(`NOTIFY ${'1'.repeat(130)}`), 'too-long');
  t.equal(check('x'.repeat(129)), 'too-long');
  t.equal(check('x'.repeat(128)), 'not-a-wakeup');
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
  ];
  for (const text of others) t.equal(check(text), 'not-a-wakeup', JSON.stringify(text));
});

t.test('no bytes make it throw', async (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 65535 }),
      (bytes, p) => {
        checkPayload(Buffer.from(bytes), p);
        checkPayload(Buffer.concat([Buffer.from('NOTIFY '), bytes]), p);
      },
    ),
  );
  t.pass('holds');
});
