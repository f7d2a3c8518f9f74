// The two keep-alives, sending again what is not acked, and giving up a socket that is dead.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { createManualClock } from '../../support/manual-clock.js';
import { openRawDevice } from '../../support/raw-device.js';
import { during, startCentral } from '../../support/running-central.js';
import { connectDevice, put } from '../../support/test-device.js';

t.test('answers PING with PONG and {} with {}, before and after hello', async (t) => {
  const { url } = await startCentral(t);
  const device = await connectDevice(t, url);
  const both = async () => {
    device.send('PING');
    t.same(await device.receive(), { text: 'PONG' });
    device.send('{}');
    t.same(await device.receive(), {});
  };
  await both();
  t.equal((await device.hello()).status, 200);
  await both();
  device.send(' { } ');
  t.same(await device.receive(), {}, 'white space does not matter');
});

t.test('both keep-alives also bring what is pending, again and again', async (t) => {
  const { url } = await startCentral(t);
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 1);
  await device.receive();
  for (const [ping, pong] of [
    ['PING', { text: 'PONG' }],
    ['{}', {}],
    ['PING', { text: 'PONG' }],
  ] as const) {
    device.send(ping);
    t.same(await device.receive(), pong);
    t.match(await device.receive(), { messageType: 'notification', updates: [{ version: '1' }] });
  }
});

t.test('sends an update that is not acked again after 60 s', async (t) => {
  const clock = createManualClock();
  const { url, metric } = await startCentral(t, { clock });
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 3);
  const first = await device.receive();
  clock.advance(59_000);
  t.equal(device.unread(), 0);
  clock.advance(1_100);
  t.same(await during(clock, device.receive()), first);
  t.equal(await metric('reveille_central_device_events_total{event="resent"}'), 1);
});

t.test('does not send again what was acked', async (t) => {
  const clock = createManualClock();
  const { url, metric } = await startCentral(t, { clock });
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 3);
  await device.receive();
  device.ack('c', 3);
  device.send('{}');
  t.same(await device.receive(), {});
  clock.advance(300_000);
  device.send('PING');
  t.same(await during(clock, device.receive()), { text: 'PONG' });
  t.equal(await metric('reveille_central_device_events_total{event="resent"}'), 0);
});

t.test(
  'gives up a socket when an update stays unanswered twice and nothing was heard',
  async (t) => {
    const clock = createManualClock();
    const { url, metric, watch } = await startCentral(t, { clock });
    const device = await connectDevice(t, url);
    await device.hello();
    const endpoint = await device.register('c');
    await put(endpoint, 3);
    await device.receive();
    clock.advance(60_100);
    await during(clock, device.receive());
    clock.advance(60_100);
    const { code } = await during(clock, device.closed);
    t.equal(code, 1006, 'there is nobody to say a close frame to');
    await watch.logged(traces.deviceClosed);
    t.equal(await metric('reveille_central_device_events_total{event="unanswered"}'), 1);
    t.equal(await metric('reveille_central_devices_connected'), 0);
  },
);

t.test('reads the store once for an update whose channel is gone, not for ever', async (t) => {
  const clock = createManualClock();
  const { url, metric } = await startCentral(t, { clock });
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 1);
  await device.receive();
  // In one segment, so that the reading for PING and the unregister meet in the store.
  device.send('PING');
  device.send(JSON.stringify({ messageType: 'unregister', channelID: 'c' }));
  t.same(await device.receive(), { text: 'PONG' });
  await metric('reveille_central_sockets_open');
  for (let i = 0; i < 5; i++) {
    clock.advance(60_100);
    await metric('reveille_central_sockets_open');
  }
  t.ok((await metric('reveille_central_device_events_total{event="resent"}')) <= 1);
});

t.test('keeps a socket that is heard though it does not ack', async (t) => {
  const clock = createManualClock();
  const { url } = await startCentral(t, { clock });
  const device = await connectDevice(t, url);
  await device.hello();
  const endpoint = await device.register('c');
  await put(endpoint, 3);
  await device.receive();
  for (let minute = 0; minute < 5; minute++) {
    clock.advance(60_100);
    t.match(await during(clock, device.receive()), { messageType: 'notification' });
    device.send({ messageType: 'nothing-we-know' });
    t.match(await device.receive(), { status: 405 });
  }
});

t.test('gives up a dead socket also when newer versions keep coming', async (t) => {
  const clock = createManualClock();
  const { url, metric } = await startCentral(t, { clock });
  const device = openRawDevice(t, url);
  await device.answered;
  device.sendText('{"messageType":"hello"}');
  await device.receive();
  device.sendText('{"messageType":"register","channelID":"c"}');
  const { pushEndpoint } = JSON.parse(String((await device.receive()).payload));
  const givenUp = () => metric('reveille_central_device_events_total{event="unanswered"}');
  for (let version = 1; (await givenUp()) === 0 && version < 12; version++) {
    await put(pushEndpoint, version);
    for (let found = -1; found < version; ) {
      const { payload } = await during(clock, device.receive());
      found = Number(JSON.parse(String(payload)).updates[0].version);
    }
    clock.advance(20_000);
    // The store answers in turn: what the session asked of it is done by then.
    await put(pushEndpoint, 0);
  }
  t.equal(await givenUp(), 1);
});

t.test('answers a WebSocket ping with a pong', async (t) => {
  const { url } = await startCentral(t);
  const device = await connectDevice(t, url);
  const pong = new Promise((resolve) => device.socket.on('pong', (data) => resolve(String(data))));
  device.socket.ping('are you there');
  t.equal(await pong, 'are you there');
});
