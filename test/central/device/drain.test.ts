// The end of a server: its devices are sent away over a while, and everybody else is served until it is over.
import t from 'tap';
import { drainTimes, spreadOut } from '../../../central/device/drain.js';
import { traces } from '../../../shared/traces.js';
import { ask } from '../../support/central-app-server.js';
import { createManualClock } from '../../support/manual-clock.js';
import { opcodes, openRawDevice } from '../../support/raw-device.js';
import { during, startCentral, startWakingCentral } from '../../support/running-central.js';
import { settled, sleeper } from '../../support/sleeping-devices.js';
import { connectDevice, put } from '../../support/test-device.js';

t.test('does with each what is to be done, evenly and in their order', async (t) => {
  const clock = createManualClock();
  const startMs = clock.now();
  const all = Array.from({ length: 3_000 }, (_, i) => i);
  const done: { thing: number; atMs: number }[] = [];
  const act = (thing: number) => void done.push({ thing, atMs: clock.now() - startMs });
  spreadOut(all, { spreadMs: 3_000, clock, act });
  t.equal(done.length, 1, 'the first at once');
  clock.advance(3_000);
  t.same(
    done.map(({ thing }) => thing),
    all,
  );
  for (let second = 0; second < 3; second++) {
    const inIt = done.filter(({ atMs }) => Math.floor(atMs / 1_000) === second).length;
    t.ok(inIt > 950 && inIt < 1_050, `${inIt} in second ${second}`);
  }
});

t.test('does it at once where there is no time, and nothing where there is nobody', async (t) => {
  const clock = createManualClock();
  const done: number[] = [];
  const act = (thing: number) => void done.push(thing);
  spreadOut([1, 2, 3], { spreadMs: 0, clock, act });
  t.same(done, [1, 2, 3]);
  spreadOut([], { spreadMs: 1_000, clock, act });
  clock.advance(1_000);
  t.same(done, [1, 2, 3]);
});

t.test('does no more once it was stopped', async (t) => {
  const clock = createManualClock();
  const done: number[] = [];
  const stop = spreadOut([1, 2, 3], { spreadMs: 300, clock, act: (n) => void done.push(n) });
  clock.advance(100);
  stop();
  clock.advance(1_000);
  t.same(done, [1, 2]);
});

t.test('the spread leaves time to end TCP, and the cut time to end, within drainMs', async (t) => {
  t.same(drainTimes({ drainMs: 5_000, drainSpreadMs: 3_000 }), {
    spreadMs: 3_000,
    cutAfterMs: 4_000,
  });
  t.same(drainTimes({ drainMs: 1_000, drainSpreadMs: 3_000 }), { spreadMs: 600, cutAfterMs: 800 });
  t.same(drainTimes({ drainMs: 0, drainSpreadMs: 3_000 }), { spreadMs: 0, cutAfterMs: 0 });
});

t.test('wakes nobody who would find the door closed', async (t) => {
  const running = await startWakingCentral(t, { drainMs: 5_000, drainSpreadMs: 3_000 });
  const { central, clock, url, gateway } = running;
  const { endpoint } = await sleeper(t, running);
  // Two are open, so that the end takes its time.
  const open = [await connectDevice(t, url), await connectDevice(t, url)];
  const closing = central.close();
  await open[0]?.closed;
  t.equal((await put(endpoint, 1)).status, 200);
  await settled(running);
  clock.advance(3_000);
  await open[1]?.closed;
  await during(clock, closing);
  t.same(gateway.wakeups, []);
});

t.test(
  'sends devices away with 1012 over drainSpreadMs, and serves app servers meanwhile',
  async (t) => {
    const clock = createManualClock();
    const config = { drainMs: 5_000, drainSpreadMs: 3_000 };
    const { central, url, watch } = await startCentral(t, { clock, config });
    const devices = [await connectDevice(t, url), await connectDevice(t, url)];
    const last = await connectDevice(t, url);
    await last.hello();
    const endpoint = await last.register('c');
    const [first, second] = devices.map((device) => device.closed);
    const closing = central.close();
    t.match(await first, { code: 1012, reason: 'the server stops' });
    t.match(await ask(`${url}/status`, { method: 'GET' }), {
      status: 503,
      body: '{"status":"stopping"}',
    });
    const newcomer = openRawDevice(t, url);
    t.match(await newcomer.answered, /^HTTP\/1\.1 503 /);
    t.equal(await newcomer.ended, 'fin');
    clock.advance(1_000);
    t.match(await second, { code: 1012 });
    t.equal((await put(endpoint, 7)).status, 200);
    t.match(
      await last.receive(),
      { messageType: 'notification' },
      'and who is still here is served',
    );
    clock.advance(1_000);
    t.match(await last.closed, { code: 1012 });
    await during(clock, closing);
    t.equal(watch.count(traces.closeSlow), 0);
  },
);

t.test('cuts what does not end TCP by itself, and ends within drainMs', async (t) => {
  const clock = createManualClock();
  const config = { drainMs: 5_000, drainSpreadMs: 3_000 };
  const { central, url, watch } = await startCentral(t, { clock, config });
  const stubborn = [openRawDevice(t, url), openRawDevice(t, url)];
  for (const device of stubborn) await device.answered;
  const closing = central.close();
  clock.advance(3_900);
  for (const device of stubborn) t.equal((await device.receive()).opcode, opcodes.close);
  clock.advance(200);
  await during(clock, closing);
  t.equal(watch.count(traces.closeSlow), 0);
});

t.test('with a drainMs of 0 it ends at once, whoever is there', async (t) => {
  const { central, url } = await startCentral(t, { config: { drainMs: 0, drainSpreadMs: 3_000 } });
  const device = openRawDevice(t, url);
  await device.answered;
  await connectDevice(t, url);
  await central.close();
  await t.rejects(connectDevice(t, url));
});
