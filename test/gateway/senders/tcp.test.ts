import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import type { Attempt, Destination } from '../../../gateway/senders/sender.js';
import { createTcpSender } from '../../../gateway/senders/tcp.js';
import { parseAddress } from '../../../shared/address.js';
import { listenTcp, startDeafPeer } from '../../support/gateway-handset.js';
import type { Teardown } from '../../support/gateway-setup.js';
import { createManualClock } from '../../support/manual-clock.js';

const payload = Buffer.from('NOTIFY');

function to(port: number, ip = '127.0.0.1'): Destination {
  const address = parseAddress(ip);
  if (!address) throw new Error(ip);
  return { address, port };
}

function open(t: Teardown, tcpMax = 100) {
  const clock = createManualClock();
  const sender = createTcpSender({ clock, tcpMax, tcpDeadlineMs: 3000 });
  t.teardown(() => sender.close(0));
  const begin = (destination: Destination): Attempt => {
    const attempt = sender.begin(destination, payload);
    if (attempt === 'busy') throw new Error('busy');
    return attempt;
  };
  return { sender, clock, begin };
}

/** A peer that does with a connection what `treat` says. */
async function listenRudely(t: Teardown, treat: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    treat(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

t.test('a wakeup connects, writes its text and ends, in both families', async (t) => {
  const { begin, sender } = open(t);
  for (const host of ['127.0.0.1', '::1']) {
    const ears = await listenTcp(t, host);
    const attempt = begin(to(ears.port, host));
    t.same(await attempt.done, { result: 'sent' });
    t.equal(await attempt.sign, 'silent');
    t.equal(await ears.next(), 'NOTIFY');
  }
  t.equal(sender.underWay(), 0);
});

t.test(
  'a closed port shows in the end result only, never in what a caller may learn',
  async (t) => {
    const { begin, sender } = open(t);
    const attempt = begin(to(1));
    const first = await Promise.race([
      attempt.left.then(() => 'left'),
      attempt.done.then(() => 'done'),
    ]);
    t.equal(first, 'left');
    t.equal(sender.underWay(), 1, 'told before the host has answered');
    t.same(await attempt.left, { result: 'sent' });
    t.same(await attempt.done, { result: 'failed', code: 'ECONNREFUSED' });
    t.equal(await attempt.sign, 'refused');
  },
);

t.test('a peer that never reads and keeps the connection open costs nothing', async (t) => {
  const { begin, sender } = open(t);
  const port = await listenRudely(t, () => {});
  t.same(await begin(to(port)).done, { result: 'sent' });
  t.equal(sender.underWay(), 0);
});

t.test('a peer that talks is not listened to', async (t) => {
  const { begin, sender } = open(t);
  const port = await listenRudely(t, (socket) => void socket.write('x'.repeat(1_000_000)));
  t.same(await begin(to(port)).done, { result: 'sent' });
  t.equal(sender.underWay(), 0);
});

t.test('a peer that never accepts is left at the deadline', async (t) => {
  const { begin, clock, sender } = open(t);
  const port = await startDeafPeer(t);
  const attempts = Array.from({ length: 8 }, () => begin(to(port)));
  await Promise.race(attempts.map(({ done }) => done));
  clock.advance(3000);
  const results = (await Promise.all(attempts.map(({ done }) => done))).map(({ result }) => result);
  t.ok(results.includes('timeout'), results.join());
  const signs = await Promise.all(attempts.map(({ sign }) => sign));
  const heard = results.map((result) => (result === 'timeout' ? 'unknown' : 'silent'));
  t.same(signs, heard, 'no connection, so nothing was reached');
  t.notOk(results.includes('failed'));
  t.equal(sender.underWay(), 0);
});

t.test('over tcpMax a wakeup is busy and nothing is begun', async (t) => {
  const { sender, begin } = open(t, 1);
  const ears = await listenTcp(t);
  const first = begin(to(ears.port));
  t.equal(sender.begin(to(ears.port), payload), 'busy');
  await first.done;
  t.same(await begin(to(ears.port)).done, { result: 'sent' });
});

t.test('closing waits for what is under way, then begins nothing', async (t) => {
  const { sender, begin } = open(t);
  const ears = await listenTcp(t);
  const attempt = begin(to(ears.port));
  await sender.close(1000);
  t.same(await attempt.done, { result: 'sent' });
  t.equal(await ears.next(), 'NOTIFY');
  t.equal(sender.begin(to(ears.port), payload), 'busy');
});
