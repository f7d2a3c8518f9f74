// One gateway as central talks to it: signed both ways, many wakeups in one request, and every way it may fail.
import { generateKeyPairSync } from 'node:crypto';
import t, { type Test } from 'tap';
import {
  createGatewayClient,
  type GatewayOptions,
} from '../../../central/wakeup/gateway-client.js';
import { uuidV7 } from '../../../shared/id.js';
import { type NamedKey, thumbprint } from '../../../shared/wakeup/keys.js';
import type { Wakeup } from '../../../shared/wakeup/request.js';
import { createManualClock } from '../../support/manual-clock.js';
import {
  type Misbehaviour,
  openScriptedGateway,
  type ScriptedGateway,
  type ScriptedGatewayOptions,
} from '../../support/scripted-gateway.js';

function keyPair(): { own: NamedKey; shown: NamedKey } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keyid = thumbprint(publicKey);
  return { own: { keyid, key: privateKey }, shown: { keyid, key: publicKey } };
}

async function setup(
  t: Test,
  options: Partial<GatewayOptions> = {},
  gatewayOptions: Partial<ScriptedGatewayOptions> = {},
) {
  const clock = createManualClock();
  const central = keyPair();
  const operator = keyPair();
  const gateway = await openScriptedGateway(t, {
    key: operator.own,
    callers: [central.shown],
    clock,
    ...gatewayOptions,
  });
  const client = createGatewayClient({
    url: gateway.url,
    publicKeys: [operator.shown],
    signingKeys: [central.own],
    tls: {},
    timeoutMs: 5_000,
    gatherMs: 5,
    wakeupsMax: 10_000,
    clock,
    ...options,
  });
  t.teardown(() => client.close());
  const wakeup = (): Wakeup => ({
    id: uuidV7(clock.now()),
    network: '214-07',
    ip: '10.0.0.1',
    port: 9000,
    protocol: 'udp',
  });
  /** Hands one wakeup over at once. */
  const wake = () => {
    const result = client.wake(wakeup());
    clock.advance(5);
    return result;
  };
  return { clock, gateway, client, wakeup, wake, central, operator };
}

/** Keeps answers to wakeups back until it is called. */
function hold(gateway: ScriptedGateway): () => void {
  let release = () => {};
  gateway.held = new Promise((resolve) => {
    release = resolve;
  });
  return release;
}

t.test('asks for networks with a signed GET and reads the signed answer', async (t) => {
  const { gateway, client } = await setup(t);
  t.same(await client.networks(), gateway.networks);
  t.match(gateway.requests[0], { method: 'GET', path: '/v1/networks', validSignatures: 1 });
  t.notOk(gateway.requests[0]?.headers['content-type']);
});

t.test('gathers wakeups for gatherMs into one signed request', async (t) => {
  const { clock, gateway, client, wakeup } = await setup(t);
  const wakeups = [wakeup(), wakeup()];
  const results = wakeups.map((one) => client.wake(one));
  clock.advance(4);
  const late = wakeup();
  results.push(client.wake(late));
  t.equal(gateway.requests.length, 0);
  clock.advance(1);
  t.same(
    (await Promise.all(results)).map(({ outcome }) => outcome),
    Array(3).fill('triggered'),
  );
  t.match(await gateway.nextBatch(), [...wakeups, late]);
  t.equal(gateway.requests.length, 1);
  t.match(gateway.requests[0], {
    method: 'POST',
    path: '/v1/wakeups',
    validSignatures: 1,
    headers: { 'content-type': 'application/json' },
  });
});

t.test('splits more than 1000 wakeups into several requests', async (t) => {
  const { clock, gateway, client, wakeup } = await setup(t);
  const results = Array.from({ length: 2_500 }, () => client.wake(wakeup()));
  clock.advance(5);
  await Promise.all(results);
  const sizes = gateway.requests.map(({ wakeups }) => wakeups.length);
  t.same(
    sizes.sort((a, b) => b - a),
    [1_000, 1_000, 500],
  );
  t.equal(new Set(gateway.wakeups.map(({ id }) => id)).size, 2_500);
});

