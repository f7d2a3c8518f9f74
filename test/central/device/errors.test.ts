// What a device may do wrong, one input per rule: the status, the close, and what stays open.
import t from 'tap';
import { maskedFrame, opcodes, openRawDevice } from '../../support/raw-device.js';
import { startCentral } from '../../support/running-central.js';
import { connectDevice, type Frame } from '../../support/test-device.js';

interface Case {
  name: string;
  frame: Frame | string | Buffer;
  status: number;
  messageType?: string;
  close: number;
}

const afterHello: Case[] = [
  { name: 'text that is not JSON', frame: 'hello', status: 450, close: 1007 },
  { name: 'an empty frame', frame: '', status: 450, close: 1007 },
  { name: 'lower-case ping', frame: 'ping', status: 450, close: 1007 },
  { name: 'null', frame: 'null', status: 450, close: 1007 },
  { name: 'a list', frame: '[]', status: 450, close: 1007 },
  { name: 'a number', frame: '5', status: 450, close: 1007 },
  { name: 'a binary frame', frame: Buffer.from('{}'), status: 463, close: 1003 },
  {
    name: 'register without a channelID',
    frame: { messageType: 'register' },
    status: 457,
    messageType: 'register',
    close: 1008,
  },
  {
    name: 'register of an empty channelID',
    frame: { messageType: 'register', channelID: '' },
    status: 457,
    messageType: 'register',
    close: 1008,
  },
  {
    name: 'register of a channelID of 129 characters',
    frame: { messageType: 'register', channelID: 'x'.repeat(129) },
    status: 457,
    messageType: 'register',
    close: 1008,
  },
  {
    name: 'register of a channelID that is a number',
    frame: { messageType: 'register', channelID: 5 },
    status: 457,
    messageType: 'register',
    close: 1008,
  },
  {
    name: 'unregister of a list',
    frame: { messageType: 'unregister', channelID: ['c'] },
    status: 457,
    messageType: 'unregister',
    close: 1008,
  },
  {
    name: 'ack without updates',
    frame: { messageType: 'ack' },
    status: 457,
    messageType: 'ack',
    close: 1008,
  },
  {
    name: 'ack of [null]',
    frame: { messageType: 'ack', updates: [null] },
    status: 457,
    messageType: 'ack',
    close: 1008,
  },
  {
    name: 'hello with channelIDs that are a text',
    frame: { messageType: 'hello', channelIDs: 'c' },
    status: 457,
    messageType: 'hello',
    close: 1008,
  },
];

const shared = await startCentral(t);

for (const { name, frame, status, messageType, close } of afterHello) {
  t.test(`answers ${name} with ${status} and closes with ${close}`, async (t) => {
    const { url, metric } = shared;
    const closes = () => metric(`reveille_central_closes_total{code="${close}"}`);
    const before = await closes();
    const device = await connectDevice(t, url);
    await device.hello();
    device.send(frame);
    const answer = await device.receive();
    t.match(answer, { status, reason: String });
    t.equal(answer.messageType, messageType);
    t.equal((await device.closed).code, close);
    t.equal(await closes(), before + 1);
  });
}

t.test('answers 450 to a text frame that is not UTF-8', async (t) => {
  const { url } = shared;
  const device = openRawDevice(t, url);
  await device.answered;
  device.write(maskedFrame(opcodes.text, Buffer.from([0x7b, 0xff, 0x7d])));
  t.match(JSON.parse(String((await device.receive()).payload)), { status: 450 });
  t.equal((await device.receive()).payload.readUInt16BE(), 1007);
});

t.test(
  'answers whatever is not hello or a keep-alive before hello with 459 and closes',
  async (t) => {
    const { url } = shared;
    const early: Frame[] = [
      { messageType: 'register', channelID: 'c' },
      { messageType: 'unregister', channelID: 'c' },
      { messageType: 'ack', updates: [] },
      { messageType: 'unheard-of' },
    ];
    for (const frame of early) {
      const device = await connectDevice(t, url);
      device.send(frame);
      const { messageType } = frame;
      t.match(await device.receive(), { messageType, status: 459, reason: String });
      t.equal((await device.closed).code, 1008);
    }
  },
);

t.test('answers an unknown messageType with 405 and goes on', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello();
  for (const messageType of ['broadcast_subscribe', 'HELLO', 'constructor', '', 'error', 'ping']) {
    device.send({ messageType });
    t.match(await device.receive(), { messageType, status: 405, reason: String });
  }
  for (const messageType of [null, 5, ['hello'], { a: 1 }]) {
    device.send({ messageType, channelID: 'c' });
    const answer = await device.receive();
    t.match(answer, { status: 405 });
    t.notOk('messageType' in answer, 'only a text is echoed');
  }
  t.equal((await device.hello()).uaid, uaid);
});

t.test('closes a frame over 20 KiB with 1009 and serves on', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  await device.hello();
  const filler = 'x'.repeat(20_480 - '{"messageType":""}'.length);
  device.send({ messageType: filler });
  t.match(await device.receive(), { status: 405 }, 'exactly 20 KiB is taken');
  device.send({ messageType: `${filler}x` });
  t.equal((await device.closed).code, 1009);
  t.equal((await (await connectDevice(t, url)).hello()).status, 200);
});

t.test('closes a message over 20 KiB in small fragments with 1009', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  await device.hello();
  for (let i = 0; i < 30; i++) device.socket.send('x'.repeat(1_000), { fin: false });
  t.equal((await device.closed).code, 1009);
});

t.test('closes a frame that breaks RFC 6455 with 1002 and serves on', async (t) => {
  const { url } = shared;
  const unmasked = Buffer.from([0x81, 0x02, 0x7b, 0x7d]);
  const reserved = maskedFrame(0x40 | opcodes.text, Buffer.from('{}'));
  const opcode = maskedFrame(3, Buffer.from('{}'));
  const longPing = maskedFrame(opcodes.ping, Buffer.alloc(126));
  const continuation = maskedFrame(0, Buffer.from('{}'));
  for (const bytes of [unmasked, reserved, opcode, longPing, continuation]) {
    const device = openRawDevice(t, url);
    await device.answered;
    device.write(bytes);
    const frame = await device.receive();
    t.equal(frame.opcode, opcodes.close);
    t.equal(frame.payload.readUInt16BE(), 1002);
    t.equal(await device.ended, 'fin');
  }
  t.equal((await (await connectDevice(t, url)).hello()).status, 200);
});

t.test('handles pipelined messages in their order, mistakes among them', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  device.send({ messageType: 'hello' });
  device.send({ messageType: 'register', channelID: 'a' });
  device.send({ messageType: 'unheard-of' });
  device.send({ messageType: 'unregister', channelID: 'a' });
  device.send('PING');
  device.send({ messageType: 'register', channelID: 'b' });
  device.send('what');
  const heard: unknown[] = [];
  for (let i = 0; i < 7; i++) {
    const { messageType, text, status } = await device.receive();
    heard.push(messageType ?? text ?? status);
  }
  t.same(heard, ['hello', 'register', 'unheard-of', 'unregister', 'PONG', 'register', 450]);
  t.equal((await device.closed).code, 1007);
});

t.test('reads a flood no faster than it can handle it, and answers all of it', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  await device.hello();
  const names = Array.from({ length: 2_000 }, (_, i) => `c${i % 50}`);
  for (const channelID of names) device.send({ messageType: 'register', channelID });
  for (const channelID of names) t.equal((await device.receive()).channelID, channelID);
});
