// The operations page of a running gateway: what it says, what it never says, and how it is fenced.
import { createHash } from 'node:crypto';
import t from 'tap';
import { type Facts, withoutAddresses } from '../../../gateway/ops/facts.js';
import { opsPage } from '../../../gateway/ops/page.js';
import { wakeup } from '../../support/gateway-caller.js';
import { baseConfig, createGatewayFolder, startGateway } from '../../support/gateway-setup.js';
import { startOpsSite } from '../../support/ops-site.js';

async function ask(adminUrl: string, path: string): Promise<{ answer: Response; text: string }> {
  const answer = await fetch(adminUrl + path);
  return { answer, text: await answer.text() };
}

async function factsOf(adminUrl: string): Promise<Facts> {
  return JSON.parse((await ask(adminUrl, '/ops.json')).text) as Facts;
}

t.test('the page stands at / and /ops, and tells of every network, central and key', async (t) => {
  const { gateway, pass, folder } = await startOpsSite(t);
  await pass(20);
  const { answer, text } = await ask(gateway.adminUrl, '/');
  t.equal(answer.status, 200);
  t.equal((await ask(gateway.adminUrl, '/ops')).text, text);
  for (const name of ['214-07', '214-07/net-b', '214-21', 'push-eu-1', 'push-west', 'lab']) {
    t.match(text, `<th scope="row">${name}`, name);
  }
  t.match(text, folder.gatewayKeys[0]?.keyid ?? 'no key', "the gateway's keyid");
  t.match(text, 'wakeup.operator.example', 'the certificate');
  t.match(text, '2024-11-15', 'the day on which its key is due');
  t.match(text, folder.configFile);
});

t.test('the data counts what was decided, by outcome, network and central', async (t) => {
  const { gateway, caller, clock } = await startGateway(t);
  const id = String(wakeup().id);
  await caller.wake(wakeup({ id }), wakeup({ ip: '127.0.0.2' }), wakeup({ ip: '10.1.2.3' }));
  await caller.wake(wakeup({ network: '999-99' }));
  await caller.send({ nowMs: clock.now() - 60_000 });
  const facts = await factsOf(gateway.adminUrl);
  t.match(facts, {
    outcomes: { triggered: { total: 2 }, refused: { total: 2 }, deferred: { total: 0 } },
    requests: { accepted: { total: 2 }, refused: { total: 1 } },
    networks: [
      { network: '214-07', outcomes: { triggered: { total: 2 }, refused: { total: 1 } } },
      { network: 'unknown', outcomes: { refused: { total: 1 } } },
    ],
    centrals: [{ central: 'ns-1', requests: { total: 2 }, lastRequestMs: clock.now() }],
    problems: [{ name: 'signature-stale', recent: 1 }],
  });
  const reasons = facts.refusals.map(({ name }) => name).sort();
  t.same(reasons, ['address-out-of-range', 'network-unknown']);
});

t.test('no page and no data holds an address of a handset, or a key', async (t) => {
  const { gateway, caller, folder } = await startGateway(t);
  await caller.wake(wakeup({ ip: '127.83.17.201' }), wakeup({ ip: '10.77.66.55', port: 7 }));
  for (const path of ['/', '/ops.json', '/ops.json?view']) {
    const { text } = await ask(gateway.adminUrl, path);
    t.notMatch(text, /127\.83\.|10\.77\.|BEGIN|\b40000\b/, path);
    t.notMatch(text, String(folder.centralKey.key.export({ format: 'jwk' }).x), path);
  }
});

t.test('a range of one address in a warning is cut, other ranges are told', async (t) => {
  t.equal(withoutAddresses('range 10.1.2.3/32: take it out'), 'range 10.1.x.x: take it out');
  t.equal(withoutAddresses('10.1.2.3: no'), '10.1.x.x: no');
  t.equal(withoutAddresses('fd12:3456:7::9/128.'), 'fd12:3456:7::x.');
  t.equal(withoutAddresses('10.1.2.3/8 has bits set'), '10.1.x.x has bits set');
  t.equal(
    withoutAddresses('networks 214-07: range 10.0.0.0/8'),
    'networks 214-07: range 10.0.0.0/8',
  );
});

t.test('names that look like HTML are shown as text', async (t) => {
  const { gateway } = await startGateway(t);
  const facts = await factsOf(gateway.adminUrl);
  const evil = '<img src=x onerror=alert(1)>';
  const poisoned = JSON.parse(
    JSON.stringify(facts, (_, value: unknown) => (typeof value === 'string' ? evil : value)),
  ) as Facts;
  const rate = { name: evil, perSecond: 1, recent: 1, total: 1 };
  const named = { refusals: [rate], deferrals: [rate], problems: [rate], sendErrors: [rate] };
  const { state } = facts;
  const reasons = { state: { ...state, reasons: [evil], warnings: [evil] } };
  const refused = {
    configuration: { ...poisoned.configuration, refused: { atMs: 1, problems: [evil] } },
  };
  const { body } = opsPage({ ...poisoned, ...named, ...reasons, ...refused });
  t.notMatch(body, '<img');
  t.ok(body.split('&lt;img').length > 10, 'it is there as text');
});