t.test('gathers on while four requests are under way, and sends when one ends', async (t) => {
  const { gateway, client, wake } = await setup(t);
  const release = hold(gateway);
  const held = Array.from({ length: 4 }, wake);
  const batches = [];
  for (const _ of held) batches.push(await gateway.nextBatch());
  const gathered = Array.from({ length: 100 }, wake);
  t.same(await client.networks(), gateway.networks, 'asking for networks does not wait');
  t.equal(gateway.wakeups.length, 4);
  release();
  t.equal((await gateway.nextBatch()).length, 100, 'the rest travels together');
  const results = await Promise.all([...held, ...gathered]);
  t.ok(results.every(({ outcome }) => outcome === 'triggered'));
  t.equal(gateway.requests.length, 6, 'five with wakeups and one for networks');
});

t.test('what gathered meanwhile travels in requests of at most 1000, four at a time', async (t) => {
  const { gateway, wake } = await setup(t, { wakeupsMax: 6_000 });
  const release = hold(gateway);
  const held = Array.from({ length: 4 }, wake);
  for (const _ of held) await gateway.nextBatch();
  const gathered = Array.from({ length: 5_500 }, wake);
  release();
  await Promise.all([...held, ...gathered]);
  const sizes = gateway.requests.map(({ wakeups }) => wakeups.length).sort((a, b) => b - a);
  t.same(sizes, [1_000, 1_000, 1_000, 1_000, 1_000, 500, 1, 1, 1, 1]);
});

t.test('wakeups that wait for a request to end count as under way', async (t) => {
  const { gateway, wake } = await setup(t, { wakeupsMax: 6 });
  const release = hold(gateway);
  const taken = Array.from({ length: 6 }, wake);
  await t.rejects(wake(), { code: 'gateway-busy' });
  release();
  await Promise.all(taken);
  t.match(await wake(), { outcome: 'triggered' });
});

t.test('hands over what waits for a request to end when it is closed', async (t) => {
  const { gateway, client, wake } = await setup(t);
  const release = hold(gateway);
  const taken = Array.from({ length: 6 }, wake);
  const closed = client.close();
  release();
  await closed;
  for (const { outcome } of await Promise.all(taken)) t.equal(outcome, 'triggered');
});

t.test('gives each wakeup its own result, whatever their order', async (t) => {
  const { clock, gateway, client, wakeup } = await setup(t);
  const wakeups = [wakeup(), wakeup(), wakeup()];
  const outcomes = ['refused', 'deferred', 'failed'] as const;
  gateway.resultOf = ({ id }) => {
    const i = wakeups.findIndex((one) => one.id === id);
    return { outcome: outcomes[i] ?? 'triggered', reason: `r${i}`, retryAfterMs: i };
  };
  const results = wakeups.map((one) => client.wake(one));
  clock.advance(5);
  for (const [i, result] of (await Promise.all(results)).entries()) {
    t.match(result, { id: wakeups[i]?.id, outcome: outcomes[i], reason: `r${i}` });
  }
});

t.test(
  'rejects a wakeup that the answer leaves out, and keeps the results of the others',
  async (t) => {
    const { clock, gateway, client, wakeup } = await setup(t);
    const [left, kept] = [wakeup(), wakeup()];
    gateway.resultOf = ({ id }) => (id === left.id ? undefined : { outcome: 'triggered' });
    const [lost, found] = [client.wake(left), client.wake(kept)];
    clock.advance(5);
    await t.rejects(lost, { code: 'gateway-refused' });
    t.match(await found, { outcome: 'triggered' });
  },
);

t.test('signs with each of its keys while one replaces the other', async (t) => {
  const old = keyPair();
  const next = keyPair();
  const { gateway, client } = await setup(
    t,
    { signingKeys: [old.own, next.own] },
    { callers: [next.shown] },
  );
  await client.networks();
  t.equal(gateway.requests[0]?.validSignatures, 1);
});

t.test('takes answers by any of the pinned keys', async (t) => {
  const old = keyPair();
  const next = keyPair();
  const { client } = await setup(t, { publicKeys: [old.shown, next.shown] }, { key: next.own });
  t.equal((await client.networks()).length, 1);
});

