// `register`, `unregister`, `notification` and `ack` over real sockets.
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startCentral } from '../../support/running-central.js';
import { connectDevice, put } from '../../support/test-device.js';

const shared = await startCentral(t);

t.test(
  'answers register with 200, the channelID and an endpoint URL below /v1/notify/',
  async (t) => {
    const { url } = shared;
    const device = await connectDevice(t, url);
    await device.hello();
    const channelID = randomUUID();
    device.send({ messageType: 'register', channelID });
    const answer = await device.receive();
    t.match(answer, { messageType: 'register', status: 200, channelID });
    t.ok(String(answer.pushEndpoint).startsWith(`${url}/v1/notify/`));
    t.equal(await device.register(channelID), answer.pushEndpoint, 'again gives the same URL');
    t.not(await device.register(channelID.toUpperCase()), answer.pushEndpoint);
  },
);

t.test('writes endpoint URLs with publicUrl', async (t) => {
  const { url } = await startCentral(t, { config: { publicUrl: 'https://push.example/base/' } });
  const device = await connectDevice(t, url);
  await device.hello();
  t.match(await device.register('c'), /^https:\/\/push\.example\/base\/v1\/notify\/[\w-]+$/);
});

t.test('gives two devices different URLs for the same channelID', async (t) => {
  const { url } = shared;
  const [one, other] = [await connectDevice(t, url), await connectDevice(t, url)];
  await one.hello();
  await other.hello();
  t.not(await one.register('c'), await other.register('c'));
});

t.test('answers unregister with 202, also for a channel that is not there', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  for (let i = 0; i < 2; i++) {
    device.send({ messageType: 'unregister', channelID: 'c' });
    t.same(await device.receive(), { messageType: 'unregister', channelID: 'c', status: 202 });
  }
  t.equal((await put(endpoint, 1)).status, 404);
});

t.test('answers a register beyond the limit of channels with 460 and closes', async (t) => {
  const { url } = await startCentral(t, { config: { channelsPerDeviceMax: 2 } });
  const device = await connectDevice(t, url);
  await device.hello();
  await device.register('a');
  await device.register('b');
  await device.register('a');
  device.send({ messageType: 'register', channelID: 'c' });
  t.match(await device.receive(), { messageType: 'register', status: 460, reason: String });
  t.equal((await device.closed).code, 1011);
});

t.test('sends a PUT to a connected device at once, its version as a decimal string', async (t) => {
  const { url, metric } = await startCentral(t);
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  for (const version of ['0', '42', '9007199254740991']) {
    await put(endpoint, version);
    t.same(await device.receive(), {
      messageType: 'notification',
      updates: [{ channelID: 'c', version }],
    });
  }
  t.equal(await metric('reveille_central_notifications_total{path="socket"}'), 3);
});

t.test('sends nothing for a version that is not newer', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 5);
  await device.receive();
  t.equal((await put(endpoint, 5)).status, 200);
  t.equal((await put(endpoint, 4)).status, 200);
  await put(endpoint, 6);
  t.match(await device.receive(), { updates: [{ channelID: 'c', version: '6' }] });
});

t.test('does not answer an ack, and an acked version comes no more', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 5);
  await device.receive();
  device.ack('c', 5);
  device.send('{}');
  t.same(await device.receive(), {}, 'the keep-alive is the next thing heard');
  const again = await connectDevice(t, url);
  await again.hello({ uaid });
  await put(endpoint, 6);
  t.match(await again.receive(), { updates: [{ version: '6' }] });
});

t.test('an ack of an older version leaves the newer one pending', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 5);
  await device.receive();
  await put(endpoint, 6);
  await device.receive();
  device.ack('c', 5);
  device.send('{}');
  t.same(await device.receive(), {});
  t.match(await device.receive(), { updates: [{ channelID: 'c', version: '6' }] });
});

t.test('an ack beyond the stored version does not swallow the next one', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 5);
  await device.receive();
  device.ack('c', 1000);
  device.send('{}');
  t.same(await device.receive(), {});
  await put(endpoint, 6);
  t.match(await device.receive(), { updates: [{ version: '6' }] });
});

t.test(
  'takes versions as numbers too, ignores what is none and channels it does not know',
  async (t) => {
    const { url } = shared;
    const device = await connectDevice(t, url);
    await device.hello();
    const endpoint = await device.register('c');
    await put(endpoint, 5);
    await device.receive();
    device.send({ messageType: 'ack', updates: [{ channelID: 'c', version: '0x5' }] });
    device.send({ messageType: 'ack', updates: [{ channelID: 'other', version: '5' }] });
    device.send({ messageType: 'ack', updates: [] });
    device.send('{}');
    t.same(await device.receive(), {});
    t.match(await device.receive(), { messageType: 'notification' }, 'still pending');
    device.send({ messageType: 'ack', updates: [{ channelID: 'c', version: 5 }] });
    device.send('{}');
    t.same(await device.receive(), {});
    device.send('PING');
    t.same(await device.receive(), { text: 'PONG' }, 'nothing in between');
  },
);

t.test('sends many pending updates in frames of at most 200', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello();
  const names = Array.from({ length: 250 }, (_, i) => `c${i}`);
  const endpoints: string[] = [];
  for (const name of names) endpoints.push(await device.register(name));
  device.socket.close();
  await device.closed;
  await Promise.all(endpoints.map((endpoint) => put(endpoint, 1)));
  const again = await connectDevice(t, url);
  await again.hello({ uaid });
  const one = (await again.receive()).updates as { channelID: string }[];
  const two = (await again.receive()).updates as { channelID: string }[];
  t.same([one.length, two.length], [200, 50]);
  t.same([...one, ...two].map(({ channelID }) => channelID).sort(), [...names].sort());
});

t.test('a version put before its socket entered presence is not lost', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello();
  const endpoint = await device.register('c');
  for (let version = 1; version <= 20; version++) {
    const next = await connectDevice(t, url);
    // Both at once: whichever comes first, the device hears of it.
    const [answer] = await Promise.all([put(endpoint, version), next.hello({ uaid })]);
    t.equal(answer.status, 200);
    let heard = await next.receive();
    while ((heard.updates as { version: string }[])[0]?.version !== String(version)) {
      heard = await next.receive();
    }
  }
});
