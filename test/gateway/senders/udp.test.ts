import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { promisify } from 'node:util';
import t from 'tap';
import type { Attempt, Destination } from '../../../gateway/senders/sender.js';
import { createUdpSender } from '../../../gateway/senders/udp.js';
import { parseAddress } from '../../../shared/address.js';
import { listenUdp } from '../../support/gateway-handset.js';
import type { Teardown } from '../../support/gateway-setup.js';
import { createManualClock } from '../../support/manual-clock.js';

const payload = Buffer.from('NOTIFY');

function to(ip: string, port: number): Destination {
  const address = parseAddress(ip);
  if (!address) throw new Error(ip);
  return { address, port };
}

function open(t: Teardown, limits: { udpMax?: number; signSocketsMax?: number } = {}) {
  const clock = createManualClock();
  const sender = createUdpSender({
    clock,
    ...{ udpMax: 100, signWaitMs: 8000, signSocketsMax: 100 },
    ...limits,
  });
  t.teardown(() => sender.close(0));
  const begin = (destination: Destination): Attempt => {
    const attempt = sender.begin(destination, payload);
    if (attempt === 'busy') throw new Error('busy');
    return attempt;
  };
  const send = async (destination: Destination) => {
    const attempt = sender.begin(destination, payload);
    return attempt === 'busy' ? attempt : attempt.left;
  };
  return { sender, send, begin, clock };
}

/** A port of this host that nobody listens on. */
async function closedPort(host = '127.0.0.1'): Promise<number> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

t.test('one datagram leaves for each wakeup, in both families', async (t) => {
  const { send } = open(t);
  for (const host of ['127.0.0.1', '::1']) {
    const ears = await listenUdp(t, host);
    t.same(await send(to(host, ears.port)), { result: 'sent' });
    t.equal(await ears.next(), 'NOTIFY');
  }
});

t.test('a datagram to a port that nobody listens on has left like any other', async (t) => {
  const { send } = open(t);
  t.same(await send(to('127.0.0.1', 1)), { result: 'sent' });
  t.same(await send(to('127.0.0.1', 1)), { result: 'sent' });
});

t.test('what the system refuses to send has failed, with its code', async (t) => {
  const { send } = open(t);
  // The broadcast address of loopback: a socket without SO_BROADCAST may not send there.
  t.same(await send(to('127.255.255.255', 9)), { result: 'failed', code: 'EACCES' });
  const ears = await listenUdp(t);
  t.same(await send(to('127.0.0.1', ears.port)), { result: 'sent' }, 'and the next one is sent');
  await ears.next();
});

t.test('over udpMax a wakeup is busy and nothing is begun', async (t) => {
  const { sender } = open(t, { udpMax: 2 });
  const attempts = [1, 2, 3].map(() => sender.begin(to('127.0.0.1', 1), payload));
  t.equal(attempts[2], 'busy');
  t.equal(sender.underWay(), 2);
  for (const attempt of attempts) if (attempt !== 'busy') await attempt.done;
  t.equal(sender.underWay(), 0);
});

t.test('a closed sender begins nothing, and what was under way has left', async (t) => {
  const { sender, send } = open(t);
  const ears = await listenUdp(t);
  const attempt = sender.begin(to('127.0.0.1', ears.port), payload);
  await sender.close(1000);
  t.not(attempt, 'busy');
  t.equal(await ears.next(), 'NOTIFY');
  t.equal(await send(to('127.0.0.1', ears.port)), 'busy');
});

t.test('a refusal is heard, in both families, after the datagram has left', async (t) => {
  const { begin, sender } = open(t);
  for (const host of ['127.0.0.1', '::1']) {
    const attempt = begin(to(host, await closedPort(host)));
    t.same(await attempt.left, { result: 'sent' });
    t.equal(await attempt.sign, 'refused');
  }
  t.equal(sender.listening(), 0, 'there is nothing more to hear');
});

