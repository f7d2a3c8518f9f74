// Web Push clients over real sockets: Firefox as it speaks on the wire, and a phone with KaiOS that sleeps.
import { createECDH, randomUUID } from 'node:crypto';
import t from 'tap';
import { endpointPaths } from '../../../central/protocol/endpoint.js';
import { traces } from '../../../shared/traces.js';
import { openRawDevice } from '../../support/raw-device.js';
import { during, startCentral, startWakingCentral } from '../../support/running-central.js';
import { connectDevice, type Frame, put, type TestDevice } from '../../support/test-device.js';

const shared = await startCentral(t);
const firefox = { broadcasts: {}, use_webpush: true };

/** Connects as Firefox does; the device, and its uaid. */
async function openFirefox(t: { teardown(fn: () => unknown): unknown }, url: string) {
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello(firefox);
  return { device, uaid };
}

/** Where a version is put to a channel, whatever its device speaks. */
const versionsOf = (endpoint: string) => endpoint.replace(endpointPaths.push, endpointPaths.text);

async function ask(device: TestDevice, frame: Frame): Promise<Frame> {
  device.send(frame);
  return device.receive();
}

t.test('answers a hello of Firefox 153 with use_webpush and a uaid', async (t) => {
  const { url } = shared;
  const device = openRawDevice(t, url);
  t.match(await device.answered, '101');
  device.sendText(
    '{"messageType":"hello","broadcasts":{"remote-settings/monitor_changes":"\\"1\\""},"use_webpush":true}',
  );
  const answer = String((await device.receive()).payload);
  const { uaid } = JSON.parse(answer);
  t.match(uaid, /^[\w-]{1,128}$/);
  t.equal(
    answer,
    `{"messageType":"hello","uaid":"${uaid}","status":200,"use_webpush":true,"broadcasts":{}}`,
  );
});

t.test('says use_webpush to no client that did not', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  t.same(Object.keys(await device.hello()).sort(), ['messageType', 'status', 'uaid']);
  const other = await connectDevice(t, url);
  t.notOk('use_webpush' in (await other.hello({ use_webpush: false })));
});

t.test('answers register with 200 and an endpoint below /wpush/v1/', async (t) => {
  const { url } = shared;
  const { device, uaid } = await openFirefox(t, url);
  const channelID = randomUUID();
  const answer = await ask(device, { messageType: 'register', channelID });
  t.same(Object.keys(answer).sort(), ['channelID', 'messageType', 'pushEndpoint', 'status']);
  t.match(answer, { messageType: 'register', channelID, status: 200 });
  t.ok(String(answer.pushEndpoint).startsWith(`${url}/wpush/v1/`));
  const simple = await connectDevice(t, url);
  await simple.hello({ uaid });
  const endpoint = await simple.register(channelID);
  t.equal(endpoint, versionsOf(String(answer.pushEndpoint)), 'the token is the same');
});

t.test('takes a key with padding, and refuses what is none with 400', async (t) => {
  const { device } = await openFirefox(t, shared.url);
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  const key = ecdh.getPublicKey();
  for (const said of [`${key.toString('base64url')}=`, key.toString('base64url')]) {
    const channelID = randomUUID();
    const answer = await ask(device, { messageType: 'register', channelID, key: said });
    t.match(answer, { status: 200, channelID });
  }
  const channelID = randomUUID();
  const refused = await ask(device, { messageType: 'register', channelID, key: 'AAAA' });
  t.match(refused, { messageType: 'register', channelID, status: 400, reason: String });
  t.same(await ask(device, {}), {}, 'and the socket stays');
});

t.test('answers unregister with 200, and with 202 in Simple Push', async (t) => {
  const { device } = await openFirefox(t, shared.url);
  const channelID = randomUUID();
  const endpoint = versionsOf(await device.register(channelID));
  for (let i = 0; i < 2; i++) {
    t.same(await ask(device, { messageType: 'unregister', channelID, code: 200 }), {
      ...{ messageType: 'unregister', channelID, status: 200 },
    });
  }
  t.equal((await put(endpoint, 1)).status, 404);
  const simple = await connectDevice(t, shared.url);
  await simple.hello();
  t.match(await ask(simple, { messageType: 'unregister', channelID }), { status: 202 });
});

