// How many hellos a second are taken, and when those who are over are told to come back.
import fc from 'fast-check';
import t from 'tap';
import { createAdmission } from '../../../central/device/admission.js';
import { createManualClock } from '../../support/manual-clock.js';
import { openRawDevice } from '../../support/raw-device.js';
import { startCentral } from '../../support/running-central.js';
import { connectDevice } from '../../support/test-device.js';

function admissionOf(ratePerSecond: number, random = () => 0) {
  const clock = createManualClock();
  let deferred = 0;
  const countDeferred = () => {
    deferred += 1;
  };
  const { admit } = createAdmission({ ratePerSecond, clock, random, countDeferred });
  /** How many of so many hellos at once are taken. */
  const taken = (hellos: number) =>
    Array.from({ length: hellos }, admit).filter((wait) => !wait).length;
  return { clock, admit, taken, deferred: () => deferred };
}

t.test('takes one second’s worth at once, and then as many as the rate says', async (t) => {
  const { clock, taken, deferred } = admissionOf(10);
  t.equal(taken(30), 10);
  t.equal(deferred(), 20);
  clock.advance(99);
  t.equal(taken(5), 0);
  clock.advance(1);
  t.equal(taken(5), 1);
  clock.advance(500);
  t.equal(taken(50), 5);
  clock.advance(60_000);
  t.equal(taken(50), 10, 'a quiet minute saves up one second’s worth and no more');
});

t.test('gives each that is over the next place of the line', async (t) => {
  const { clock, admit, taken } = admissionOf(10);
  taken(10);
  const waits = Array.from({ length: 40 }, () => admit()?.retryAfterSeconds);
  const tens = [1, 2, 3, 4].flatMap((seconds) => Array<number>(10).fill(seconds));
  t.same(waits, tens);
  clock.advance(1_000);
  taken(10);
  t.same(admit(), { retryAfterSeconds: 4 }, 'the line has moved on with the time');
  clock.advance(60_000);
  taken(10);
  t.same(admit(), { retryAfterSeconds: 1 }, 'and has an end');
});

t.test('mixes those of one second with their neighbours', async (t) => {
  const { admit, taken } = admissionOf(10, () => 0.99);
  taken(10);
  t.same(admit(), { retryAfterSeconds: 2 });
});

t.test('tells nobody to stay away for more than two minutes, and not all the same', async (t) => {
  const { admit, taken } = admissionOf(1, Math.random);
  taken(1);
  const waits = Array.from({ length: 2_000 }, () => admit()?.retryAfterSeconds ?? 0);
  t.ok(waits.every((seconds) => seconds >= 1 && seconds <= 120));
  const late = waits.slice(200);
  t.ok(late.every((seconds) => seconds >= 60));
  t.ok(new Set(late).size > 50, 'spread over a minute');
});

t.test('over any schedule no more are taken than the rate and one second’s worth', async () => {
  const steps = fc.array(fc.record({ ms: fc.nat(3_000), hellos: fc.nat(60) }), { maxLength: 40 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 50 }), (schedule, rate) => {
      const { clock, taken } = admissionOf(rate);
      let total = 0;
      let passedMs = 0;
      for (const { ms, hellos } of schedule) {
        clock.advance(ms);
        passedMs += ms;
        total += taken(hellos);
      }
      return total <= rate + (rate * passedMs) / 1_000 + 1e-6;
    }),
  );
});

t.test('a clock that is set back neither fills the budget nor stops it', async (t) => {
  const { clock, taken } = admissionOf(10);
  taken(10);
  clock.advance(-60_000);
  t.equal(taken(5), 0);
  clock.advance(1_000);
  t.equal(taken(20), 10);
});

t.test('a device over hellosPerSecond is closed with 1013 and told when to return', async (t) => {
  const clock = createManualClock();
  const config = { hellosPerSecond: 2 };
  const { url, metric } = await startCentral(t, { clock, config });
  const first = await connectDevice(t, url);
  const { uaid } = await first.hello();
  const second = await connectDevice(t, url);
  await second.hello();
  const third = await connectDevice(t, url);
  third.send({ messageType: 'hello' });
  const { code, reason } = await third.closed;
  t.equal(code, 1013);
  t.match(reason, /^retry-after=[12]$/);
  t.equal(third.unread(), 0, 'without another word');
  t.equal(await metric('reveille_central_hellos_deferred_total'), 1);
  t.equal(await metric('reveille_central_devices_connected'), 2);
  t.equal((await first.hello({ uaid })).status, 200, 'a second hello on its socket is not charged');
  clock.advance(500);
  t.equal((await (await connectDevice(t, url)).hello()).status, 200);
});

t.test('TCP ends with FIN after it, and what else had come is not handled', async (t) => {
  const config = { hellosPerSecond: 1 };
  const { url, metric } = await startCentral(t, { clock: createManualClock(), config });
  await (await connectDevice(t, url)).hello();
  const device = openRawDevice(t, url);
  await device.answered;
  device.sendText('{"messageType":"hello"}');
  device.sendText('{"messageType":"register","channelID":"c"}');
  const { opcode, payload } = await device.receive();
  t.equal(opcode, 8);
  t.match(payload.subarray(2).toString(), /^retry-after=[0-9]+$/);
  t.equal(await device.ended, 'fin');
  t.equal(await metric('reveille_central_devices_connected'), 1);
});
