// What the commands `networks` and `wake` find on the admin listener.
import t from 'tap';
import { commandRoutes } from '../../../central/ops/commands.js';
import { openAdmin } from '../../../shared/admin.js';
import { createRegistry } from '../../../shared/metrics.js';
import { openDelivery, sampleChannel } from '../../support/central-app.js';
import { ask } from '../../support/central-app-server.js';
import { putRecord, sampleIds, wakeupAddress } from '../../support/central-samples.js';

async function openCommands(t: Parameters<typeof openDelivery>[0]) {
  const delivery = await openDelivery(t);
  const admin = await openAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    registry: createRegistry('reveille_central'),
    readiness: () => undefined,
    log: delivery.log,
    routes: commandRoutes({
      ...delivery,
      networks: () => delivery.networks,
      ids: sampleIds,
      wakeupLeaseMs: 86_400_000,
    }),
  });
  t.teardown(() => admin.close(0));
  const wake = async (body: string, headers = { 'content-type': 'application/json' }) => {
    const reply = await ask(`${admin.url}/wake`, { method: 'POST', body, headers });
    return { status: reply.status, ...JSON.parse(reply.body) };
  };
  return { ...delivery, url: admin.url, wake };
}

t.test('networks are told with their state', async (t) => {
  const { url } = await openCommands(t);
  const { status, body } = await ask(`${url}/networks`, { method: 'GET' });
  t.equal(status, 200);
  t.match(JSON.parse(body), {
    networks: [{ network: '214-07', isOnline: false, gateways: [{ isReachable: false }] }],
  });
});

t.test('the queue of a network that takes no wakeups is what it owes', async (t) => {
  const { url, clock, store, meet } = await openCommands(t);
  const owed = async () => {
    const { body } = await ask(`${url}/networks`, { method: 'GET' });
    return JSON.parse(body).networks[0];
  };
  t.match(await owed(), { owed: 0, circuit: 'gateways' });
  const device = await meet({ address: wakeupAddress() });
  const nowMs = clock.now();
  await store.put(putRecord(device, sampleChannel, 1, { nowMs, wakeupDueMs: nowMs }));
  t.match(await owed(), { owed: 1, waiting: 0 });
  await store.close();
  t.equal((await owed()).owed, undefined, 'nobody knows');
});

t.test('a device on a socket is signalled instead of woken', async (t) => {
  const { wake, presence, meet } = await openCommands(t);
  const device = await meet();
  let signals = 0;
  presence.enter(device, { onSignal: () => void signals++, onDisplaced() {}, onAddressLost() {} });
  const answer = await wake(JSON.stringify({ uaid: sampleIds.uaidOf(device) }));
  t.match(answer, { status: 200, outcome: 'connected' });
  t.equal(signals, 1);
});

t.test('a device that was not promised to be woken is told as that', async (t) => {
  const { wake, meet } = await openCommands(t);
  for (const device of [await meet(), sampleIds.newDevice()]) {
    const answer = await wake(JSON.stringify({ uaid: sampleIds.uaidOf(device) }));
    t.match(answer, { status: 200, outcome: 'not-wakeable' });
  }
});

t.test('a wakeup that no gateway takes failed', async (t) => {
  const { wake, meet } = await openCommands(t);
  const device = await meet({ address: wakeupAddress() });
  const answer = await wake(JSON.stringify({ uaid: sampleIds.uaidOf(device) }));
  t.match(answer, { status: 200, outcome: 'failed', reason: 'no-gateway' });
});

t.test('what holds no uaid of this server is refused', async (t) => {
  const { wake } = await openCommands(t);
  const uaid = sampleIds.uaidOf(sampleIds.newDevice());
  const bad = ['', 'x', 'null', '[]', '5', '{}', '{"uaid":null}', '{"uaid":5}', `"${uaid}"`];
  for (const body of [...bad, `{"uaid":"${uaid}x"}`, `{"uaid":"${'x'.repeat(5000)}"}`]) {
    t.match(await wake(body), {
      status: 400,
      outcome: 'failed',
      reason: 'not a uaid of this server',
    });
  }
});

t.test('a form of a web page is refused', async (t) => {
  const { wake, meet, presence } = await openCommands(t);
  const device = await meet();
  presence.enter(device, {
    onSignal: () => t.fail('signalled'),
    onDisplaced() {},
    onAddressLost() {},
  });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
    const body = JSON.stringify({ uaid: sampleIds.uaidOf(device) });
    t.match(await wake(body, { 'content-type': type }), { status: 415, outcome: 'failed' });
  }
});
