// What a device or many of them may take: sockets, time before hello, and bytes that nobody reads.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { createManualClock } from '../../support/manual-clock.js';
import { openRawDevice } from '../../support/raw-device.js';
import { during, startCentral } from '../../support/running-central.js';
import { connectDevice } from '../../support/test-device.js';

t.test('every limit has its metric before it is hit', async (t) => {
  const { central } = await startCentral(t);
  const text = await (await fetch(`${central.adminUrl}/metrics`)).text();
  for (const line of [
    'sockets_refused_total{reason="sockets"}',
    'sockets_refused_total{reason="sockets-per-address"}',
    'connections_refused_total{reason="connections"}',
    'connections_refused_total{reason="connections-per-address"}',
    'device_events_total{event="overflow"}',
    'notify_requests_total{result="body-too-large"}',
    'notify_requests_total{result="too-many-requests"}',
    'hellos_deferred_total',
  ]) {
    t.match(text, `\nreveille_central_${line} 0\n`);
  }
});

t.test('closes a socket that says no hello within 30 s', async (t) => {
  const clock = createManualClock();
  const { url } = await startCentral(t, { clock });
  const device = await connectDevice(t, url);
  const greeted = await connectDevice(t, url);
  await greeted.hello();
  clock.advance(29_000);
  device.send('PING');
  t.same(await device.receive(), { text: 'PONG' }, 'a keep-alive is no hello');
  clock.advance(1_100);
  t.equal((await during(clock, device.closed)).code, 1008);
  greeted.send('PING');
  t.same(await greeted.receive(), { text: 'PONG' });
});

t.test(
  'refuses sockets beyond socketsMax with 503 and takes one again when one has left',
  async (t) => {
    const { url, metric, watch } = await startCentral(t, { config: { socketsMax: 2 } });
    const first = await connectDevice(t, url);
    await connectDevice(t, url);
    await t.rejects(connectDevice(t, url), { message: 'HTTP 503' });
    t.equal(await metric('reveille_central_sockets_refused_total{reason="sockets"}'), 1);
    first.socket.close();
    await watch.logged(traces.deviceClosed);
    t.equal((await (await connectDevice(t, url)).hello()).status, 200);
  },
);

t.test('who was refused and never ends TCP is cut', async (t) => {
  const { url } = await startCentral(t, { config: { socketsMax: 1 } });
  await connectDevice(t, url);
  const refused = openRawDevice(t, url);
  t.match(await refused.answered, /^HTTP\/1\.1 503 /);
  t.equal(await refused.ended, 'fin');
  const cut = new Promise((resolve) => refused.tcp.on('close', resolve));
  // A cut end answers with RST whatever comes.
  const writing = setInterval(() => refused.sendText('x'), 10);
  await cut;
  clearInterval(writing);
});

t.test('refuses sockets of one address beyond socketsPerAddressMax, of another not', async (t) => {
  const { url, metric, watch } = await startCentral(t, { config: { socketsPerAddressMax: 2 } });
  const first = await connectDevice(t, url, { localAddress: '127.0.0.2' });
  await connectDevice(t, url, { localAddress: '127.0.0.2' });
  const third = connectDevice(t, url, { localAddress: '127.0.0.2' });
  await t.rejects(third, { message: 'HTTP 503' });
  await connectDevice(t, url, { localAddress: '127.0.0.3' });
  t.equal(await metric('reveille_central_sockets_refused_total{reason="sockets-per-address"}'), 1);
  first.socket.terminate();
  await watch.logged(traces.deviceClosed);
  await connectDevice(t, url, { localAddress: '127.0.0.2' });
});

t.test('closes a device that does not read what it is sent', async (t) => {
  const { url, metric, watch } = await startCentral(t, { config: { outboundBytesMax: 65_536 } });
  const device = openRawDevice(t, url);
  await device.answered;
  device.sendText('{"messageType":"hello"}');
  await device.receive();
  device.tcp.pause();
  const question = JSON.stringify({ messageType: 'x'.repeat(20_000) });
  const isConnected = async () => (await metric('reveille_central_devices_connected')) > 0;
  // The system takes some megabytes before central itself has to keep anything.
  for (let i = 0; i < 2_000; i++) {
    device.sendText(question);
    if (i % 20 === 0 && !(await isConnected())) break;
  }
  t.equal(await metric('reveille_central_device_events_total{event="overflow"}'), 1);
  t.equal(await metric('reveille_central_devices_connected'), 0);
  device.tcp.destroy();
  await watch.logged(traces.deviceClosed);
  t.equal(await metric('reveille_central_closes_total{code="1013"}'), 1);
});

t.test('behind a trusted proxy sockets are counted by whom it speaks for', async (t) => {
  const config = { socketsPerAddressMax: 1, trustedProxies: ['127.0.0.1/32'] };
  const { url, metric, watch } = await startCentral(t, { config });
  const from = (address: string) =>
    connectDevice(t, url, { headers: { 'x-forwarded-for': address } });
  const first = await from('203.0.113.1');
  await from('203.0.113.2');
  await t.rejects(from('203.0.113.1'), { message: 'HTTP 503' });
  await from('2001:db8:0:1::1');
  await t.rejects(from('2001:db8:0:1:2::3'), { message: 'HTTP 503' }, 'a /64 is one subscriber');
  await from('2001:db8:0:2::1');
  t.equal(await metric('reveille_central_sockets_refused_total{reason="sockets-per-address"}'), 2);
  first.socket.terminate();
  await watch.logged(traces.deviceClosed);
  await from('203.0.113.1');
});
