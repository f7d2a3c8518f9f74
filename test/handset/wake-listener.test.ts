import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import t, { type Test } from 'tap';
import {
  openWakeListener,
  type WakeListener,
  type WakeListenerOptions,
} from '../../handset/wake-listener.js';
import { wakeupPayload } from '../../shared/wakeup/datagram.js';
import { createManualClock } from '../support/manual-clock.js';

interface Heard {
  listener: WakeListener;
  clock: ReturnType<typeof createManualClock>;
  /** The next thing heard: the kind of a payload, or why it was ignored. */
  next(): Promise<string>;
}

async function open(t: Test, options: Partial<WakeListenerOptions> = {}): Promise<Heard> {
  const clock = createManualClock();
  const heard: string[] = [];
  let taker: ((word: string) => void) | undefined;
  const put = (word: string) => {
    if (taker) taker(word);
    else heard.push(word);
    taker = undefined;
  };
  const limits = { clock, readMs: 5000, connectionsMax: 16 };
  const place = { protocol: 'udp', ip: '127.0.0.1', port: 0 } as const;
  const listener = await openWakeListener(
    { ...place, ...limits, ...options },
    {
      heard: (from, payload) => {
        t.match(from, /^(127\.0\.0\.1|\[::1\]):\d+$/);
        put(payload.kind);
      },
      ignored: (_from, because) => put(because),
      error: (error) => put(error.message),
    },
  );
  t.teardown(listener.close);
  const next = () => {
    const word = heard.shift();
    if (word !== undefined) return Promise.resolve(word);
    return new Promise<string>((resolve) => {
      taker = resolve;
    });
  };
  return { listener, clock, next };
}

async function sendDatagram(ip: string, port: number, bytes: Buffer | string): Promise<void> {
  const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4');
  await new Promise((resolve) => socket.send(bytes, port, ip, resolve));
  socket.close();
}

async function dial({ listener }: Heard): Promise<Socket> {
  const socket = connect(listener.port, listener.ip);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

const hasIPv6Loopback = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1');

t.test('hears a wakeup in a UDP datagram', async (t) => {
  const heard = await open(t);
  const { ip, port } = heard.listener;
  await sendDatagram(ip, port, wakeupPayload(ip, port));
  t.equal(await heard.next(), 'plain');
});

t.test('hears a wakeup over IPv6', { skip: !hasIPv6Loopback }, async (t) => {
  const udp = await open(t, { ip: '::1' });
  await sendDatagram('::1', udp.listener.port, wakeupPayload('::1', udp.listener.port));
  t.equal(await udp.next(), 'plain');
  const tcp = await open(t, { ip: '::1', protocol: 'tcp' });
  (await dial(tcp)).end(wakeupPayload('::1', tcp.listener.port));
  t.equal(await tcp.next(), 'plain');
});

t.test('hears a wakeup in a TCP connection, answers nothing and hangs up', async (t) => {
  const heard = await open(t, { protocol: 'tcp' });
  const socket = await dial(heard);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  const closed = once(socket, 'close');
  socket.end(wakeupPayload(heard.listener.ip, heard.listener.port));
  t.equal(await heard.next(), 'plain');
  await closed;
  t.equal(Buffer.concat(chunks).length, 0);
});

t.test('puts a TCP wakeup together from pieces', async (t) => {
  const heard = await open(t, { protocol: 'tcp' });
  const socket = await dial(heard);
  socket.setNoDelay(true);
  for (const byte of wakeupPayload(heard.listener.ip, heard.listener.port)) {
    await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
  }
  socket.end();
  t.equal(await heard.next(), 'plain');
});

t.test('judges what a silent TCP peer has said at the end of its time', async (t) => {
  const heard = await open(t, { protocol: 'tcp' });
  const socket = await dial(heard);
  socket.write(wakeupPayload(heard.listener.ip, heard.listener.port));
  const early = await dial(heard);
  early.end();
  // The second connection was read to its end, so the first one's bytes are there as well.
  t.equal(await heard.next(), 'not-a-wakeup');
  heard.clock.advance(5000);
  t.equal(await heard.next(), 'plain');
  await once(socket, 'close');
});

t.test('hangs up on a TCP peer that says more than a wakeup', async (t) => {
  const heard = await open(t, { protocol: 'tcp' });
  const socket = await dial(heard);
  const closed = once(socket, 'close');
  socket.write('x'.repeat(1_000_000));
  t.equal(await heard.next(), 'too-long');
  await closed;
});

t.test('drops TCP connections beyond its limit', async (t) => {
  const heard = await open(t, { protocol: 'tcp', connectionsMax: 1 });
  const first = await dial(heard);
  const second = connect(heard.listener.port, heard.listener.ip);
  second.on('error', () => {});
  t.equal(await heard.next(), 'too-many');
  first.end(wakeupPayload(heard.listener.ip, heard.listener.port));
  t.equal(await heard.next(), 'plain');
});

t.test('says why it ignores a datagram', async (t) => {
  const heard = await open(t);
  const { ip, port } = heard.listener;
  await sendDatagram(ip, port, 'hello');
  t.equal(await heard.next(), 'not-a-wakeup');
  await sendDatagram(ip, port, wakeupPayload(ip, port === 1 ? 2 : port - 1));
  t.equal(await heard.next(), 'other-port');
  await sendDatagram(ip, port, Buffer.alloc(2000));
  t.equal(await heard.next(), 'too-long');
  await sendDatagram(ip, port, Buffer.alloc(0));
  t.equal(await heard.next(), 'not-a-wakeup');
});

t.test('says which port it cannot open', async (t) => {
  for (const protocol of ['udp', 'tcp'] as const) {
    const { listener } = await open(t, { protocol });
    const again = open(t, { protocol, port: listener.port });
    const message = new RegExp(
      `cannot be woken on ${protocol} 127.0.0.1:${listener.port}: .*EADDRINUSE`,
    );
    await t.rejects(again, { code: 'wake-listener', message });
  }
});

t.test('reports nothing while it closes', async (t) => {
  const heard = await open(t, { protocol: 'tcp' });
  const socket = await dial(heard);
  socket.write(wakeupPayload(heard.listener.ip, heard.listener.port));
  const early = await dial(heard);
  early.end();
  t.equal(await heard.next(), 'not-a-wakeup');
  await heard.listener.close();
  heard.clock.advance(10_000);
  const nothing = new Promise((resolve) => setImmediate(() => resolve('nothing')));
  t.equal(await Promise.race([heard.next(), nothing]), 'nothing');
});
