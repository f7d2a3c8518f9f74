// docs/device-protocol.md: its test vector for signed wakeups is right, as central writes them and as anyone computes
// them, and its close codes are those of the table.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { closeCodes, protocolErrors } from '../../central/protocol/codes.js';
import { datagramBytesMax, isWakeupMac, wakeupPayload } from '../../shared/wakeup/datagram.js';

const page = readFileSync('docs/device-protocol.md', 'utf8');
const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
const [, block = ''] = /^```datagrams\n([\s\S]*?)\n```/m.exec(page) ?? [];

t.test('the signed wakeups of the test vector are those that central asks for', async (t) => {
  t.match(page, `\`${key.toString('base64url')}\``, 'under the key of the page');
  const datagrams = block.split('\n');
  t.equal(datagrams.length, 3);
  for (const datagram of datagrams) {
    const [, ip = '', port = '', counter = '', mac = ''] =
      /^NOTIFY \[?([0-9a-f.:]+?)\]?:([0-9]+) ([0-9]+) (\S+)$/.exec(datagram) ?? [];
    const auth = { counter: Number(counter), mac };
    t.equal(wakeupPayload(ip, Number(port), { auth }).toString(), datagram);
    t.ok(datagram.length <= datagramBytesMax);
    const words = datagram.slice(0, -mac.length - 1);
    t.ok(isWakeupMac(key, words, mac), datagram);
    t.notOk(isWakeupMac(key, words.replace(/.$/, '0'), mac), 'and of no other counter');
  }
});

t.test('the example by hand is the first of them', async (t) => {
  const [datagram = ''] = block.split('\n');
  const code = datagram.split(' ').at(-1) ?? '';
  const words = datagram.slice(0, -code.length - 1);
  const full = createHmac('sha256', key).update(words).digest();
  t.equal(full.subarray(0, 16).toString('base64url'), code);
  const { length } = words;
  for (const part of [full.toString('hex'), full.toString('hex').slice(0, 32), words]) {
    t.ok(page.includes(`\`${part}\``), part);
  }
  t.ok(page.includes(`, ${length} bytes; its HMAC`));
});

t.test('every close code and status of central is on the page', async (t) => {
  for (const code of Object.values(closeCodes))
    t.match(page, new RegExp(`^\\| \\*?\\*?${code}\\b`, 'm'));
  for (const { status, reason } of Object.values(protocolErrors)) {
    t.ok(page.includes(`| ${status} | \`${reason}\` |`), reason);
  }
});
