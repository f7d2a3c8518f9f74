import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { createWakeGuard } from '../../handset/wake-guard.js';
import { wakeupMac } from '../../shared/wakeup/datagram.js';

const place = { ip: '10.1.2.3', port: 4000 };
const key = randomBytes(32);
const plain = { kind: 'plain' } as const;

function signed(counter: number, by: Buffer = key) {
  const words = `NOTIFY ${place.ip}:${place.port} ${counter}`;
  return {
    kind: 'signed',
    words,
    counter,
    mac: wakeupMac(by, { ...place, counter }),
  } as const;
}

t.test('lets plain wakeups wake as long as no key was agreed on', async (t) => {
  const guard = createWakeGuard();
  t.equal(guard.judge(plain), 'wakeup');
  t.equal(guard.judge(signed(1)), 'not-agreed');
  guard.agree(undefined);
  t.equal(guard.judge(plain), 'wakeup');
});

t.test('wants a code from then on, and a counter above all before', async (t) => {
  const guard = createWakeGuard();
  guard.agree({ key, counter: 7 });
  t.equal(guard.judge(plain), 'unsigned');
  t.equal(guard.judge(signed(7)), 'repeated');
  t.equal(guard.judge(signed(8)), 'wakeup');
  t.equal(guard.judge(signed(8)), 'repeated');
  t.equal(guard.judge(signed(20)), 'wakeup');
  t.equal(guard.judge(signed(9)), 'repeated');
});

t.test('is not moved by a forged counter', async (t) => {
  const guard = createWakeGuard();
  guard.agree({ key, counter: 0 });
  t.equal(guard.judge(signed(2 ** 53 - 1, randomBytes(32))), 'forged');
  t.equal(guard.judge({ ...signed(5), counter: 6, words: 'NOTIFY 10.1.2.3:4000 6' }), 'forged');
  t.equal(guard.judge({ ...signed(5), words: 'NOTIFY 10.1.2.4:4000 5' }), 'forged');
  t.equal(guard.judge(signed(1)), 'wakeup');
});

t.test('keeps its counter where an answer brings the same key with an older one', async (t) => {
  const guard = createWakeGuard();
  guard.agree({ key, counter: 0 });
  t.equal(guard.judge(signed(5)), 'wakeup');
  guard.agree({ key: Buffer.from(key), counter: 3 });
  t.equal(guard.judge(signed(5)), 'repeated');
  guard.agree(undefined);
  guard.agree({ key, counter: 3 });
  t.equal(guard.judge(signed(5)), 'repeated');
  guard.agree({ key, counter: 9 });
  t.equal(guard.judge(signed(9)), 'repeated');
  t.equal(guard.judge(signed(10)), 'wakeup');
});

t.test('starts anew with another key', async (t) => {
  const guard = createWakeGuard();
  guard.agree({ key, counter: 100 });
  const other = randomBytes(32);
  guard.agree({ key: other, counter: 0 });
  t.equal(guard.judge(signed(101)), 'forged');
  t.equal(guard.judge(signed(1, other)), 'wakeup');
});

t.test('never wakes twice for one code, whatever the order of datagrams and answers', async (t) => {
  const counter = fc.integer({ min: 1, max: 6 });
  const heard = fc.record({ kind: fc.constant('heard' as const), counter });
  const answer = fc.record({
    kind: fc.constant('answer' as const),
    counter: fc.option(fc.integer({ min: 0, max: 6 })),
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(heard, answer)), (steps) => {
      const guard = createWakeGuard();
      const woken: number[] = [];
      for (const step of steps) {
        if (step.kind === 'heard') {
          if (guard.judge(signed(step.counter)) === 'wakeup') woken.push(step.counter);
        } else guard.agree(step.counter === null ? undefined : { key, counter: step.counter });
      }
      return woken.every((one, i) => one > (woken[i - 1] ?? 0));
    }),
  );
  t.pass('holds');
});
