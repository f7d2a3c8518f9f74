// `hello` over real sockets: identity, status, synchronisation and the second one.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { during, startCentral, startWakingCentral } from '../../support/running-central.js';
import { connectDevice, put, wakeable } from '../../support/test-device.js';

const uaidPattern = /^[A-Za-z0-9_-]{1,128}$/;

const shared = await startCentral(t);

t.test('gives a device without a uaid a new one and answers 200', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const answer = await device.hello();
  t.match(answer, { messageType: 'hello', uaid: uaidPattern, status: 200 });
  t.same(Object.keys(answer).sort(), ['messageType', 'status', 'uaid']);
});

t.test('answers a known uaid with the same uaid', async (t) => {
  const { url } = shared;
  const { uaid } = await (await connectDevice(t, url)).hello();
  const again = await (await connectDevice(t, url)).hello({ uaid });
  t.same(again, { messageType: 'hello', uaid, status: 200 });
});

t.test(
  'gives a new uaid for one that is null, wrong, forged or no text, with status 200',
  async (t) => {
    const { url } = shared;
    const { uaid } = await (await connectDevice(t, url)).hello();
    const [first = '', ...rest] = String(uaid);
    const forged = (first === 'A' ? 'B' : 'A') + rest.join('');
    for (const wrong of [null, '', 'abc', forged, `${uaid}=`, ` ${uaid}`, 5, true, {}, [uaid]]) {
      const answer = await (await connectDevice(t, url)).hello({ uaid: wrong, channelIDs: [] });
      t.equal(answer.status, 200, JSON.stringify(wrong));
      t.match(answer.uaid, uaidPattern);
      t.not(answer.uaid, uaid);
    }
  },
);

t.test('does not take a uaid that another server issued', async (t) => {
  const one = await startCentral(t);
  const other = await startCentral(t);
  const { uaid } = await (await connectDevice(t, one.url)).hello();
  const answer = await (await connectDevice(t, other.url)).hello({ uaid });
  t.equal(answer.status, 200);
  t.not(answer.uaid, uaid);
});

t.test('answers 201 when the network is served and the address is in its ranges', async (t) => {
  const { url } = await startWakingCentral(t);
  const good = [
    wakeable(9000),
    wakeable(9000, { wakeup_hostport: { ip: '10.255.0.1', port: '9000' } }),
    wakeable(9000, { wakeup_hostport: { ip: 'fd12:3456:7::1', port: 65535 } }),
    wakeable(9000, { mobilenetwork: { mcc: '214', mnc: '07', netid: '214-07.default' } }),
    wakeable(9000, { mobilenetwork: { mcc: '214', mnc: '07', netid: '' } }),
    wakeable(9000, { protocol: 'tcp' }),
    wakeable(9000, { protocol: undefined }),
  ];
  for (const fields of good) {
    const answer = await (await connectDevice(t, url)).hello(fields);
    t.equal(answer.status, 201, JSON.stringify(fields));
  }
});

t.test('answers 200 to an address that cannot be woken, and never an error', async (t) => {
  const { url } = await startWakingCentral(t);
  const hostport = (ip: unknown, port: unknown) => wakeable(1, { wakeup_hostport: { ip, port } });
  const network = (mobilenetwork: unknown) => wakeable(9000, { mobilenetwork });
  const bad = [
    hostport('192.168.0.1', 9000),
    hostport('fd12:3456:8::1', 9000),
    hostport('::ffff:10.0.0.1', 9000),
    hostport('010.0.0.1', 9000),
    hostport('10.1', 9000),
    hostport('10.0.0.1', 0),
    hostport('10.0.0.1', 65_536),
    hostport('10.0.0.1', 1.5),
    hostport('10.0.0.1', '9000 '),
    hostport(undefined, 9000),
    wakeable(1, { wakeup_hostport: null }),
    wakeable(1, { wakeup_hostport: 'x' }),
    network({ mcc: '214', mnc: '007' }),
    network({ mcc: '214', mnc: '7' }),
    network({ mcc: 214, mnc: 7 }),
    network({ mcc: '214', mnc: '08' }),
    network({ mcc: '214', mnc: '07', netid: 'net-b' }),
    network({ mcc: '214', mnc: '07', netid: '__proto__' }),
    network(undefined),
    wakeable(9000, { protocol: 'sctp' }),
    wakeable(9000, { protocol: 5 }),
  ];
  for (const fields of bad) {
    const answer = await (await connectDevice(t, url)).hello(fields);
    t.equal(answer.status, 200, JSON.stringify(fields));
  }
});

