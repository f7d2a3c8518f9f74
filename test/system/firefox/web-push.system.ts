// Unmodified Firefox as a device, the npm web-push library as an app server, central between them. One browser and one
// subscription live through all tests of this file, in their order.
import t, { type Test } from 'tap';
import webpush, { type PushSubscription, type RequestOptions } from 'web-push';
import { traces } from '../../../shared/traces.js';
import { prepareFirefox } from '../../support/firefox-setup.js';

const { site, startCentral, openFirefox } = await prepareFirefox(t);
let central = await startCentral();
let firefox = await openFirefox();

const subject = 'mailto:app@example.com';
const keys = webpush.generateVAPIDKeys();
const subscription = await site.order<PushSubscription>('subscribe', keys.publicKey);

function send(payload?: string, options: RequestOptions = {}, to = subscription) {
  const vapidDetails = { subject, ...keys };
  const all = { vapidDetails, TTL: 600, ...options };
  return site.send({ subscription: to, payload, options: all });
}

interface Status {
  status: string;
  code?: number;
}

async function statusOf(location: string | undefined): Promise<Status> {
  return JSON.parse((await site.ask({ url: String(location) })).body) as Status;
}

/** Asks again and again until this is its status, for a minute. */
async function becomes(t: Test, location: string | undefined, wanted: Status): Promise<void> {
  let seen = await statusOf(location);
  for (let asked = 0; asked < 600 && !isIt(seen, wanted); asked++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    seen = await statusOf(location);
  }
  t.match(seen, wanted);
}

function isIt(seen: Status, { status, code }: Status): boolean {
  return seen.status === status && (code === undefined || seen.code === code);
}

t.test('a message of the web-push library reaches the service worker of Firefox', async (t) => {
  const { status, headers } = await send('¡hola!');
  t.equal(status, 201);
  t.equal(headers.ttl, '600');
  t.match(headers.location, /^https:\/\/127\.0\.0\.1:8443\/wpush\/v1\/messages\//);
  t.equal(await site.nextPush(), '¡hola!');
  await becomes(t, headers.location, { status: 'acked', code: 100 });
});

t.test('one in the older encoding does so, too', async (t) => {
  const { status, headers } = await send('before RFC 8188', { contentEncoding: 'aesgcm' });
  t.equal(status, 201);
  t.equal(await site.nextPush(), 'before RFC 8188');
  await becomes(t, headers.location, { status: 'acked', code: 100 });
});

t.test('a message without payload is a push without data', async (t) => {
  const { status, headers } = await send();
  t.equal(status, 201);
  t.equal(await site.nextPush(), null);
  await becomes(t, headers.location, { status: 'acked', code: 100 });
});

t.test('a message that Firefox cannot decrypt is acked with 101 and not sent again', async (t) => {
  const auth = Buffer.alloc(16).toString('base64url');
  const others = { ...subscription, keys: { ...subscription.keys, auth } };
  const { status, headers } = await send('for another', {}, others);
  t.equal(status, 201);
  await becomes(t, headers.location, { status: 'acked', code: 101 });
});

t.test('a worker that fails is told in the status of its message', async (t) => {
  const { headers } = await send('fail');
  t.equal(await site.nextPush(), 'fail');
  await becomes(t, headers.location, { status: 'acked', code: 302 });
});

t.test('a version of the older API, which nobody signs, is refused with 403', async (t) => {
  const url = subscription.endpoint.replace('/wpush/v1/', '/v1/notify/');
  t.equal((await site.ask({ url, method: 'PUT', body: 'version=7' })).status, 403);
});

t.test('a message signed with a key other than that of the subscription gets 403', async (t) => {
  const vapidDetails = { subject, ...webpush.generateVAPIDKeys() };
  t.equal((await send('from a stranger', { vapidDetails })).status, 403);
});

t.test('after a restart of central Firefox is back by itself and gets what was sent', async (t) => {
  await central.stop();
  await t.rejects(send('to nobody'), 'while nobody listens a message is not accepted');
  central = await startCentral();
  t.equal((await send('welcome back')).status, 201);
  t.equal(await site.nextPush(), 'welcome back');
});

t.test('Firefox asks for broadcasts, and its socket stays as it is', async (t) => {
  await firefox.logged('Sending message" "{\\"messageType\\":\\"broadcast_subscribe');
  t.equal((await send('still here?')).status, 201);
  t.equal(await site.nextPush(), 'still here?');
  const ended = central.lines().filter(({ id }) => id === traces.deviceClosed.id);
  t.same(ended, [], 'no socket has ended since central has started');
});

t.test('a message sent while Firefox was not there outlives kill -9 and arrives', async (t) => {
  await firefox.quit();
  const { status, headers } = await send('good morning');
  t.equal(status, 201);
  await central.stop('SIGKILL');
  central = await startCentral();
  t.match(await statusOf(headers.location), { status: 'stored' });
  firefox = await openFirefox();
  t.equal(await site.nextPush(), 'good morning');
  await becomes(t, headers.location, { status: 'acked' });
  const { endpoint } = await site.order<PushSubscription>('subscription');
  t.equal(endpoint, subscription.endpoint, 'and the subscription is the old one');
});

t.test('unsubscribe() resolves to true, and a message after it gets 410', async (t) => {
  t.equal(await site.order('unsubscribe'), true);
  t.equal((await send('too late')).status, 410);
});
