// Metrics, rules and alerts as Prometheus itself sees them: Debian's prometheus and promtool.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { wakeup } from '../../support/gateway-caller.js';
import { baseConfig, createGatewayFolder, startGateway } from '../../support/gateway-setup.js';
import { startOpsSite } from '../../support/ops-site.js';
import { promtool, startPrometheus } from '../../support/prometheus.js';
import { networkThrough, startCentral } from '../../support/running-central.js';
import { startProgram } from '../../support/running-program.js';

const folder = 'docs/monitoring';

async function metricsOf(adminUrl: string): Promise<string> {
  return (await fetch(`${adminUrl}/metrics`)).text();
}

t.test('promtool has nothing to say of the metrics of a gateway, new or busy', async (t) => {
  const fresh = await startGateway(t);
  const { gateway, pass, callers } = await startOpsSite(t);
  await pass(45);
  await callers.lab.send({ body: JSON.stringify({ wakeups: [wakeup()] }) });
  for (const { adminUrl } of [fresh.gateway, gateway]) {
    const checked = promtool(['check', 'metrics'], await metricsOf(adminUrl));
    t.same(checked, { code: 0, said: '' });
  }
});

t.test('nor of the metrics of a central', async (t) => {
  const networks = [networkThrough('http://127.0.0.1:9')];
  const { central } = await startCentral(t, { config: { networks } });
  await fetch(`${central.url}/v1/notify/none`, { method: 'PUT', body: 'version=1' });
  t.same(promtool(['check', 'metrics'], await metricsOf(central.adminUrl)), { code: 0, said: '' });
});

t.test('the configuration and the rules are valid', async (t) => {
  t.match(promtool(['check', 'config', `${folder}/prometheus.yml`]), { code: 0 });
  t.match(promtool(['check', 'rules', '--lint-fatal', `${folder}/reveille.rules.yml`]), {
    code: 0,
  });
});

t.test('every rule fires where its test says so, and nowhere else', async (t) => {
  const tested = promtool(['test', 'rules', `${folder}/reveille.rules.test.yml`]);
  t.equal(tested.code, 0, tested.said);
});

t.test('a real Prometheus scrapes a real gateway, and its alerts fire', async (t) => {
  const site = createGatewayFolder(t);
  const gateway = await startProgram(t, 'gateway', site.configFile);
  const target = new URL(gateway.adminUrl).host;
  const rules = inSeconds(readFileSync(`${folder}/reveille.rules.yml`, 'utf8'));
  const prometheus = await startPrometheus(t, { targets: { 'reveille-gateway': [target] }, rules });

  await prometheus.until('up{job="reveille-gateway"}', ([up]) => up === 1);
  const [entries] = await prometheus.query('reveille_gateway_replay_guard_entries_max');
  t.match(entries, { metric: { instance: target }, value: 200_000 });

  site.write({});
  gateway.child.kill('SIGHUP');
  await gateway.logged(traces.reloadFailed);
  const reload = await prometheus.fires('ReveilleGatewayReloadFailed');
  t.match(reload.labels, { severity: 'warning', instance: target });
  t.match(reload.annotations, { summary: `Gateway ${target} runs with an old configuration` });

  site.write(baseConfig());
  gateway.child.kill('SIGHUP');
  await gateway.logged(traces.reloaded);
  await prometheus.until('ALERTS{alertstate="firing"}', (firing) => firing.length === 0);

  await gateway.kill('SIGTERM');
  const down = await prometheus.fires('ReveilleGatewayDown');
  t.match(down.labels, { severity: 'critical', instance: target });
});

t.test('a real Prometheus tells of a network that nobody can wake', async (t) => {
  const networks = [networkThrough('http://127.0.0.1:9')];
  const { central } = await startCentral(t, { config: { networks } });
  const target = new URL(central.adminUrl).host;
  const rules = inSeconds(readFileSync(`${folder}/reveille.rules.yml`, 'utf8'));
  const prometheus = await startPrometheus(t, { targets: { 'reveille-central': [target] }, rules });

  await prometheus.until('reveille_central_circuit_open', ([isOpen]) => isOpen === 1);
  const offline = await prometheus.fires('ReveilleCentralNetworkOffline');
  t.match(offline.labels, { severity: 'critical', instance: target, network: '214-07' });
  // It is told of once: devices that no gateway can wake are no devices that do not come back.
  t.same(await prometheus.query('ALERTS{alertname="ReveilleCentralCircuitOpen"}'), []);
});

/** The rules as they are, but in seconds instead of minutes and hours. */
function inSeconds(rules: string): string {
  return rules.replace(/for: \w+/g, 'for: 1s');
}
