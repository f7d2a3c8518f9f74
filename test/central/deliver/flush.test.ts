// What a socket is sent: what is pending and was not sent on it, until it is acked.
import t from 'tap';
import { noteAcked, noteSent, readPending, type Unacked } from '../../../central/deliver/flush.js';
import { openDelivery } from '../../support/central-app.js';
import { channel, putRecord } from '../../support/central-samples.js';

const [a, b] = [channel('c1'), channel('b')];

/** A device with two channels, and its socket's memory. */
async function setUp(t: Parameters<typeof openDelivery>[0]) {
  const { store, meet } = await openDelivery(t);
  const device = await meet();
  await store.register(device, b, 10);
  const unacked: Unacked = new Map();
  const put = (channel: typeof a, version: number) =>
    store.put(putRecord(device, channel, version));
  const read = async ({ all }: { all: boolean }) => {
    const updates = await readPending({ store, device, unacked, all });
    return Object.fromEntries(updates.map(({ channel, version }) => [channel, version]));
  };
  return { store, device, unacked, put, read };
}

t.test('a socket that was sent nothing is sent all that is pending', async (t) => {
  const { store, device, put } = await setUp(t);
  await put(a, 1);
  await put(b, 2);
  const updates = await readPending({ store, device, unacked: undefined, all: false });
  t.same(
    new Set(updates),
    new Set([
      { channel: a, version: 1 },
      { channel: b, version: 2 },
    ]),
  );
});

t.test('what was sent is not sent again, a newer version of it is', async (t) => {
  const { unacked, put, read } = await setUp(t);
  await put(a, 1);
  await put(b, 1);
  noteSent(unacked, [{ channel: a, version: 1 }], 1000);
  t.same(await read({ all: false }), { b: 1 });
  await put(a, 2);
  t.same(await read({ all: false }), { c1: 2, b: 1 });
});

t.test('all: what was sent and is not acked is sent again', async (t) => {
  const { unacked, put, read } = await setUp(t);
  await put(a, 1);
  noteSent(unacked, [{ channel: a, version: 1 }], 1000);
  t.same(await read({ all: false }), {});
  t.same(await read({ all: true }), { c1: 1 });
});

t.test('version 0 is as good as any', async (t) => {
  const { unacked, put, read } = await setUp(t);
  await put(a, 0);
  t.same(await read({ all: false }), { c1: 0 });
  noteSent(unacked, [{ channel: a, version: 0 }], 1000);
  t.same(await read({ all: false }), {});
});

t.test('an ack counts for its version and older ones', async (t) => {
  const unacked: Unacked = new Map();
  noteSent(unacked, [{ channel: a, version: 5 }], 1000);
  noteAcked(unacked, [{ channel: a, version: 4 }]);
  t.equal(unacked.size, 1);
  noteAcked(unacked, [{ channel: b, version: 9 }]);
  t.equal(unacked.size, 1);
  noteAcked(unacked, [{ channel: a, version: 5 }]);
  t.equal(unacked.size, 0);
  noteSent(unacked, [{ channel: a, version: 5 }], 1000);
  noteAcked(unacked, [{ channel: a, version: 6 }]);
  t.equal(unacked.size, 0);
});

t.test('the same version sent twice is a resend', async (t) => {
  const unacked: Unacked = new Map();
  noteSent(unacked, [{ channel: a, version: 5 }], 1000);
  t.match(unacked.get(a), { version: 5, sentAtMs: 1000, isResent: false });
  noteSent(unacked, [{ channel: a, version: 5 }], 2000);
  t.match(unacked.get(a), { version: 5, sentAtMs: 2000, isResent: true });
});

t.test('a newer version waits for its ack since the one it replaces was sent', async (t) => {
  const unacked: Unacked = new Map();
  noteSent(unacked, [{ channel: a, version: 5 }], 1000);
  noteSent(unacked, [{ channel: a, version: 6 }], 2000);
  t.match(unacked.get(a), { version: 6, sentAtMs: 1000, isResent: false });
  noteAcked(unacked, [{ channel: a, version: 6 }]);
  noteSent(unacked, [{ channel: a, version: 7 }], 3000);
  t.match(unacked.get(a), { version: 7, sentAtMs: 3000, isResent: false });
});
