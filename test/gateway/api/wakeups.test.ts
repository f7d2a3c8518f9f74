import t from 'tap';
import { uuidV7 } from '../../../shared/id.js';
import { verifyAnswer } from '../../../shared/wakeup/profile.js';
import { parseResults } from '../../../shared/wakeup/request.js';
import { signableOf, type WireAnswer, wakeup } from '../../support/gateway-caller.js';
import { listenTcp, listenUdp, startDeafPeer } from '../../support/gateway-handset.js';
import { baseConfig, type RunningGateway, startGateway } from '../../support/gateway-setup.js';

function isSigned({ clock, folder }: RunningGateway, answer: WireAnswer): Promise<boolean> {
  return verifyAnswer({
    message: { status: answer.status, headers: answer.headers },
    request: signableOf(answer.request),
    keys: folder.gatewayKeys,
    nowMs: clock.now(),
  });
}

t.test('a UDP wakeup puts NOTIFY <ip>:<port> into one datagram and is triggered', async (t) => {
  const running = await startGateway(t);
  const ears = await listenUdp(t);
  const asked = wakeup({ port: ears.port });
  t.same(await running.caller.wake(asked), [{ id: asked.id, outcome: 'triggered' }]);
  t.equal(await ears.next(), `NOTIFY 127.0.0.1:${ears.port}`);
  const label =
    'reveille_gateway_wakeups_total{network="214-07",protocol="udp",outcome="triggered"}';
  t.equal(await running.metric(label), 1);
});

t.test('an IPv6 wakeup writes the canonical address in brackets', async (t) => {
  const { caller } = await startGateway(t);
  const ears = await listenUdp(t, '::1');
  const [result] = await caller.wake(wakeup({ ip: '0:0:0:0:0:0:0:1', port: ears.port }));
  t.equal(result?.outcome, 'triggered');
  t.equal(await ears.next(), `NOTIFY [::1]:${ears.port}`);
});

t.test('a TCP wakeup writes the same text and ends the connection', async (t) => {
  const { caller } = await startGateway(t);
  const ears = await listenTcp(t);
  const [result] = await caller.wake(wakeup({ protocol: 'tcp', port: ears.port }));
  t.equal(result?.outcome, 'triggered');
  t.equal(await ears.next(), `NOTIFY 127.0.0.1:${ears.port}`);
});

const word = 'AAECAwQFBgcICQoLDA0ODw';

t.test('a nonce, or a counter with its code, follows the address in both protocols', async (t) => {
  const { caller } = await startGateway(t);
  for (const [protocol, listen] of [
    ['udp', listenUdp],
    ['tcp', listenTcp],
  ] as const) {
    const ears = await listen(t);
    const text = `NOTIFY 127.0.0.1:${ears.port}`;
    const asked = { protocol, port: ears.port };
    await caller.wake(wakeup({ ...asked, nonce: word }));
    t.equal(await ears.next(), `${text} ${word}`);
    await caller.wake(wakeup({ ...asked, auth: { counter: 7, mac: word } }));
    t.equal(await ears.next(), `${text} 7 ${word}`);
  }
});

