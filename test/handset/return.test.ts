import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { createHandset } from '../../handset/client.js';
import { retryAfterMsOf } from '../../handset/messages.js';
import type { HandsetOptions } from '../../handset/options.js';
import { createManualClock } from '../support/manual-clock.js';
import { greet, next, openRig } from './rig.js';

/** How long a handset whose jitter is this share of the longest waits after this close. */
async function waitAfter(
  t: Test,
  close: { code: number; reason?: string },
  options: Partial<HandsetOptions> = {},
): Promise<number> {
  const rig = await openRig(t, { random: () => 0, ...options });
  const device = await greet(rig);
  const reconnecting = next(rig.handset, 'reconnecting');
  device.close(close.code, close.reason);
  const { delayMs } = await reconnecting;
  t.equal(rig.handset.state(), 'waiting');
  return delayMs;
}

t.test('spreads its return over crowdSpreadMs after a close that a crowd hears', async (t) => {
  for (const code of [1012, 1013]) {
    t.equal(await waitAfter(t, { code }, { random: () => 0 }), 0);
    t.equal(await waitAfter(t, { code }, { random: () => 0.5 }), 5000);
    t.equal(await waitAfter(t, { code }, { random: () => 0.999_999 }), 9999);
    t.equal(await waitAfter(t, { code }, { random: () => 0.5, crowdSpreadMs: 600 }), 500);
  }
  t.equal(await waitAfter(t, { code: 1001 }, { random: () => 0.5 }), 500);
});

t.test('stays away as long as retry-after says, and up to half of it more', async (t) => {
  const close = { code: 1013, reason: 'retry-after=20' };
  t.equal(await waitAfter(t, close, { random: () => 0 }), 20_000);
  t.equal(await waitAfter(t, close, { random: () => 0.5 }), 25_000);
  t.equal(await waitAfter(t, close, { random: () => 0.999_999 }), 29_999);
});

t.test('believes at most retryAfterMaxMs', async (t) => {
  for (const seconds of ['3600', '3601', '999999999999']) {
    const close = { code: 1013, reason: `retry-after=${seconds}` };
    t.equal(await waitAfter(t, close), 3_600_000);
  }
  const close = { code: 1013, reason: 'retry-after=20' };
  t.equal(await waitAfter(t, close, { retryAfterMaxMs: 7000 }), 7000);
});

t.test('takes other reasons for none', async (t) => {
  for (const reason of ['', 'retry-after=', 'retry-after=x', 'retry-after=-5', 'busy', '20']) {
    t.equal(await waitAfter(t, { code: 1013, reason }, { random: () => 0.5 }), 5000, reason);
  }
});

t.test('comes back when the wait is over, not before', async (t) => {
  const rig = await openRig(t, { random: () => 0.5 });
  const device = await greet(rig);
  const reconnecting = next(rig.handset, 'reconnecting');
  device.close(1013, 'retry-after=20');
  await reconnecting;
  rig.clock.advance(24_999);
  t.equal(rig.central.accepted(), 1);
  const hello = next(rig.handset, 'hello');
  rig.clock.advance(1);
  await hello;
});

t.test('spreads further each time it is turned away before hello is answered', async (t) => {
  const rig = await openRig(t, { random: () => 0.5 });
  rig.central.answers.hello = (_hello, device) => {
    device.close(1013, 'retry-after=2');
    return undefined;
  };
  rig.handset.start();
  const delays: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { delayMs } = await next(rig.handset, 'reconnecting');
    delays.push(delayMs);
    rig.clock.advance(delayMs);
  }
  t.same(delays, [2500, 3000, 4000, 6000, 10_000]);
});

t.test('heeds the close that comes with a refused hello', async (t) => {
  const rig = await openRig(t, { random: () => 0 });
  rig.central.answers.hello = (_hello, device) => {
    device.send({ messageType: 'hello', status: 408, reason: 'not ready' });
    device.close(1013, 'retry-after=20');
    return undefined;
  };
  const reconnecting = next(rig.handset, 'reconnecting');
  rig.handset.start();
  t.same(await reconnecting, { delayMs: 20_000 });
  t.match(rig.errors, [{ code: 'not-ready' }]);
});

t.test('heeds retry-after with 1012 too, and sleeps after 4774 whatever its reason', async (t) => {
  t.equal(await waitAfter(t, { code: 1012, reason: 'retry-after=20' }), 20_000);
  const rig = await openRig(t);
  const device = await greet(rig);
  const closed = next(rig.handset, 'closed');
  device.close(4774, 'retry-after=20');
  await closed;
  t.equal(rig.handset.state(), 'asleep');
});

/** A handset at a server that answers every upgrade like this. */
async function turnedAway(
  t: Test,
  status: number,
  headers: Record<string, string>,
): Promise<{ delayMs: number; error: Error }> {
  const server = createServer();
  const refuse = `HTTP/1.1 ${status} No\r\n${Object.entries({ ...headers, 'content-length': '0' })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
  server.on('upgrade', (_request, socket) => void socket.end(refuse));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const central = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const handset = createHandset({ central, clock: createManualClock(), random: () => 0.5 });
  t.teardown(async () => {
    await handset.stop();
    server.close();
  });
  const error = next(handset, 'error');
  const reconnecting = next(handset, 'reconnecting');
  handset.start();
  return { ...(await reconnecting), error: await error };
}

t.test('stays away as long as the Retry-After of an HTTP 503 says', async (t) => {
  const { delayMs, error } = await turnedAway(t, 503, { 'Retry-After': '10' });
  t.equal(delayMs, 12_500);
  t.match(error, { message: 'Unexpected server response: 503' });
});

t.test('backs off as after any loss where HTTP gives no number of seconds', async (t) => {
  t.equal((await turnedAway(t, 503, {})).delayMs, 500);
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT';
  t.equal((await turnedAway(t, 503, { 'Retry-After': date })).delayMs, 500);
  t.equal((await turnedAway(t, 400, { 'Retry-After': '10' })).delayMs, 500);
});

t.test('reads retry-after from any text without throwing', async (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.nat().map((n) => `retry-after=${n}`),
      ),
      (reason) => {
        const ms = retryAfterMsOf(reason);
        return ms === undefined || (Number.isSafeInteger(ms) && ms >= 0);
      },
    ),
  );
  t.pass('holds');
});