t.test('the policy of the page allows its own style and script and nothing else', async (t) => {
  const { gateway } = await startGateway(t);
  const { answer, text } = await ask(gateway.adminUrl, '/');
  const policy = answer.headers.get('content-security-policy') ?? '';
  t.match(policy, "default-src 'none'");
  t.notMatch(policy, 'unsafe');
  for (const [, name = '', content = ''] of text.matchAll(/<(style|script)>([\s\S]*?)<\/\1>/g)) {
    const hash = createHash('sha256').update(content).digest('base64');
    t.match(policy, `${name}-src 'sha256-${hash}'`);
  }
  t.notMatch(text, / style=| on\w+=|<script [^>]*src|https?:\/\/(?!www\.w3\.org)/);
});

t.test('the state is told in one word, the worst first', async (t) => {
  const folder = createGatewayFolder(t);
  const { gateway, caller } = await startGateway(t, { replayGuardMax: 1 }, folder);
  const names = async () => (await factsOf(gateway.adminUrl)).state.names;
  t.same(await names(), ['ok']);
  await fetch(`${gateway.adminUrl}/pause`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  t.same(await names(), ['paused']);
  folder.write({});
  t.equal(gateway.reload(), false);
  t.same(await names(), ['problem', 'paused']);
  t.match(await factsOf(gateway.adminUrl), {
    configuration: { refused: { problems: [String] } },
  });
  t.ok(await caller.send());
  const { text } = await ask(gateway.adminUrl, '/');
  t.match(text, 'PROBLEM · PAUSED');
});

t.test('a dry run is told, and where', async (t) => {
  const { gateway } = await startGateway(t, { dryRun: true });
  const { state, networks } = await factsOf(gateway.adminUrl);
  t.same(state.names, ['dry-run']);
  t.match(state.reasons, ['Dry run everywhere: wakeups are decided and counted, but not sent.']);
  t.match(networks, [{ network: '214-07', isDryRun: true }]);
});

t.test('what ends soon is a warning', async (t) => {
  const { gateway, clock } = await startOpsSite(t);
  const warnings = async () => (await factsOf(gateway.adminUrl)).state.warnings.join('\n');
  t.notMatch(await warnings(), 'Replace');
  clock.advance(Date.parse('2024-05-25') - clock.now());
  t.match(await warnings(), 'Replace the key of push-eu-1 within 7 days.');
  clock.advance(Date.parse('2024-11-14T12:00:00Z') - clock.now());
  t.match(await warnings(), "Replace this gateway's key within 1 day.");
  t.match(await warnings(), 'Replace the key of push-eu-1: it is due.');
});

t.test(
  'a reload changes what the page tells: networks, centrals, and when it was taken',
  async (t) => {
    const folder = createGatewayFolder(t);
    const { gateway, clock, caller } = await startGateway(t, {}, folder);
    await caller.wake(wakeup());
    const before = await factsOf(gateway.adminUrl);
    folder.addKey('ns-2');
    clock.advance(5_000);
    folder.write({
      listen: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      keyFile: 'gateway.key.pem',
      networks: [{ network: '214-21', ranges: ['127.0.0.0/8'] }],
      centrals: [{ id: 'ns-2', publicKeyFile: 'ns-2.pub.pem' }],
      allowLoopbackTargets: true,
      udpMax: 7,
    });
    t.ok(gateway.reload());
    const after = await factsOf(gateway.adminUrl);
    t.match(after, { networks: [{ network: '214-21' }], centrals: [{ central: 'ns-2' }] });
    t.equal(after.configuration.takenMs, clock.now());
    t.not(after.configuration.sha256, before.configuration.sha256);
    t.match(after.state.warnings.join('\n'), 'Changed, but waiting for a restart: udpMax.');
    t.equal(after.outcomes.triggered.total, 1, 'what was counted stays');
  },
);

t.test('a failed reload is told until one succeeds', async (t) => {
  const folder = createGatewayFolder(t);
  const { gateway } = await startGateway(t, {}, folder);
  folder.write({});
  t.equal(gateway.reload(), false);
  t.same((await factsOf(gateway.adminUrl)).state.names, ['problem']);
  folder.write(baseConfig());
  t.equal(gateway.reload(), true);
  t.same((await factsOf(gateway.adminUrl)).state.names, ['ok']);
});
