// What a wakeup's datagram says, and the code by which a handset knows it.
import { createHmac } from 'node:crypto';
import t from 'tap';
import {
  datagramBytesMax,
  isDatagramCounter,
  isDatagramWord,
  isWakeupMac,
  wakeupMac,
  wakeupPayload,
} from '../../../shared/wakeup/datagram.js';

const key = Buffer.alloc(32, 7);
const longestAddress = ['1111:2222:3333:4444:5555:6666:7777:8888', 65_535] as const;

t.test('a handset is woken with NOTIFY, its address and port', async (t) => {
  t.equal(wakeupPayload('10.1.2.3', 5000).toString('latin1'), 'NOTIFY 10.1.2.3:5000');
  t.equal(wakeupPayload('fd12::1', 65_535).toString('latin1'), 'NOTIFY [fd12::1]:65535');
});

t.test('a nonce, or a counter and its code, follow the first two words', async (t) => {
  const nonce = Buffer.alloc(16, 1).toString('base64url');
  const text = wakeupPayload('10.1.2.3', 5000, { nonce }).toString('latin1');
  t.equal(text, `NOTIFY 10.1.2.3:5000 ${nonce}`);
  const mac = wakeupMac(key, { ip: '10.1.2.3', port: 5000, counter: 42 });
  const words = wakeupPayload('10.1.2.3', 5000, { auth: { counter: 42, mac } }).toString('latin1');
  t.equal(words, `NOTIFY 10.1.2.3:5000 42 ${mac}`);
});

t.test('the longest datagram has at most 128 bytes', async (t) => {
  const [ip, port] = longestAddress;
  const counter = Number.MAX_SAFE_INTEGER;
  const mac = wakeupMac(key, { ip, port, counter });
  t.ok(wakeupPayload(ip, port, { auth: { counter, mac } }).length <= datagramBytesMax);
});

t.test('the code is HMAC-SHA-256 over the words before it, cut to 16 bytes', async (t) => {
  const words = 'NOTIFY [fd12::1]:5000 42';
  const mac = wakeupMac(key, { ip: 'fd12::1', port: 5000, counter: 42 });
  const full = createHmac('sha256', key).update(words).digest();
  t.equal(mac, full.subarray(0, 16).toString('base64url'));
  t.ok(isWakeupMac(key, words, mac));
  t.notOk(isWakeupMac(key, 'NOTIFY [fd12::1]:5000 43', mac));
  t.notOk(isWakeupMac(Buffer.alloc(32), words, mac));
  t.notOk(isWakeupMac(key, words, `${mac}A`));
  t.notOk(isWakeupMac(key, words, ''));
});

t.test('words and counters of another form are none', async (t) => {
  t.ok(isDatagramWord(Buffer.alloc(16, 255).toString('base64url')));
  for (const value of ['', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}B`, 7, null]) {
    t.notOk(isDatagramWord(value), String(value));
  }
  t.ok(isDatagramCounter(1));
  for (const value of [0, -1, 1.5, 2 ** 53, '1', undefined]) {
    t.notOk(isDatagramCounter(value), String(value));
  }
});
