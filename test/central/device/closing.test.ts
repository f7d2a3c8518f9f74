// How a socket ends: FIN right after every close frame, displacement, and the end of the server.
import { queryObjects } from 'node:v8';
import t from 'tap';
import { Session } from '../../../central/device/session.js';
import { traces } from '../../../shared/traces.js';
import { createManualClock } from '../../support/manual-clock.js';
import { maskedFrame, opcodes, openRawDevice, type RawDevice } from '../../support/raw-device.js';
import { during, startCentral, startWakingCentral } from '../../support/running-central.js';
import { connectDevice, put, wakeable } from '../../support/test-device.js';

async function greet(device: RawDevice, fields: Record<string, unknown> = {}) {
  await device.answered;
  device.sendText(JSON.stringify({ messageType: 'hello', ...fields }));
  return JSON.parse(String((await device.receive()).payload)) as Record<string, unknown>;
}

async function closeCode(device: RawDevice): Promise<number> {
  let frame = await device.receive();
  while (frame.opcode !== opcodes.close) frame = await device.receive();
  return frame.payload.readUInt16BE();
}

t.test('ends TCP with FIN right after a close 4774 that the device never answers', async (t) => {
  const { url, clock } = await startWakingCentral(t);
  const device = openRawDevice(t, url);
  t.equal((await greet(device, wakeable(9000))).status, 201);
  clock.advance(10_100);
  t.equal(await during(clock, closeCode(device)), 4774);
  t.equal(await device.ended, 'fin');
  t.notOk(device.tcp.destroyed, 'and no RST');
});

t.test(
  'ends TCP with FIN after the close of an error, though the device goes on writing',
  async (t) => {
    const { url } = await startCentral(t);
    for (const [bytes, code] of [
      [maskedFrame(opcodes.text, Buffer.from('what')), 1007],
      [maskedFrame(opcodes.binary, Buffer.from('what')), 1003],
      [maskedFrame(opcodes.text, Buffer.alloc(100_000, 'x')), 1009],
      [maskedFrame(opcodes.text, Buffer.from('{"messageType":"ack"}')), 1008],
      [maskedFrame(opcodes.close, Buffer.from([0x03, 0xe8])), 1000],
    ] as const) {
      const device = openRawDevice(t, url);
      await greet(device);
      device.write(bytes);
      t.equal(await closeCode(device), code);
      t.equal(await device.ended, 'fin', String(code));
      device.sendText('{}');
      device.sendText('{}');
      t.equal(device.tcp.errored, null, 'no RST');
    }
  },
);

t.test('ends TCP with FIN after the displacement and at the end of the server', async (t) => {
  const { url, central } = await startCentral(t);
  const older = openRawDevice(t, url);
  const { uaid } = await greet(older);
  const newer = openRawDevice(t, url);
  await greet(newer, { uaid });
  t.equal(await closeCode(older), 1000);
  t.equal(await older.ended, 'fin');
  const closing = central.close();
  t.equal(await closeCode(newer), 1012);
  t.equal(await newer.ended, 'fin');
  newer.tcp.end();
  older.tcp.end();
  await closing;
});

t.test('a socket that was closed is out of presence though its TCP still stands', async (t) => {
  const { url, metric } = await startCentral(t);
  const device = openRawDevice(t, url);
  await greet(device);
  device.sendText('{"messageType":"register","channelID":"c"}');
  const { pushEndpoint } = JSON.parse(String((await device.receive()).payload));
  device.write(maskedFrame(opcodes.text, Buffer.alloc(30_000)));
  t.equal(await closeCode(device), 1009);
  t.equal(await metric('reveille_central_devices_connected'), 0);
  await put(pushEndpoint, 1);
  t.equal(await metric('reveille_central_notifications_total{path="stored"}'), 1);
});

t.test('a device that closes is out of presence before it ends TCP', async (t) => {
  const { url, metric } = await startCentral(t);
  const device = openRawDevice(t, url);
  await greet(device);
  device.write(maskedFrame(opcodes.close, Buffer.alloc(0)));
  await device.receive();
  t.equal(await device.ended, 'fin');
  t.equal(await metric('reveille_central_devices_connected'), 0);
});