t.test('a wakeup with words is paced, paused, tried out and repeated as any other', async (t) => {
  const running = await startGateway(t, {
    networks: [
      { network: '214-07', ranges: ['127.0.0.0/8'] },
      { network: '214-08', ranges: ['127.0.0.0/8'], dryRun: true },
    ],
  });
  const { caller } = running;
  const ears = await listenUdp(t);
  const asked = wakeup({ port: ears.port, nonce: word });
  const auth = { counter: 1, mac: word };
  const results = await caller.wake(
    asked,
    { ...asked, nonce: undefined, auth },
    wakeup({ port: ears.port, auth }),
    wakeup({ port: ears.port, network: '214-08', nonce: word }),
  );
  t.same(
    results.map(({ outcome, reason }) => reason ?? outcome),
    ['triggered', 'triggered', 'paced-handset', 'dry-run'],
  );
  await fetch(`${running.gateway.adminUrl}/pause`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  t.match(await caller.wake(wakeup({ port: ears.port, nonce: word })), [{ reason: 'paused' }]);
  t.equal(await ears.next(), `NOTIFY 127.0.0.1:${ears.port} ${word}`);
  t.equal(ears.heard.length, 1, 'an id that is repeated with other words sends nothing');
});

t.test('an open, a closed and a deaf TCP port are answered alike, and at once', async (t) => {
  const { caller } = await startGateway(t, { drainMs: 50 });
  const ears = await listenTcp(t);
  const deaf = await startDeafPeer(t);
  // The clock stands still, so that an answer that waited for the deaf one's deadline would never come.
  const answers = [];
  for (const port of [ears.port, 1024, deaf, deaf, deaf, deaf, deaf, deaf]) {
    const asked = wakeup({ protocol: 'tcp', port });
    const answer = await caller.send({ body: JSON.stringify({ wakeups: [asked] }) });
    const body = answer.body.toString().replace(String(asked.id), '');
    answers.push(`${answer.status} ${[...answer.headers.keys()].join()} ${body}`);
  }
  t.match(answers[0], '{"results":[{"id":"","outcome":"triggered"}]}');
  t.equal(new Set(answers).size, 1);
});

t.test('UDP is the protocol of a wakeup that names none', async (t) => {
  const { caller } = await startGateway(t);
  const ears = await listenUdp(t);
  const { protocol, ...asked } = wakeup({ port: ears.port });
  t.equal(protocol, 'udp');
  t.equal((await caller.wake(asked))[0]?.outcome, 'triggered');
  await ears.next();
});

t.test('the results of a batch are in the order of its wakeups', async (t) => {
  const { caller } = await startGateway(t);
  const ears = await listenUdp(t);
  const results = await caller.wake(
    wakeup({ port: ears.port }),
    wakeup({ ip: '127.255.255.255' }),
    wakeup({ network: '214-08' }),
    wakeup({ port: 80 }),
    wakeup({ protocol: 'sctp' }),
    wakeup({ urgency: 'now' }),
  );
  t.same(
    results.map(({ outcome, reason }) => reason ?? outcome),
    [
      'triggered',
      'address-broadcast',
      'network-unknown',
      'port-not-allowed',
      'protocol-unknown',
      'urgency-unknown',
    ],
  );
});

t.test('a repeated id returns the first result and sends nothing', async (t) => {
  const running = await startGateway(t);
  const ears = await listenUdp(t);
  const asked = wakeup({ port: ears.port });
  const first = await running.caller.wake(asked, asked);
  t.same(first, [
    { id: asked.id, outcome: 'triggered' },
    { id: asked.id, outcome: 'triggered' },
  ]);
  t.same(await running.caller.wake({ ...asked, port: 80 }), [first[0]]);
  await running.caller.wake(wakeup({ port: ears.port }));
  await ears.next();
  await ears.next();
  t.equal(ears.heard.length, 2, 'one for the first id, one for the other');
  t.equal(await running.metric('reveille_gateway_repeats_total'), 2);
});

t.test('a repeated id after its life time is a new wakeup', async (t) => {
  const { caller, clock } = await startGateway(t, { resultLifeMs: 60_000 });
  const ears = await listenUdp(t);
  const asked = wakeup({ port: ears.port });
  await caller.wake(asked);
  clock.advance(60_000);
  await caller.wake(asked);
  await ears.next();
  await ears.next();
  t.equal(ears.heard.length, 2);
});

t.test('ids are kept per central', async (t) => {
  const running = await startGateway(t);
  const { folder, gateway } = running;
  const key = folder.addKey('ns-2');
  folder.write({
    ...baseConfig(),
    centrals: [
      { id: 'ns-1', publicKeyFile: 'ns-1.pub.pem' },
      { id: 'ns-2', publicKeyFile: 'ns-2.pub.pem' },
    ],
  });
  t.ok(gateway.reload());
  const ears = await listenUdp(t);
  const asked = wakeup({ port: ears.port });
  await running.caller.wake(asked);
  await running.callerWith(key).wake(asked);
  await ears.next();
  await ears.next();
  t.equal(ears.heard.length, 2);
});

t.test(
  'over its pace a central is deferred, told when to try again, and may use the same id',
  async (t) => {
    const { caller, clock, metric } = await startGateway(t, {
      centrals: [{ id: 'ns-1', publicKeyFile: 'ns-1.pub.pem', maxPerSecond: 2 }],
    });
    const ears = await listenUdp(t);
    const asked = [1, 2, 3].map(() => wakeup({ port: ears.port }));
    const results = await caller.wake(...asked);
    t.same(
      results.map(({ outcome }) => outcome),
      ['triggered', 'triggered', 'deferred'],
    );
    t.match(results[2], { reason: 'paced', retryAfterMs: 1000 });
    t.equal(await metric('reveille_gateway_deferrals_total{reason="paced"}'), 1);
    clock.advance(1000);
    t.same(
      (await caller.wake(...asked)).map(({ outcome }) => outcome),
      ['triggered', 'triggered', 'triggered'],
    );
    for (const _ of asked) await ears.next();
    t.equal(ears.heard.length, 3);
  },
);

t.test('a dry run of one network leaves the others as they are', async (t) => {
  const network = { ranges: ['127.0.0.0/8'], handsetIntervalMs: 0 };
  const { caller, metric } = await startGateway(t, {
    networks: [
      { network: '214-07', ...network, dryRun: true },
      { network: '214-08', ...network },
    ],
  });
  const ears = await listenUdp(t);
  const results = await caller.wake(
    wakeup({ port: ears.port }),
    wakeup({ port: ears.port, network: '214-08' }),
  );
  t.match(results, [{ outcome: 'refused', reason: 'dry-run' }, { outcome: 'triggered' }]);
  t.match((await caller.networks()).json, { networks: [{ online: false }, { online: true }] });
  t.equal(await metric('reveille_gateway_dry_run{network="214-07"}'), 1);
  await ears.next();
  t.equal(ears.heard.length, 1);
});

t.test(
  'a second wakeup of a handset within three seconds is deferred until they are over',
  async (t) => {
    const { caller, clock, metric } = await startGateway(t, {
      networks: [{ network: '214-07', ranges: ['127.0.0.0/8'] }],
    });
    const ears = await listenUdp(t);
    const again = async () => (await caller.wake(wakeup({ port: ears.port })))[0];
    t.match(await again(), { outcome: 'triggered' });
    clock.advance(1000);
    t.match(await again(), { outcome: 'deferred', reason: 'paced-handset', retryAfterMs: 2000 });
    t.equal(await metric('reveille_gateway_deferrals_total{reason="paced-handset"}'), 1);
    t.equal(await metric('reveille_gateway_pacing_entries'), 1);
    clock.advance(2000);
    t.match(await again(), { outcome: 'triggered' });
    await ears.next();
    await ears.next();
    t.equal(ears.heard.length, 2);
  },
);

t.test('a dry run decides and counts but sends nothing, and says so to central', async (t) => {
  const running = await startGateway(t, { dryRun: true });
  const ears = await listenUdp(t);
  const results = await running.caller.wake(wakeup({ port: ears.port }), wakeup({ port: 80 }));
  t.same(
    results.map(({ reason }) => reason),
    ['dry-run', 'port-not-allowed'],
  );
  t.equal(await running.metric('reveille_gateway_refusals_total{reason="dry-run"}'), 1);
  const { json } = await running.caller.networks();
  t.match(json, { networks: [{ online: false }] });
  t.equal(ears.heard.length, 0);
});

t.test('an empty batch is answered with no results', async (t) => {
  const { caller } = await startGateway(t);
  t.same((await caller.send()).json, { results: [] });
});

t.test('when too many results are remembered, further wakeups are deferred as busy', async (t) => {
  const { caller } = await startGateway(t, { resultsMax: 1 });
  const results = await caller.wake(wakeup({ port: 80 }), wakeup({ port: 80 }));
  t.match(results, [{ outcome: 'refused' }, { outcome: 'deferred', reason: 'busy' }]);
});

t.test('over tcpMax a TCP wakeup is deferred as busy', async (t) => {
  const { caller, metric } = await startGateway(t, { tcpMax: 1 });
  const ears = await listenTcp(t);
  const asked = () => wakeup({ protocol: 'tcp', port: ears.port });
  const results = await caller.wake(asked(), asked());
  t.match(results, [{ outcome: 'triggered' }, { outcome: 'deferred', reason: 'busy' }]);
  t.equal(await metric('reveille_gateway_deferrals_total{reason="busy"}'), 1);
  await ears.next();
});

t.test('1000 wakeups fit into a request and 1001 do not', async (t) => {
  const { caller } = await startGateway(t);
  const refused = () => ({ id: uuidV7(Date.now()), network: 'x' });
  const fill = (count: number) =>
    JSON.stringify({ wakeups: Array.from({ length: count }, refused) });
  const most = await caller.send({ body: fill(1000) });
  t.equal(parseResults(most.body).length, 1000);
  t.equal((await caller.send({ body: fill(1001) })).problem, 'malformed-request');
});

t.test('every answer is signed with the gateway key and bound to its request', async (t) => {
  const running = await startGateway(t);
  const { caller } = running;
  const answers = [
    await caller.send(),
    await caller.networks(),
    await caller.send({ target: '/v1/nothing' }),
    await caller.send({ method: 'DELETE' }),
    await caller.send({ body: '[]' }),
    await caller.send({ contentType: 'text/plain' }),
    await caller.send({ nowMs: 0 }),
  ];
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 404, 405, 400, 415, 401],
  );
  for (const answer of answers) t.ok(await isSigned(running, answer), String(answer.status));
  const [first, second] = answers;
  if (first && second) t.notOk(await isSigned(running, { ...first, request: second.request }));
});

t.test('the networks of a central are those its key record names', async (t) => {
  const { caller } = await startGateway(t, {
    networks: [
      {
        network: '214-07',
        ranges: ['10.0.0.0/8'],
        protocols: ['tcp'],
        ports: [9000, '40000-40099'],
      },
      { network: '214-07', netid: 'net-b', ranges: ['fd12:3456:7::/48'] },
      { network: '214-007', ranges: ['10.0.0.0/8'] },
    ],
    centrals: [{ id: 'ns-1', publicKeyFile: 'ns-1.pub.pem', networks: ['214-07', '214-07/net-b'] }],
  });
  t.same((await caller.networks()).json, {
    networks: [
      {
        network: '214-07',
        netid: '214-07.default',
        ranges: ['10.0.0.0/8'],
        protocols: ['tcp'],
        ports: ['9000-9000', '40000-40099'],
        online: true,
      },
      {
        network: '214-07',
        netid: 'net-b',
        ranges: ['fd12:3456:7::/48'],
        protocols: ['udp'],
        ports: ['1024-65535'],
        online: true,
      },
    ],
  });
  const [result] = await caller.wake(wakeup({ network: '214-007', ip: '10.1.1.1' }));
  t.equal(result?.reason, 'network-not-allowed');
});