t.test('silence is silence when signWaitMs have passed', async (t) => {
  const { begin, clock, sender } = open(t);
  const ears = await listenUdp(t);
  const attempt = begin(to('127.0.0.1', ears.port));
  await attempt.left;
  await ears.next();
  clock.advance(7999);
  t.equal(sender.listening(), 1);
  clock.advance(1);
  t.equal(await attempt.sign, 'silent');
  t.equal(sender.listening(), 0);
});

t.test('a peer that talks is not listened to any longer', async (t) => {
  const { begin, sender } = open(t);
  const peer = createSocket('udp4', (_message, from) => {
    for (let i = 0; i < 100; i++) peer.send('x'.repeat(1000), from.port, from.address);
  });
  t.teardown(() => peer.close());
  peer.bind(0, '127.0.0.1');
  await once(peer, 'listening');
  const attempt = begin(to('127.0.0.1', peer.address().port));
  t.same(await attempt.left, { result: 'sent' });
  t.equal(await attempt.sign, 'silent');
  t.equal(sender.listening(), 0);
});

t.test('over signSocketsMax a wakeup is sent as well, and not listened for', async (t) => {
  const { begin, sender } = open(t, { signSocketsMax: 1 });
  const ears = await listenUdp(t);
  const attempts = [begin(to('127.0.0.1', ears.port)), begin(to('127.0.0.1', ears.port))];
  t.equal(sender.listening(), 1);
  for (const { left } of attempts) t.same(await left, { result: 'sent' });
  t.equal(await attempts[1]?.sign, 'unknown');
  t.equal(await ears.next(), 'NOTIFY');
  t.equal(await ears.next(), 'NOTIFY');
});

t.test('with signSocketsMax 0 nothing is listened for', async (t) => {
  const { begin, sender } = open(t, { signSocketsMax: 0 });
  const attempt = begin(to('127.0.0.1', await closedPort()));
  t.same(await attempt.left, { result: 'sent' });
  t.equal(await attempt.sign, 'unknown');
  t.equal(sender.listening(), 0);
});

t.test('what is refused by the system itself is no sign', async (t) => {
  const { begin, sender } = open(t);
  const attempt = begin(to('127.255.255.255', 9));
  t.same(await attempt.left, { result: 'failed', code: 'EACCES' });
  t.equal(await attempt.sign, 'unknown');
  t.equal(sender.listening(), 0);
});

t.test('a closed sender listens no longer', async (t) => {
  const { begin, sender } = open(t);
  const ears = await listenUdp(t);
  const attempt = begin(to('127.0.0.1', ears.port));
  await attempt.left;
  await sender.close(1000);
  t.equal(await attempt.sign, 'unknown');
  t.equal(sender.listening(), 0);
});

/** Sends a hundred wakeups in a process that may have few files open; prints how they ended. */
const poorProcess = `
  import { createUdpSender } from '${new URL('../../../gateway/senders/udp.js', import.meta.url)}';
  import { parseAddress } from '${new URL('../../../shared/address.js', import.meta.url)}';
  import { systemClock as clock } from '${new URL('../../../shared/clock.js', import.meta.url)}';
  const sender = createUdpSender({ clock, udpMax: 100, signWaitMs: 8000, signSocketsMax: 1000 });
  const destination = { address: parseAddress('127.0.0.1'), port: Number(process.env.PORT) };
  const attempts = Array.from({ length: 100 }, () => sender.begin(destination, Buffer.from('NOTIFY')));
  const results = (await Promise.all(attempts.map(({ left }) => left))).map(({ result }) => result);
  console.log(results.filter((result) => result === 'sent').length, sender.listening() < 100);
  await sender.close(0);
`;

t.test('where no socket of its own can be had, a wakeup leaves from the shared one', async (t) => {
  const ears = await listenUdp(t);
  const command = `ulimit -n 60 && exec "${process.execPath}" --input-type=module -e "$PROGRAM"`;
  const { PATH = '' } = process.env;
  const env = { PATH, PORT: String(ears.port), PROGRAM: poorProcess };
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { env });
  t.equal(stdout, '100 true\n');
  for (let i = 0; i < 100; i++) t.equal(await ears.next(), 'NOTIFY');
});
