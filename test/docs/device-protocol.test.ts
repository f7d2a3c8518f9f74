// docs/device-protocol.md: its test vector for signed wakeups is right, as central writes them and as anyone computes
// them, its close codes are those of the table, and its frames of Web Push those of the dialect.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { webPush } from '../../central/dialects/web-push.js';
import { ackCodes, closeCodes, nackCodes, protocolErrors } from '../../central/protocol/codes.js';
import type { ServerMessage } from '../../central/protocol/messages.js';
import { datagramBytesMax, isWakeupMac, wakeupPayload } from '../../shared/wakeup/datagram.js';
import { channel } from '../support/central-samples.js';

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

/** The frames of the page that follow a prefix, in its chapter on Web Push. */
function framesAfter(prefix: '>' | '<'): string[] {
  const [, chapter = ''] = /^## Web Push\n([\s\S]*?)^## /m.exec(page) ?? [];
  const lines = chapter.split('\n').filter((line) => line.startsWith(`${prefix} {`));
  return lines.map((line) => line.slice(2));
}

t.test('the frames of Web Push clients on the page are read as messages', async (t) => {
  const frames = framesAfter('>');
  const read = frames.map((frame) => webPush.decode(Buffer.from(frame), false));
  const types = ['hello', 'register', 'error', 'unregister', 'ack', 'ack'];
  t.same(
    read.map(({ messageType }) => messageType),
    types,
  );
  t.match(read[2], { error: 'bad-key' });
  t.match(read[4], { messages: [{ code: 100 }], updates: [] });
  t.match(read[5], { messages: [], updates: [{ version: 5 }] });
});

t.test('the frames to Web Push clients on the page are those that central writes', async (t) => {
  const [hello = '', registered = '', refused = '', unregistered = '', ...notified] =
    framesAfter('<');
  const { uaid } = JSON.parse(hello);
  const { channelID, pushEndpoint } = JSON.parse(registered);
  const common = { channel: channel(channelID) };
  const answers: [ServerMessage, string][] = [
    [{ messageType: 'hello', uaid, isWakeable: false, wakeupAuth: undefined }, hello],
    [{ messageType: 'register', ...common, pushEndpoint }, registered],
    [{ messageType: 'error', error: 'bad-key', inReplyTo: 'register', ...common }, refused],
    [{ messageType: 'unregister', ...common }, unregistered],
  ];
  for (const [message, frame] of answers) t.same(webPush.encode(message), [frame]);
  const { version, data, headers } = JSON.parse(notified[0] ?? '');
  const body = Buffer.from(data, 'base64url');
  const message = { id: version, kind: 'push', body, encoding: headers, ...common } as const;
  const updates = [{ ...common, version: 5 }];
  for (const [sent, frame] of [
    [{ updates: [], messages: [message] }, notified[0]],
    [{ updates, messages: [] }, notified[1]],
  ] as const) {
    t.same(webPush.encode({ messageType: 'notification', ...sent }), [frame]);
  }
});

t.test('every code of an ack and of a nack is on the page, and no other', async (t) => {
  const rows = [...page.matchAll(/^\| (1\d\d) \| .* \| (3\d\d) \| .* \|$/gm)];
  t.same(
    rows.map(([, ack]) => Number(ack)),
    ackCodes,
  );
  t.same(
    rows.map(([, , nack]) => Number(nack)),
    nackCodes,
  );
});