const failures: [string, Misbehaviour, string][] = [
  ['an answer without a signature', 'unsigned', 'gateway-not-trusted'],
  ['an answer signed with another key', 'wrong-key', 'gateway-not-trusted'],
  ['the signed answer of another request', 'answer-of-another-request', 'gateway-not-trusted'],
  ['an answer whose body was altered', 'altered-body', 'gateway-not-trusted'],
  ['a signed refusal', { status: 403, type: 'key-unknown' }, 'gateway-refused'],
  ['a signed 503', { status: 503 }, 'gateway-down'],
  ['a 502 of a proxy', { status: 502, isUnsigned: true }, 'gateway-down-unsigned'],
  ['a 404 of a proxy', { status: 404, isUnsigned: true }, 'gateway-not-trusted'],
  ['a connection that is cut', 'hang-up', 'gateway-unreachable'],
  ['an answer that does not end', 'endless', 'gateway-unreachable'],
  ['signed garbage', { body: 'garbage' }, 'gateway-unreachable'],
  ['a signed answer without results', { body: '{"results":{}}' }, 'gateway-unreachable'],
];

for (const [name, how, code] of failures) {
  t.test(`rejects ${name} with ${code}, and works when the next answer is good`, async (t) => {
    const { gateway, client, wake } = await setup(t);
    await client.networks();
    gateway.misbehave = () => how;
    await t.rejects(wake(), { code });
    gateway.misbehave = () => undefined;
    t.match(await wake(), { outcome: 'triggered' });
  });
}

t.test('names the problem of a refusal and nothing else of what the peer wrote', async (t) => {
  const { gateway, wake } = await setup(t);
  gateway.misbehave = () => ({ status: 403, type: 'key-unknown' });
  await t.rejects(wake(), { message: 'HTTP 403 key-unknown' });
  gateway.misbehave = () => ({ status: 500, type: '<script>alert(1)</script>' });
  await t.rejects(wake(), { message: 'HTTP 500' });
});

t.test('gives up a gateway that does not answer within timeoutMs', async (t) => {
  const { gateway, client, wake } = await setup(t, { timeoutMs: 100 });
  gateway.misbehave = () => 'silent';
  await t.rejects(wake(), { code: 'gateway-unreachable' });
  await t.rejects(client.networks(), { code: 'gateway-unreachable' });
});

t.test(
  'a gateway that does not answer keeps the next request no longer than its own time',
  async (t) => {
    const { gateway, wake } = await setup(t, { timeoutMs: 1_000 });
    gateway.misbehave = () => 'silent';
    // More than may be under way: some wait for a request to end.
    const waiting = await Promise.allSettled(Array.from({ length: 12 }, wake));
    const codes = waiting.map((one) => one.status === 'rejected' && one.reason.code);
    t.same(new Set(codes), new Set(['gateway-unreachable', 'gateway-down']));
    t.equal(codes.at(-1), 'gateway-down', 'it has certainly sent nothing');
    t.equal(gateway.requests.length, 4, 'what waited was not sent: another gateway may be asked');
  },
);

t.test('rejects with gateway-unreachable where nobody listens', async (t) => {
  const { gateway, client } = await setup(t);
  await gateway.close();
  await t.rejects(client.networks(), { code: 'gateway-unreachable' });
});

t.test('takes no more than wakeupsMax at a time', async (t) => {
  const { clock, client, wakeup } = await setup(t, { wakeupsMax: 2 });
  const results = [client.wake(wakeup()), client.wake(wakeup())];
  await t.rejects(client.wake(wakeup()), { code: 'gateway-busy' });
  clock.advance(5);
  await Promise.all(results);
  const next = client.wake(wakeup());
  clock.advance(5);
  t.match(await next, { outcome: 'triggered' });
});

t.test('hands over what is gathering when it is closed', async (t) => {
  const { client, wakeup } = await setup(t);
  const result = client.wake(wakeup());
  await client.close();
  t.match(await result, { outcome: 'triggered' });
});