t.test('a version is a notification without data, and acked by its number', async (t) => {
  const { url } = shared;
  const { device, uaid } = await openFirefox(t, url);
  const [one, other] = [randomUUID(), randomUUID()];
  const endpoint = versionsOf(await device.register(one));
  await put(endpoint, 7);
  const notification = { messageType: 'notification', channelID: one, version: '7' };
  t.same(await device.receive(), notification);
  await put(versionsOf(await device.register(other)), 1);
  t.same(await device.receive(), { ...notification, channelID: other, version: '1' });
  device.send({ messageType: 'ack', updates: [{ channelID: one, version: '7', code: 100 }] });
  t.same(await ask(device, {}), {});
  t.match(await device.receive(), { channelID: other }, 'the other one is still pending');
  device.send({ messageType: 'ack', updates: [{ channelID: other, version: '1', code: 102 }] });
  t.same(await ask(device, {}), {});
  const again = await connectDevice(t, url);
  t.match(await again.hello({ ...firefox, uaid }), { uaid, status: 200 });
  await put(endpoint, 8);
  t.same(await again.receive(), { ...notification, version: '8' }, 'and nothing before it');
});

t.test('passes over broadcast_subscribe without a word', async (t) => {
  const { device } = await openFirefox(t, shared.url);
  const broadcasts = { 'remote-settings/monitor_changes': '"0"' };
  device.send({ messageType: 'broadcast_subscribe', broadcasts });
  t.same(await ask(device, {}), {}, 'the keep-alive is the next thing heard');
});

t.test('answers {} and ping with {}, PING with PONG, other types with 405', async (t) => {
  const { device } = await openFirefox(t, shared.url);
  t.same(await ask(device, {}), {});
  t.same(await ask(device, { messageType: 'ping' }), {});
  device.send('PING');
  t.same(await device.receive(), { text: 'PONG' });
  t.match(await ask(device, { messageType: 'purge' }), { messageType: 'purge', status: 405 });
  t.same(await ask(device, {}), {});
});

t.test('reads what follows a hello in the dialect that the hello asks for', async (t) => {
  const device = await connectDevice(t, shared.url);
  const channelID = randomUUID();
  device.send({ messageType: 'hello', ...firefox });
  device.send({ messageType: 'register', channelID, key: 'AAAA' });
  device.send({ messageType: 'unregister', channelID });
  t.match(await device.receive(), { messageType: 'hello', use_webpush: true });
  t.match(await device.receive(), { messageType: 'register', status: 400 });
  t.match(await device.receive(), { messageType: 'unregister', status: 200 });
});

t.test('a hello on the same socket may change the dialect', async (t) => {
  const { url } = shared;
  const { device, uaid } = await openFirefox(t, url);
  const channelID = randomUUID();
  const endpoint = versionsOf(await device.register(channelID));
  await put(endpoint, 3);
  t.match(await device.receive(), { channelID, version: '3' });
  t.notOk('use_webpush' in (await device.hello({ uaid })));
  t.same(await device.receive(), {
    ...{ messageType: 'notification', updates: [{ channelID, version: '3' }] },
  });
  t.match(await device.hello({ ...firefox, uaid }), { use_webpush: true });
  t.same(await device.receive(), { messageType: 'notification', channelID, version: '3' });
});

const phone = {
  use_webpush: true,
  wakeup_hostport: { ip: '127.0.0.1', port: 2442 },
  mobilenetwork: { mcc: '214', mnc: '07', netid: '214-07.default' },
};

t.test('puts a phone with KaiOS to sleep with 4774, and wakes it by datagram', async (t) => {
  const { url, clock, gateway, watch } = await startWakingCentral(t);
  const device = await connectDevice(t, url);
  const { uaid, ...answer } = await device.hello(phone);
  t.match(answer, { status: 201, use_webpush: true });
  const channelID = randomUUID();
  const endpoint = versionsOf(await device.register(channelID));
  clock.advance(10_100);
  t.equal((await during(clock, device.closed)).code, 4774);
  await watch.logged(traces.deviceClosed);
  await put(endpoint, 5);
  const [wakeup] = await during(clock, gateway.nextBatch());
  t.match(wakeup, { ip: '127.0.0.1', port: 2442, network: '214-07', protocol: 'udp' });
  const again = await connectDevice(t, url);
  t.match(await again.hello({ ...phone, uaid }), { uaid, status: 201 });
  t.same(await again.receive(), { messageType: 'notification', channelID, version: '5' });
  again.send({ messageType: 'ack', updates: [{ channelID, version: '5' }] });
  t.same(await ask(again, {}), {});
  clock.advance(10_100);
  t.equal((await during(clock, again.closed)).code, 4774);
});

t.test('closes no client with 4774 that says no address or no network', async (t) => {
  const { url, clock } = await startWakingCentral(t);
  const { wakeup_hostport, mobilenetwork, use_webpush } = phone;
  const hellos = [
    { use_webpush },
    { use_webpush, wakeup_hostport },
    { use_webpush, mobilenetwork },
  ];
  for (const fields of hellos) {
    const device = await connectDevice(t, url);
    t.match(await device.hello(fields), { status: 200 });
    clock.advance(24 * 3_600_000);
    t.same(await ask(device, {}), {}, Object.keys(fields).join(' '));
  }
});
