// GET /v1/signs, with handsets on loopback whose ports are closed in between.
import t, { type Test } from 'tap';
import { verifyAnswer } from '../../../shared/wakeup/profile.js';
import { signableOf, wakeup } from '../../support/gateway-caller.js';
import { type Ears, listenTcp, listenUdp } from '../../support/gateway-handset.js';
import { baseConfig, type RunningGateway, startGateway } from '../../support/gateway-setup.js';

const signWaitMs = 8000;
const protocols = [
  ['udp', listenUdp],
  ['tcp', listenTcp],
] as const;

/** Waits until a metric of signs has a value. Refusals take their time, even on loopback. */
async function heard(
  { metric }: RunningGateway,
  result: string,
  count: number,
  protocol = 'udp',
): Promise<void> {
  const line = `reveille_gateway_signs_total{protocol="${protocol}",result="${result}"}`;
  while ((await metric(line)) < count);
}

/** A wakeup of a port that listens and then does not, and another one. */
async function wakeTwice(t: Test, running: RunningGateway, protocol: 'udp' | 'tcp') {
  const [, listen] = protocols.find(([name]) => name === protocol) ?? protocols[0];
  const ears = await listen(t);
  const asked = { protocol, port: ears.port };
  await running.caller.wake(wakeup(asked));
  await ears.next();
  if (protocol === 'udp') running.clock.advance(signWaitMs);
  await heard(running, 'remembered', 1, protocol);
  await ears.close();
  const second = wakeup(asked);
  t.match(await running.caller.wake(second), [{ outcome: 'triggered' }], 'as if nothing were');
  await heard(running, 'told', 1, protocol);
  return { second, ears };
}

for (const [protocol] of protocols) {
  t.test(
    `a ${protocol} port that was reached and refuses now is told by the id of its wakeup`,
    async (t) => {
      const running = await startGateway(t);
      const { caller, clock, metric } = running;
      const { second } = await wakeTwice(t, running, protocol);
      const expected = [{ id: second.id, sign: 'unreachable' }];
      t.same(await caller.signs(), expected);
      t.same(await caller.signs(), expected, 'reading takes nothing away');
      const errors = `reveille_gateway_send_errors_total{protocol="${protocol}",code="ECONNREFUSED"}`;
      t.equal(await metric(errors), 1, 'the operator sees it as well');
      clock.advance(60_000);
      t.same(await caller.signs(), []);
    },
  );
}

t.test('the answer is signed, and a central sees its own signs only', async (t) => {
  const running = await startGateway(t);
  const { caller, folder, gateway } = running;
  const other = running.callerWith(folder.addKey('ns-2'));
  folder.write({
    ...baseConfig(),
    centrals: ['ns-1', 'ns-2'].map((id) => ({ id, publicKeyFile: `${id}.pub.pem` })),
  });
  t.ok(gateway.reload());
  await wakeTwice(t, running, 'udp');
  const answer = await caller.send({ method: 'GET', target: '/v1/signs', body: '' });
  t.equal(answer.status, 200);
  t.ok(
    await verifyAnswer({
      message: { status: answer.status, headers: answer.headers },
      request: signableOf(answer.request),
      keys: folder.gatewayKeys,
      nowMs: running.clock.now(),
    }),
  );
  t.equal((await caller.signs()).length, 1);
  t.same(await other.signs(), []);
  folder.write({ ...baseConfig(), centrals: [{ id: 'ns-2', publicKeyFile: 'ns-2.pub.pem' }] });
  t.ok(gateway.reload());
  folder.write(baseConfig());
  t.ok(gateway.reload());
  t.same(await caller.signs(), [], 'a central that was gone begins anew');
});

t.test('a request for signs must be signed, and is good once', async (t) => {
  const { caller, gateway } = await startGateway(t);
  t.equal((await fetch(`${gateway.url}/v1/signs`)).status, 401);
  const wire = caller.signed({ method: 'GET', target: '/v1/signs', body: '' });
  t.equal((await caller.sendWire(wire)).status, 200);
  t.equal((await caller.sendWire(wire)).problem, 'nonce-replayed');
});

/** What a caller gets for wakeups of these ports, without what it made up itself. */
async function answersFor({ caller }: RunningGateway, ports: number[], protocol: string) {
  const asked = ports.map((port) => wakeup({ port, protocol }));
  const results = await caller.wake(...asked);
  return results.map(({ id, ...rest }) => JSON.stringify(rest));
}

for (const [protocol, listen] of protocols) {
  t.test(`who sends to every ${protocol} port of a host, twice, learns nothing`, async (t) => {
    const running = await startGateway(t);
    const open: Ears[] = [];
    const closed: Ears[] = [];
    for (let i = 0; i < 20; i++) (i % 2 === 0 ? open : closed).push(await listen(t));
    await Promise.all(closed.map((ears) => ears.close()));
    const ports = [...open, ...closed].map(({ port }) => port).sort((a, b) => a - b);
    for (let round = 1; round <= 2; round++) {
      const answers = await answersFor(running, ports, protocol);
      t.same([...new Set(answers)], ['{"outcome":"triggered"}'], 'one answer for all of them');
      await heard(running, 'withheld', closed.length * round, protocol);
      running.clock.advance(signWaitMs);
      await heard(running, 'remembered', open.length * round, protocol);
      t.same(await running.caller.signs(), []);
    }
  });
}

t.test('a wakeup that nobody listened for makes no target reached', async (t) => {
  const running = await startGateway(t, { signSocketsMax: 1 });
  const { caller, clock, metric } = running;
  const [first, second] = [await listenUdp(t), await listenUdp(t)];
  await caller.wake(wakeup({ port: first.port }), wakeup({ port: second.port }));
  t.equal(await metric('reveille_gateway_sign_sockets'), 1);
  t.equal(await metric('reveille_gateway_sign_sockets_max'), 1);
  await heard(running, 'unheard', 1);
  await second.next();
  clock.advance(signWaitMs);
  await heard(running, 'remembered', 1);
  t.equal(await metric('reveille_gateway_sign_targets'), 1);
  await second.close();
  await caller.wake(wakeup({ port: second.port }));
  await heard(running, 'withheld', 1);
  t.same(await caller.signs(), []);
});

t.test('a dry run, a pause and a refusal leave nothing to hear', async (t) => {
  const { caller, metric } = await startGateway(t, { dryRun: true });
  await caller.wake(wakeup(), wakeup({ port: 80 }), wakeup({ nonce: 'x' }));
  t.equal(await metric('reveille_gateway_sign_sockets'), 0);
  for (const result of ['remembered', 'told', 'withheld', 'unheard']) {
    t.equal(await metric(`reveille_gateway_signs_total{protocol="udp",result="${result}"}`), 0);
  }
});

t.test('the end does not wait for those that listen', async (t) => {
  const { caller, gateway } = await startGateway(t);
  const ears = await listenUdp(t);
  await caller.wake(wakeup({ port: ears.port }));
  await gateway.close();
  t.equal(await ears.next(), `NOTIFY 127.0.0.1:${ears.port}`);
});
