import t from 'tap';
import type { Destination } from '../../../gateway/senders/sender.js';
import { createUdpSender } from '../../../gateway/senders/udp.js';
import { parseAddress } from '../../../shared/address.js';
import { listenUdp } from '../../support/gateway-handset.js';
import type { Teardown } from '../../support/gateway-setup.js';

const payload = Buffer.from('NOTIFY');

function to(ip: string, port: number): Destination {
  const address = parseAddress(ip);
  if (!address) throw new Error(ip);
  return { address, port };
}

function open(t: Teardown, udpMax = 100) {
  const sender = createUdpSender({ udpMax });
  t.teardown(() => sender.close(0));
  const send = async (destination: Destination) => {
    const attempt = sender.begin(destination, payload);
    return attempt === 'busy' ? attempt : attempt.left;
  };
  return { sender, send };
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
  const { sender } = open(t, 2);
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
