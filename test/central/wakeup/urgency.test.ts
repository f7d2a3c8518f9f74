// What an app server's urgency makes of the radio: over real sockets, from the POST to what a gateway is asked.
import t, { type Test } from 'tap';
import { traces } from '../../../shared/traces.js';
import { during, startWakingCentral, type WakingCentral } from '../../support/running-central.js';
import { never, settled, sleeper, untilNextWakeup } from '../../support/sleeping-devices.js';
import { put, wakeable } from '../../support/test-device.js';

const webPush = wakeable(9000, { use_webpush: true });

/** A device that sleeps, and what app servers may send it. */
async function asleep(t: Test, said = webPush) {
  const running = await startWakingCentral(t);
  const device = await sleeper(t, running, said);
  const { endpoint } = device;

  /** Sends a message and resolves to the URL of its resource. */
  async function post(urgency?: string, ttlSeconds = 3_600): Promise<string> {
    const headers = { ttl: String(ttlSeconds), ...(urgency ? { urgency } : {}) };
    const answer = await fetch(endpoint, { method: 'POST', headers });
    t.equal(answer.status, 201);
    await settled(running);
    return answer.headers.get('location') ?? '';
  }

  const statusOf = async (message: string) =>
    ((await (await fetch(message)).json()) as { status: string }).status;
  return { ...running, ...device, post, statusOf };
}

const urgenciesAsked = ({ gateway }: WakingCentral) =>
  gateway.wakeups.map(({ urgency }) => urgency ?? 'nothing said');

t.test('an urgent message wakes at once, again and again, and gateways hear of it', async (t) => {
  const running = await asleep(t);
  const message = await running.post('high');
  t.same(urgenciesAsked(running), ['high']);
  t.equal(await running.statusOf(message), 'wakeup-sent');
  t.not(await untilNextWakeup(running), never);
  t.not(await untilNextWakeup(running), never);
  t.same(urgenciesAsked(running), ['high', 'high', 'high']);
});

t.test(
  'one of normal urgency wakes after five seconds, once, with what came meanwhile',
  async (t) => {
    const running = await asleep(t);
    const messages = [await running.post('normal')];
    running.clock.advance(2_000);
    messages.push(await running.post());
    t.equal(running.gateway.wakeups.length, 0);
    const waitedMs = await untilNextWakeup(running, { stepMs: 500 });
    t.ok(waitedMs >= 3_000 && waitedMs <= 4_500, `${waitedMs}`);
    t.same(urgenciesAsked(running), ['nothing said']);
    t.equal(await untilNextWakeup(running), never);
    for (const message of messages) t.equal(await running.statusOf(message), 'wakeup-sent');
    const device = await running.comeBack();
    t.match(await device.receive(), { messageType: 'hello', status: 201 });
    t.match(await device.receive(), { messageType: 'notification' });
    t.match(await device.receive(), { messageType: 'notification' });
  },
);

t.test('what is gathered leaves at once with a version, which is paced as ever', async (t) => {
  const running = await asleep(t);
  await running.post('normal');
  t.equal(running.gateway.wakeups.length, 0);
  await put(running.endpoint.replace('/wpush/v1/', '/v1/notify/'), 1);
  await settled(running);
  t.same(urgenciesAsked(running), ['nothing said']);
});

t.test('low ones never wake, and come with the next connection', async (t) => {
  const running = await asleep(t);
  const messages = [await running.post('low'), await running.post('very-low')];
  t.equal(await untilNextWakeup(running), never);
  for (const message of messages) t.equal(await running.statusOf(message), 'stored');
  const device = await running.comeBack();
  t.match(await device.receive(), { messageType: 'hello', status: 201 });
  for (const _ of messages) t.match(await device.receive(), { messageType: 'notification' });
});

t.test('a message whose time is over before its turn wakes nobody', async (t) => {
  const running = await asleep(t);
  const message = await running.post('normal', 3);
  // Central is busy elsewhere when it is due.
  t.equal(await untilNextWakeup(running, { stepMs: 5_000, limitMs: 60_000 }), never);
  t.equal(await running.statusOf(message), 'expired');
});

t.test(
  'a message that lives for less than is gathered wakes before its time is over',
  async (t) => {
    const running = await asleep(t);
    await running.post('normal');
    const message = await running.post('normal', 4);
    const waitedMs = await untilNextWakeup(running, { stepMs: 500 });
    t.ok(waitedMs >= 2_000 && waitedMs <= 3_500, `${waitedMs}`);
    t.equal(await running.statusOf(message), 'wakeup-sent');
  },
);

t.test('one without any time to live wakes nobody, however urgent', async (t) => {
  const running = await asleep(t);
  const message = await running.post('high', 0);
  t.equal(await untilNextWakeup(running, { limitMs: 60_000 }), never);
  t.equal(await running.statusOf(message), 'expired');
});

t.test('a text wakes at once, as urgent as they come', async (t) => {
  const running = await asleep(t, wakeable(9000));
  const answer = await fetch(running.endpoint, { method: 'PUT', body: 'body=come%20here' });
  t.equal(answer.status, 200);
  await during(running.clock, running.watch.logged(traces.wakeupAnswered));
  t.same(urgenciesAsked(running), ['high']);
});
