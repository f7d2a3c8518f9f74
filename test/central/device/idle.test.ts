// The close 4774: ten quiet seconds of a device that can be woken, and nothing else.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { openRawDevice } from '../../support/raw-device.js';
import { during, startWakingCentral } from '../../support/running-central.js';
import { connectDevice, put, wakeable } from '../../support/test-device.js';

t.test('closes an idle socket with 4774 after ten seconds', async (t) => {
  const { url, clock, metric, watch } = await startWakingCentral(t);
  const device = await connectDevice(t, url);
  t.equal((await device.hello(wakeable(9000))).status, 201);
  clock.advance(9_900);
  device.send('PING');
  t.same(await device.receive(), { text: 'PONG' }, 'still open before');
  clock.advance(9_900);
  t.equal(await metric('reveille_central_devices_connected'), 1, 'a message starts the time anew');
  clock.advance(200);
  t.equal((await during(clock, device.closed)).code, 4774);
  await watch.logged(traces.deviceClosed);
  t.equal(await metric('reveille_central_closes_total{code="4774"}'), 1);
});

t.test('takes idleCloseMs from the configuration', async (t) => {
  const { url, clock } = await startWakingCentral(t, { idleCloseMs: 500 });
  const device = await connectDevice(t, url);
  await device.hello(wakeable(9000));
  clock.advance(600);
  t.equal((await during(clock, device.closed)).code, 4774);
});

t.test('never closes a device that was answered 200 as idle', async (t) => {
  const { url, clock } = await startWakingCentral(t);
  const device = await connectDevice(t, url);
  t.equal((await device.hello()).status, 200);
  clock.advance(24 * 3_600_000);
  device.send('PING');
  t.same(await device.receive(), { text: 'PONG' });
});

t.test(
  'a socket that stayed open longer than the lease is closed with a lease begun anew',
  async (t) => {
    const { url, clock, gateway, watch } = await startWakingCentral(t, {
      wakeupLeaseMs: 60_000,
      // No answer of the gateway grows old while the clock jumps.
      gatewayPollMs: 3_600_000,
    });
    const device = await connectDevice(t, url);
    await device.hello(wakeable(9000));
    const endpoint = await device.register('c');
    for (let i = 0; i < 20; i++) {
      clock.advance(5_000);
      device.send('PING');
      t.same(await device.receive(), { text: 'PONG' });
    }
    let isClosed = false;
    const closed = device.closed.then((end) => {
      isClosed = true;
      return end;
    });
    // Ten quiet seconds to renew the lease in the store, and ten more to fall asleep.
    for (let i = 0; i < 20 && !isClosed; i++) {
      clock.advance(10_100);
      // The page asks the store, which answers in turn: the lease is renewed by then.
      await fetch(`${url}/about`);
    }
    t.equal((await closed).code, 4774);
    await watch.logged(traces.deviceClosed);
    const woken = gateway.nextBatch();
    await put(endpoint, 1);
    t.equal((await during(clock, woken)).length, 1, 'and can be woken');
  },
);

t.test('never closes a socket as idle while an update waits for its ack', async (t) => {
  const { url, clock } = await startWakingCentral(t);
  const device = await connectDevice(t, url);
  await device.hello(wakeable(9000));
  const endpoint = await device.register('c');
  await put(endpoint, 1);
  await device.receive();
  clock.advance(30_000);
  device.send('PING');
  t.same(await device.receive(), { text: 'PONG' });
  t.match(await device.receive(), { messageType: 'notification' });
  clock.advance(30_000);
  device.ack('c', 1);
  device.send('PING');
  t.same(await device.receive(), { text: 'PONG' });
  clock.advance(10_100);
  t.equal((await during(clock, device.closed)).code, 4774, 'ten seconds after the ack');
});

t.test('an update that the server sends starts the ten seconds anew', async (t) => {
  const { url, clock, metric } = await startWakingCentral(t);
  const device = await connectDevice(t, url);
  await device.hello(wakeable(9000));
  const endpoint = await device.register('c');
  clock.advance(9_000);
  await put(endpoint, 1);
  await device.receive();
  device.ack('c', 1);
  device.send('{}');
  t.same(await device.receive(), {});
  clock.advance(9_000);
  t.equal(await metric('reveille_central_devices_connected'), 1);
});

t.test('keeps the socket while the network is offline and closes it when it is back', async (t) => {
  const running = await startWakingCentral(t, { gatewayPollMs: 1_000 });
  const { url, clock, gateway, watch } = running;
  const device = await connectDevice(t, url);
  await device.hello(wakeable(9000));
  gateway.misbehave = () => ({ status: 503 });
  clock.advance(1_000);
  await during(clock, watch.logged(traces.gatewayOffline));
  clock.advance(20_000);
  device.send('PING');
  t.same(await device.receive(), { text: 'PONG' });
  gateway.misbehave = () => undefined;
  clock.advance(1_000);
  await during(clock, watch.logged(traces.gatewayOnline, 2));
  clock.advance(10_100);
  t.equal((await during(clock, device.closed)).code, 4774);
});

t.test('a stale timer of an older socket does not close the newer one', async (t) => {
  const { url, clock } = await startWakingCentral(t);
  const older = await connectDevice(t, url);
  const { uaid } = await older.hello(wakeable(9000));
  older.socket.close();
  await older.closed;
  clock.advance(9_000);
  const newer = await connectDevice(t, url);
  await newer.hello({ uaid, ...wakeable(9000) });
  clock.advance(2_000);
  newer.send('PING');
  t.same(await newer.receive(), { text: 'PONG' });
});

t.test('a PUT to a device that is closed with 4774 wakes it', async (t) => {
  const { url, clock, gateway, metric } = await startWakingCentral(t);
  const device = openRawDevice(t, url);
  await device.answered;
  device.sendText(JSON.stringify({ messageType: 'hello', ...wakeable(9000) }));
  await device.receive();
  device.sendText('{"messageType":"register","channelID":"c"}');
  const { pushEndpoint } = JSON.parse(String((await device.receive()).payload));
  clock.advance(10_100);
  t.equal((await during(clock, device.receive())).payload.readUInt16BE(), 4774);
  // TCP is half open still: the device never answered the close.
  await put(pushEndpoint, 1);
  t.equal((await during(clock, gateway.nextBatch())).length, 1);
  t.equal(await metric('reveille_central_notifications_total{path="wakeup"}'), 1);
});