t.test('a newer socket of a uaid displaces the older one', async (t) => {
  const { url } = await startCentral(t);
  const older = await connectDevice(t, url);
  const { uaid } = await older.hello();
  const newer = await connectDevice(t, url);
  await newer.hello({ uaid });
  t.equal((await older.closed).code, 1000);
});

t.test('the end of a displaced socket does not take the newer one out of presence', async (t) => {
  const { url, metric, watch } = await startCentral(t);
  const older = openRawDevice(t, url);
  const { uaid } = await greet(older);
  const newer = await connectDevice(t, url);
  await newer.hello({ uaid });
  const endpoint = await newer.register('c');
  await closeCode(older);
  older.tcp.end();
  await watch.logged(traces.deviceClosed);
  t.equal(await metric('reveille_central_devices_connected'), 1);
  await put(endpoint, 1);
  t.match(await newer.receive(), { messageType: 'notification' });
  t.equal(await metric('reveille_central_notifications_total{path="socket"}'), 1);
});

t.test('what a displaced socket had pipelined is not handled any more', async (t) => {
  const { url } = await startCentral(t);
  const older = openRawDevice(t, url);
  const { uaid } = await greet(older);
  const newer = await connectDevice(t, url);
  await newer.hello({ uaid });
  const endpoint = await newer.register('c');
  await closeCode(older);
  older.sendText('{"messageType":"unregister","channelID":"c"}');
  newer.send('{}');
  await newer.receive();
  t.equal((await put(endpoint, 1)).status, 200);
});

t.test('closes every socket with 1012 when the server stops, and refuses new ones', async (t) => {
  const { central, url, watch } = await startCentral(t);
  const devices = await Promise.all([connectDevice(t, url), connectDevice(t, url)]);
  await devices[0]?.hello();
  const closed = Promise.all(devices.map((device) => device.closed));
  await central.close();
  t.same(
    (await closed).map(({ code }) => code),
    [1012, 1012],
  );
  t.equal(watch.count(traces.closeSlow), 0);
  await t.rejects(connectDevice(t, url));
});

t.test('does not wait for a device that never ends its TCP when the server stops', async (t) => {
  const { central, url, watch } = await startCentral(t, { config: { drainMs: 400 } });
  const device = openRawDevice(t, url);
  await greet(device);
  await central.close();
  t.equal(await closeCode(device), 1012);
  t.equal(await device.ended, 'fin');
  t.equal(watch.count(traces.closeSlow), 0);
});

t.test('counts closes by their code', async (t) => {
  const { url, metric, watch } = await startCentral(t);
  for (const code of [1000, 3333, 4000]) {
    const device = await connectDevice(t, url);
    device.socket.close(code);
    await device.closed;
  }
  (await connectDevice(t, url)).socket.terminate();
  await watch.logged(traces.deviceClosed, 4);
  t.equal(await metric('reveille_central_closes_total{code="1000"}'), 1);
  t.equal(await metric('reveille_central_closes_total{code="other"}'), 2);
  t.equal(await metric('reveille_central_closes_total{code="1006"}'), 1);
});

t.test('a device’s own close 4774 is not counted as falling asleep', async (t) => {
  const clock = createManualClock();
  const { url, metric, watch } = await startCentral(t, { clock });
  const device = await connectDevice(t, url);
  device.socket.close(4774);
  await device.closed;
  await watch.logged(traces.deviceClosed);
  t.equal(await metric('reveille_central_closes_total{code="4774"}'), 0);
});

t.test(
  'of a socket that is closed nothing is kept until it would have been looked at',
  async (t) => {
    // Time stands still: what only a deadline lets go is kept for ever.
    const { url } = await startCentral(t, { clock: createManualClock() });
    for (let i = 0; i < 3; i++) {
      const device = await connectDevice(t, url);
      if (i > 0) await device.hello();
      device.socket.close();
      await device.closed;
    }
    const kept = () => queryObjects(Session, { format: 'count' }) as unknown as number;
    while (kept() > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    t.pass('all are gone');
  },
);
