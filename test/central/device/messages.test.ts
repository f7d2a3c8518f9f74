// Messages with a payload, from the store to a device and back: sent one by one, acked, sent again, given up.
import t from 'tap';
import { messagesInFlightMax } from '../../../central/deliver/flush.js';
import { traces } from '../../../shared/traces.js';
import { type Met, openDevices } from '../../support/central-devices.js';
import { during } from '../../support/running-central.js';
import { connectDevice, type Frame, type TestDevice } from '../../support/test-device.js';

const webPush = { use_webpush: true };
const body = (text: string) => Buffer.from(text);
const textOf = ({ data }: Frame) => Buffer.from(String(data), 'base64url').toString();

/** Resolves when everything before it was handled. */
async function settled(device: TestDevice): Promise<Frame> {
  device.send({});
  return device.receive();
}

function ack(device: TestDevice, ...updates: Frame[]): void {
  device.send({ messageType: 'ack', updates });
}

const entry = ({ channel }: Met, version: unknown, code?: number) => {
  return { channelID: channel, version, ...(code !== undefined && { code }) };
};

t.test('sends a message at once, with its data, and it is delivered then', async (t) => {
  const { store, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const [id] = await send(met, { body: body('hello'), encoding: { encoding: 'aes128gcm' } });
  t.same(await met.socket.receive(), {
    ...{ messageType: 'notification', channelID: 'c1', version: id },
    ...{ data: 'aGVsbG8', headers: { encoding: 'aes128gcm' } },
  });
  await settled(met.socket);
  t.match(await store.messageStatus(met.device, id as never), { state: 'delivered' });
});

t.test('sends one message a frame, the oldest first', async (t) => {
  const { meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const ids = await send(met, { body: body('1') }, { body: body('2') }, { body: body('3') });
  for (const [i, id] of ids.entries()) {
    const frame = await met.socket.receive();
    t.match(frame, { version: id });
    t.equal(textOf(frame), String(i + 1));
  }
});

t.test('takes any code of an ack for the last word', async (t) => {
  const { store, clock, meet, send, reconnect } = await openDevices(t);
  const met = await meet(webPush);
  const ids = await send(met, ...[100, 101, 102, 999, undefined].map(() => ({})));
  for (const _ of ids) await met.socket.receive();
  ack(met.socket, entry(met, ids[0], 100));
  ack(met.socket, entry(met, ids[1], 101), entry(met, ids[2]?.toUpperCase(), 102));
  ack(met.socket, entry(met, ids[3], 999), entry(met, ids[4]));
  t.same(await settled(met.socket), {});
  for (const [i, code] of [100, 101, 102, undefined, undefined].entries()) {
    t.match(await store.messageStatus(met.device, ids[i] as never), { state: 'acked', code });
  }
  t.same(await store.pendingMessages(met.device, { nowMs: clock.now(), limit: 9 }), []);
  const again = await reconnect(met, webPush);
  t.same(await settled(again), {});
  t.equal(again.unread(), 0);
});

t.test('keeps what a nack says of a message that was acked', async (t) => {
  const { store, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const [id] = await send(met, {});
  await met.socket.receive();
  ack(met.socket, entry(met, id, 100));
  met.socket.send({ messageType: 'nack', version: id, code: 302 });
  met.socket.send({ messageType: 'nack', version: 'x', code: 302 });
  t.same(await settled(met.socket), {}, 'and answers nothing');
  t.match(await store.messageStatus(met.device, id as never), { state: 'acked', code: 302 });
});

t.test('an ack of another device’s message changes nothing', async (t) => {
  const { store, meet, send } = await openDevices(t);
  const [met, other] = [await meet(webPush), await meet(webPush)];
  const [id] = await send(met, {});
  await met.socket.receive();
  ack(other.socket, entry(other, id, 100));
  await settled(other.socket);
  t.match(await store.messageStatus(met.device, id as never), { state: 'delivered' });
});

t.test('sends what is not acked again: on a keep-alive, after 60 s, after a hello', async (t) => {
  const { clock, events, meet, send, reconnect } = await openDevices(t);
  const met = await meet(webPush);
  await send(met, { body: body('again') });
  const first = await met.socket.receive();
  t.same(await settled(met.socket), {});
  t.same(await met.socket.receive(), first);
  clock.advance(60_100);
  t.same(await during(clock, met.socket.receive()), first);
  t.same(events, ['resent']);
  const again = await reconnect(met, webPush);
  t.same(await again.receive(), first);
});

t.test('gives up a socket when a message stays unanswered twice', async (t) => {
  const { clock, events, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  await send(met, {});
  await met.socket.receive();
  clock.advance(60_100);
  await during(clock, met.socket.receive());
  clock.advance(60_100);
  t.equal((await during(clock, met.socket.closed)).code, 1006);
  t.match(events.slice(0, 2), ['resent', 'unanswered']);
});

t.test('sends the oldest twenty, and further ones as these are acked', async (t) => {
  const { meet, send, reconnect } = await openDevices(t);
  const met = await meet(webPush);
  met.socket.socket.close();
  await met.socket.closed;
  // More than fits into the buffer of a socket at once.
  const large = { body: Buffer.alloc(4_096, 1) };
  const ids = await send(met, ...Array.from({ length: 100 }, () => large));
  const device = await reconnect(met, webPush);
  for (let i = 0; i < messagesInFlightMax; i++) {
    t.match(await device.receive(), { version: ids[i] });
  }
  for (let i = 0; i < ids.length - messagesInFlightMax; i++) {
    t.equal(device.unread(), 0);
    ack(device, entry(met, ids[i], 100));
    t.match(await device.receive(), { version: ids[i + messagesInFlightMax] });
  }
});

t.test('what is dropped on its way to a device is not sent again, and makes room', async (t) => {
  const { store, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const low = { urgency: 'very-low' } as const;
  const sent = await send(met, ...Array.from({ length: messagesInFlightMax }, () => low));
  for (const id of sent) t.match(await met.socket.receive(), { version: id });
  const [next] = await send(met, { urgency: 'high', messagesMax: messagesInFlightMax });
  t.match(await met.socket.receive(), { version: next });
  t.match(await store.messageStatus(met.device, sent[0] as never), { state: 'dropped' });
  ack(met.socket, entry(met, sent[0], 100));
  t.same(await settled(met.socket), {});
  t.match(await store.messageStatus(met.device, sent[0] as never), { state: 'acked' });
  const again = [...sent.slice(1), next];
  for (const id of again) t.match(await met.socket.receive(), { version: id }, 'unacked');
  ack(met.socket, ...again.map((id) => entry(met, id, 100)));
  t.same(await settled(met.socket), {});
  const [last] = await send(met, {});
  t.match(await met.socket.receive(), { version: last });
});

t.test('a message that is acked while others are read comes once', async (t) => {
  const { meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const count = 300;
  const sending = send(met, ...Array.from({ length: count }, () => ({})));
  const told: unknown[] = [];
  while (new Set(told).size < count) {
    const { version } = await met.socket.receive();
    told.push(version);
    ack(met.socket, entry(met, version, 100));
  }
  t.same(told, await sending, 'each once, in its order');
  t.same(await settled(met.socket), {});
});

t.test('what waits behind messages that were cancelled comes without a word', async (t) => {
  const { clock, store, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const ids = await send(met, ...Array.from({ length: messagesInFlightMax + 1 }, () => ({})));
  for (const id of ids.slice(0, messagesInFlightMax)) {
    t.match(await met.socket.receive(), { version: id });
    await store.cancelMessage(met.device, id, clock.now());
  }
  clock.advance(5_100);
  t.match(await during(clock, met.socket.receive()), { version: ids.at(-1) });
});

t.test('a device that goes on without an ack is not kept awake for it', async (t) => {
  const { clock, events, meet, send, reconnect } = await openDevices(t);
  const met = await meet({});
  await send(met, { kind: 'text', body: body('not of my time') });
  const text = { messageType: 'desktopNotification' };
  const isThere = async () => {
    met.socket.send({ messageType: 'of-my-time' });
    t.match(await met.socket.receive(), { status: 405 });
  };
  t.match(await met.socket.receive(), text);
  await isThere();
  clock.advance(60_100);
  t.match(await during(clock, met.socket.receive()), text);
  await isThere();
  clock.advance(60_100);
  await isThere();
  t.same(
    events.filter((event) => event !== 'unknown-type'),
    ['resent', 'resent'],
  );
  clock.advance(600_000);
  t.same(await settled(met.socket), {}, 'nothing follows');
  const again = await reconnect(met, {});
  t.match(await again.receive(), text, 'and it is not lost');
  clock.advance(600_000);
  t.same(await settled(again), {}, 'nor waited for');
});

t.test('sends no more bytes at once than half of what may wait for a device', async (t) => {
  const { meet, send, reconnect } = await openDevices(t, { outboundBytesMax: 24_000 });
  const met = await meet(webPush);
  met.socket.socket.close();
  await met.socket.closed;
  const [huge, ...rest] = await send(
    met,
    ...[11_000, 4_000, 4_000, 4_000].map((length) => ({ body: Buffer.alloc(length) })),
  );
  const device = await reconnect(met, webPush);
  t.match(await device.receive(), { version: huge }, 'one goes out however large');
  await settled(device);
  t.match(await device.receive(), { version: huge });
  t.equal(device.unread(), 0);
  ack(device, entry(met, huge, 100));
  t.match(await device.receive(), { version: rest[0] });
  t.match(await device.receive(), { version: rest[1] });
  await settled(device);
  for (const id of rest.slice(0, 2)) t.match(await device.receive(), { version: id });
  ack(device, entry(met, rest[1], 100));
  t.match(await device.receive(), { version: rest[2] });
});

t.test('never sends a message whose time is over, and waits for its ack no longer', async (t) => {
  const { clock, events, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const [, lasting] = await send(met, { expiresMs: clock.now() + 5_000 }, {});
  await met.socket.receive();
  await met.socket.receive();
  clock.advance(5_000);
  await settled(met.socket);
  t.match(await met.socket.receive(), { version: lasting });
  ack(met.socket, entry(met, lasting, 100));
  await settled(met.socket);
  clock.advance(600_000);
  t.same(await settled(met.socket), {});
  t.same(events, [], 'nothing is left to send again');
});

t.test('a message that was cancelled is not sent again', async (t) => {
  const { clock, store, events, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const [id] = await send(met, {});
  await met.socket.receive();
  await store.cancelMessage(met.device, id as never, clock.now());
  t.same(await settled(met.socket), {});
  t.same(await settled(met.socket), {}, 'the reading for the first keep-alive found nothing');
  clock.advance(600_000);
  t.same(await settled(met.socket), {});
  t.same(events, []);
});

t.test('an unregistered channel takes its messages along', async (t) => {
  const { clock, store, events, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const [id] = await send(met, {});
  await met.socket.receive();
  met.socket.send({ messageType: 'unregister', channelID: 'c1' });
  t.match(await met.socket.receive(), { status: 200 });
  t.match(await store.messageStatus(met.device, id as never), { state: 'unregistered' });
  clock.advance(600_000);
  t.same(await settled(met.socket), {});
  t.same(events, []);
});

t.test('a text is a desktopNotification, and survives until it is acked by its id', async (t) => {
  const { store, meet, send, reconnect } = await openDevices(t);
  const met = await meet({});
  const [id] = await send(met, { kind: 'text', body: body('Grüße') });
  const frame = {
    messageType: 'desktopNotification',
    updates: [{ channelID: 'c1', _internal_id: id, body: 'Grüße' }],
  };
  t.same(await met.socket.receive(), frame);
  const again = await reconnect(met, {});
  t.same(await again.receive(), frame);
  ack(again, { channelID: 'c1', _internal_id: id });
  t.same(await settled(again), {});
  t.match(await store.messageStatus(met.device, id as never), { state: 'acked' });
  const third = await reconnect(met, {});
  t.same(await settled(third), {});
  t.equal(third.unread(), 0);
});

t.test('versions and texts go out together, each in its own frames', async (t) => {
  const { clock, store, presence, meet, send } = await openDevices(t);
  const met = await meet({});
  const times = { nowMs: clock.now(), wakeupDueMs: clock.now() };
  const { device, channel } = met;
  await store.put({ device, channel, version: 4, lane: 'prompt', ...times });
  presence.signal(device);
  t.match(await met.socket.receive(), { messageType: 'notification' });
  const [id] = await send(met, { kind: 'text', body: body('x') });
  t.match(await met.socket.receive(), { messageType: 'desktopNotification' });
  ack(met.socket, entry(met, '4'), { channelID: 'c1', _internal_id: id });
  t.same(await settled(met.socket), {});
  t.same(await settled(met.socket), {}, 'both are acked by one frame');
});

t.test(
  'a device that changes its dialect is sent what it cannot read when it can again',
  async (t) => {
    const { store, meet, send, reconnect } = await openDevices(t);
    const met = await meet(webPush);
    const [id] = await send(met, { body: body('x') });
    await met.socket.receive();
    const simple = await reconnect(met, {});
    t.same(await settled(simple), {});
    t.match(await store.messageStatus(met.device, id as never), { state: 'delivered' });
    const [text] = await send(met, { kind: 'text', body: body('y') });
    t.match(await simple.receive(), { updates: [{ _internal_id: text }] });
    simple.send({ messageType: 'hello', ...webPush, uaid: met.uaid });
    t.match(await simple.receive(), { messageType: 'hello', use_webpush: true });
    t.match(await simple.receive(), { messageType: 'notification', version: id });
    ack(simple, entry(met, id, 100));
    t.same(await settled(simple), {});
    t.equal(simple.unread(), 0);
  },
);

t.test('a Web Push client that this database never met gets a new uaid', async (t) => {
  const met = await (await openDevices(t)).meet(webPush);
  const { url, presence } = await openDevices(t);
  const { uaid } = met;
  const hello = async (fields: Frame) => (await connectDevice(t, url)).hello({ uaid, ...fields });
  const answer = await hello(webPush);
  t.match(answer, { status: 200, use_webpush: true });
  t.not(answer.uaid, uaid);
  t.notOk(presence.holds(met.device));
  t.match(await hello({}), { uaid }, 'one of Simple Push may list its channels later');
  t.match(await hello({ ...webPush, channelIDs: ['c1'] }), { uaid }, 'one that lists them is met');
  t.match(await hello(webPush), { uaid }, 'and known from then on');
});

t.test('says in the log how many messages, and nothing of what is in them', async (t) => {
  const { lines, meet, send } = await openDevices(t);
  const met = await meet(webPush);
  const [id] = await send(met, { body: body('a secret'), encoding: { encryption: 'salt=s' } });
  await met.socket.receive();
  ack(met.socket, entry(met, id, 100));
  await settled(met.socket);
  const { device } = met;
  t.match(
    lines.find(({ trace }) => trace.id === traces.delivering.id),
    { fields: { device, updates: 0, messages: 1 } },
  );
  const all = JSON.stringify(lines);
  for (const word of ['secret', body('a secret').toString('base64url'), 'salt', met.uaid]) {
    t.notOk(all.includes(word), word);
  }
});
