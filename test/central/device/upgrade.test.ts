// The upgrade: which subprotocols, which paths, and what is no upgrade of ours.
import t from 'tap';
import { openRawDevice, upgradeLines } from '../../support/raw-device.js';
import { startCentral } from '../../support/running-central.js';
import { connectDevice } from '../../support/test-device.js';

t.test('selects push-notification where it is offered, alone or among others', async (t) => {
  const { url, metric } = await startCentral(t);
  for (const protocols of [
    ['push-notification'],
    ['push-notification-binary', 'push-notification'],
    ['push-notification', 'push-extended-notification'],
  ]) {
    const { socket } = await connectDevice(t, url, { protocols });
    t.equal(socket.protocol, 'push-notification');
    t.equal(socket.extensions, '', 'without compression');
  }
  t.equal(await metric('reveille_central_sockets_open'), 3);
});

t.test('accepts a client that offers no subprotocol, and selects none', async (t) => {
  const { url } = await startCentral(t);
  const device = await connectDevice(t, url, { protocols: [] });
  t.equal(device.socket.protocol, '');
  t.equal((await device.hello()).status, 200);
});

t.test('refuses a client that offers unknown subprotocols only with 400', async (t) => {
  const { url, metric } = await startCentral(t);
  const unknown = connectDevice(t, url, { protocols: ['push-notification-binary', 'mqtt'] });
  await t.rejects(unknown, { message: 'HTTP 400' });
  t.equal(await metric('reveille_central_sockets_refused_total{reason="subprotocol"}'), 1);
});

t.test('upgrades on any path', async (t) => {
  const { url } = await startCentral(t);
  for (const path of ['/', '/anything/at?all', '/v1/notify/x', '/about', '//', '/%00']) {
    const device = await connectDevice(t, url, { path });
    t.equal((await device.hello()).status, 200, path);
  }
});

t.test('takes frames that come with the upgrade itself', async (t) => {
  const { url } = await startCentral(t);
  const device = openRawDevice(t, url);
  device.sendText('{"messageType":"hello"}');
  t.match(await device.answered, /^HTTP\/1\.1 101 /);
  t.match(JSON.parse(String((await device.receive()).payload)), { messageType: 'hello' });
});

t.test('answers an upgrade that is none of WebSocket with 4xx and serves on', async (t) => {
  const { url } = await startCentral(t);
  const host = new URL(url).host;
  const base = upgradeLines(host);
  const without = (name: string) => base.filter((line) => !line.startsWith(name));
  const wrong = [
    without('Sec-WebSocket-Key'),
    [...without('Sec-WebSocket-Key'), 'Sec-WebSocket-Key: short'],
    [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 7'],
    [...without('Upgrade'), 'Upgrade: h2c'],
    [...without('Sec-WebSocket-Protocol'), 'Sec-WebSocket-Protocol: push-notification,,'],
  ];
  for (const lines of wrong) {
    const device = openRawDevice(t, url, { lines });
    t.match(await device.answered, /^HTTP\/1\.1 4[0-9][0-9] /, lines.join(' | '));
    t.equal(await device.ended, 'fin');
  }
  const post = openRawDevice(t, url, { lines: base, requestLine: 'POST / HTTP/1.1' });
  t.match(await post.answered, /^HTTP\/1\.1 4[0-9][0-9] /);
  t.equal((await (await connectDevice(t, url)).hello()).status, 200);
});

t.test('a client that leaves during the upgrade costs nothing', async (t) => {
  const { url, metric } = await startCentral(t);
  for (let i = 0; i < 20; i++) openRawDevice(t, url).tcp.resetAndDestroy();
  t.equal((await (await connectDevice(t, url)).hello()).status, 200);
  t.equal(await metric('reveille_central_devices_connected'), 1);
});
