// So many at a time, the others in the order they came.
import t from 'tap';
import { createTurns } from '../../../central/wakeup/turns.js';

/** Acts that end when they are told to. */
function setup(max: number) {
  const turn = createTurns(max);
  const begun: string[] = [];
  const ends = new Map<string, { well: () => void; badly: () => void }>();
  const act = (name: string) =>
    turn(() => {
      begun.push(name);
      return new Promise<string>((resolve, reject) => {
        ends.set(name, { well: () => resolve(name), badly: () => reject(new Error(name)) });
      });
    });
  const end = async (name: string, how: 'well' | 'badly' = 'well') => {
    ends.get(name)?.[how]();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { act, begun, end };
}

t.test('what comes beyond the limit begins when another has ended, the first first', async (t) => {
  const { act, begun, end } = setup(2);
  const all = ['a', 'b', 'c', 'd'].map(act);
  t.same(begun, ['a', 'b']);
  await end('b');
  t.same(begun, ['a', 'b', 'c']);
  await end('a');
  await end('c');
  await end('d');
  t.same(await Promise.all(all), ['a', 'b', 'c', 'd']);
});

t.test('one that fails ends its turn, too', async (t) => {
  const { act, begun, end } = setup(1);
  const [first, second] = [act('a'), act('b')];
  await Promise.all([t.rejects(first, { message: 'a' }), end('a', 'badly')]);
  await end('b');
  t.equal(await second, 'b');
  const third = act('c');
  t.same(begun, ['a', 'b', 'c']);
  await end('c');
  t.equal(await third, 'c');
});
