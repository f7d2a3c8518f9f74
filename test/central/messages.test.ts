// Messages through a whole central: its numbers, its page and its end.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createIds, newReceiptId } from '../../central/protocol/ids.js';
import { traces } from '../../shared/traces.js';
import { ask } from '../support/central-app-server.js';
import { createManualClock } from '../support/manual-clock.js';
import { during, startCentral } from '../support/running-central.js';
import { connectDevice } from '../support/test-device.js';

type Tap = Parameters<typeof startCentral>[0];

/** Central with a device that spoke Simple Push and has gone. */
async function setUp(t: Tap) {
  const clock = createManualClock();
  const running = await startCentral(t, { clock });
  const device = await connectDevice(t, running.url);
  await device.hello();
  const endpoint = await device.register('c1');
  device.socket.close();
  await device.closed;
  const ids = createIds(readFileSync(join(running.folder.path, 'secret.key')));
  const receiptUrl = `${running.url}/wpush/v1/receipts/${ids.receiptTokenOf(newReceiptId())}`;
  return { ...running, clock, endpoint, receiptUrl };
}

t.test('a message goes from its app server to its device, and the answer comes back', async (t) => {
  const clock = createManualClock();
  const { url, metric, watch } = await startCentral(t, { clock });
  const device = await connectDevice(t, url);
  await device.hello({ use_webpush: true });
  const endpoint = await device.register('c1');
  const headers = { ttl: '60', 'content-encoding': 'aes128gcm', prefer: 'respond-async' };
  const sent = await ask(endpoint, { method: 'POST', body: 'sealed', headers });
  t.equal(sent.status, 202);
  const { version, ...frame } = await device.receive();
  const data = Buffer.from('sealed').toString('base64url');
  t.match(frame, { messageType: 'notification', channelID: 'c1', data });
  t.same(frame.headers, { encoding: 'aes128gcm' });
  device.send({ messageType: 'ack', updates: [{ channelID: 'c1', version, code: 100 }] });
  const receiptUrl = String(sent.headers.link).slice(1).split('>')[0] ?? '';
  await watch.logged(traces.acked);
  const told = await ask(receiptUrl, { method: 'GET' });
  const [receipt, ...others] = JSON.parse(told.body).receipts;
  t.match(receipt, { message: sent.headers.location, status: 'delivered', code: 100 });
  t.same(others, []);
  const status = await ask(String(sent.headers.location), { method: 'GET' });
  t.match(JSON.parse(status.body), { status: 'acked', urgency: 'normal', code: 100 });
  t.equal(await metric('reveille_central_messages_ended_total{end="acked"}'), 1);
  t.equal(await metric('reveille_central_acks_total{code="100"}'), 1);
});

t.test('messages that wait are told by a metric and by /about', async (t) => {
  const { endpoint, url, metric } = await setUp(t);
  t.equal(await metric('reveille_central_messages_pending'), 0);
  t.equal((await ask(endpoint, { body: 'body=hello&ttl=60' })).status, 200);
  t.equal(await metric('reveille_central_messages_pending'), 1);
  t.equal(await metric('reveille_central_notify_requests_total{result="message-stored"}'), 1);
  const about = await ask(`${url}/about`, { method: 'GET' });
  t.match(about.body, /Pending messages<\/th><td>1</);
});

t.test('a message ends with its time, also where nobody asks for it', async (t) => {
  const { endpoint, clock, metric } = await setUp(t);
  await ask(endpoint, { body: 'body=hello&ttl=60' });
  clock.advance(60_000);
  const expired = 'reveille_central_messages_ended_total{end="expired"}';
  while ((await metric(expired)) !== 1) clock.advance(1_000);
  clock.advance(60_000);
  t.equal(await metric('reveille_central_messages_pending'), 0);
});

t.test('counters of limits and of ends start at 0', async (t) => {
  const { central } = await setUp(t);
  const scrape = await (await fetch(`${central.adminUrl}/metrics`)).text();
  const results = ['too-many-requests', 'too-many-waiters', 'body-too-large', 'store-down'];
  for (const result of results) {
    t.ok(scrape.includes(`reveille_central_notify_requests_total{result="${result}"} 0\n`), result);
  }
  for (const end of ['acked', 'expired', 'replaced', 'cancelled', 'dropped']) {
    t.ok(scrape.includes(`reveille_central_messages_ended_total{end="${end}"} 0\n`), end);
  }
  for (const code of ['100', '303', 'none', 'other']) {
    t.ok(scrape.includes(`reveille_central_acks_total{code="${code}"} 0\n`), code);
  }
});

t.test('central does not wait for those who wait for receipts when it ends', async (t) => {
  const { central, clock, receiptUrl, metric } = await setUp(t);
  const held = ask(receiptUrl, { method: 'GET', headers: { prefer: 'wait=60' } });
  while ((await metric('reveille_central_receipt_waiters')) !== 1);
  await during(clock, central.close());
  const { status, body } = await held;
  t.equal(status, 200);
  t.match(JSON.parse(body), { receipts: [] });
});