t.test('answers a second hello with the same uaid, which announces a new address', async (t) => {
  const { url, clock, gateway, watch } = await startWakingCentral(t);
  const device = await connectDevice(t, url);
  const first = await device.hello();
  t.equal(first.status, 200);
  const endpoint = await device.register('c');
  const second = await device.hello({ uaid: first.uaid, ...wakeable(9001) });
  t.same(second, { messageType: 'hello', uaid: first.uaid, status: 201 });
  t.equal((await device.hello(wakeable(9002))).status, 201, 'also one that leaves the uaid out');
  device.socket.close();
  await device.closed;
  await watch.logged(traces.deviceClosed);
  t.equal((await put(endpoint, 1)).status, 200);
  const [wakeup] = await during(clock, gateway.nextBatch());
  t.match(wakeup, { ip: '127.0.0.1', port: 9002, network: '214-07', protocol: 'udp' });
});

t.test('takes the promise back when a second hello has no address', async (t) => {
  const { url, clock } = await startWakingCentral(t);
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello(wakeable(9000));
  t.equal((await device.hello({ uaid })).status, 200);
  clock.advance(60_000);
  device.send('{}');
  t.same(await device.receive(), {}, 'it is not closed as idle');
});

t.test('answers a hello of another uaid on the same socket with 460 and closes', async (t) => {
  const { url } = shared;
  const { uaid } = await (await connectDevice(t, url)).hello();
  const device = await connectDevice(t, url);
  await device.hello();
  const answer = await device.hello({ uaid });
  t.match(answer, { messageType: 'hello', status: 460, reason: String });
  t.equal((await device.closed).code, 1011);
});

t.test('keeps the server’s list when hello has no channelIDs', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello();
  const endpoint = await device.register('kept');
  await (await connectDevice(t, url)).hello({ uaid });
  t.equal((await put(endpoint, 1)).status, 200);
  await (await connectDevice(t, url)).hello({ uaid, channelIDs: null });
  t.equal((await put(endpoint, 2)).status, 200);
});

t.test('makes the server’s list the one of hello: unregisters what is missing', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello({ channelIDs: [] });
  const kept = await device.register('kept');
  const gone = await device.register('gone');
  await (await connectDevice(t, url)).hello({ uaid, channelIDs: ['kept'] });
  t.equal((await put(kept, 1)).status, 200);
  t.equal((await put(gone, 1)).status, 404);
  await (await connectDevice(t, url)).hello({ uaid, channelIDs: [] });
  t.equal((await put(kept, 2)).status, 404, 'an empty list is a list');
});

t.test('recovers channels the server does not know under their old endpoint URL', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello();
  const endpoint = await device.register('lost');
  device.send({ messageType: 'unregister', channelID: 'lost' });
  await device.receive();
  t.equal((await put(endpoint, 1)).status, 404);
  const again = await connectDevice(t, url);
  await again.hello({ uaid, channelIDs: ['lost'] });
  t.equal((await put(endpoint, 1)).status, 200);
  t.match(await again.receive(), { messageType: 'notification' });
  t.equal(await again.register('lost'), endpoint);
});

t.test('never applies the list of a hello that got a new uaid', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello({ uaid: 'forged', channelIDs: ['a'] });
  const endpoint = await device.register('b');
  const other = await connectDevice(t, url);
  await other.hello({ uaid });
  const listed = await other.register('a');
  t.not(listed, endpoint);
  t.equal((await put(endpoint, 1)).status, 200);
});

t.test('answers a list with more channels than the limit with 460', async (t) => {
  const { url } = await startCentral(t, { config: { channelsPerDeviceMax: 2 } });
  const { uaid } = await (await connectDevice(t, url)).hello();
  const device = await connectDevice(t, url);
  t.match(await device.hello({ uaid, channelIDs: ['a', 'b', 'c'] }), { status: 460 });
  t.equal((await device.closed).code, 1011);
  const fitting = await (await connectDevice(t, url)).hello({ uaid, channelIDs: ['a', 'a', 'b'] });
  t.equal(fitting.status, 200, 'a channel listed twice is one channel');
});

t.test('sends what is pending after every hello', async (t) => {
  const { url } = shared;
  const device = await connectDevice(t, url);
  const { uaid } = await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 7);
  const notification = {
    messageType: 'notification',
    updates: [{ channelID: 'c', version: '7' }],
  };
  t.same(await device.receive(), notification);
  await device.hello({ uaid });
  t.same(await device.receive(), notification, 'the second hello on the same socket');
  const again = await connectDevice(t, url);
  await again.hello({ uaid });
  t.same(await again.receive(), notification, 'a new socket');
});
