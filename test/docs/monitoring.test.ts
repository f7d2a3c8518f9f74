// docs/monitoring: rules and dashboard ask only for metrics that exist, with labels they have, and the page tells
// every metric and every alert there is. What exists is read from live scrapes of both programs.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { wakeup } from '../support/gateway-caller.js';
import type { Teardown } from '../support/gateway-setup.js';
import { startOpsSite } from '../support/ops-site.js';
import { networkThrough, startCentral } from '../support/running-central.js';

interface Family {
  type: string;
  labels: Set<string>;
  hasSamples: boolean;
}

const page = readFileSync('docs/monitoring.md', 'utf8');
const rules = parse(readFileSync('docs/monitoring/reveille.rules.yml', 'utf8')) as {
  groups: { name: string; rules: { alert?: string; record?: string; expr: string }[] }[];
};
const allRules = rules.groups.flatMap((group) => group.rules);
const alerts = allRules.flatMap(({ alert, expr }) => (alert ? [{ alert, expr }] : []));
const records = allRules.flatMap(({ record }) => record ?? []);

interface Panel {
  id: number;
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; legendFormat: string; refId: string }[];
}
const dashboard = JSON.parse(readFileSync('docs/monitoring/dashboard.json', 'utf8')) as {
  title: string;
  uid: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; query: string | { query: string } }[] };
};
const variables = dashboard.templating.list;
const expressions = [
  ...allRules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...variables.map(({ query }) => (typeof query === 'string' ? '' : query.query)),
];

/** The metrics of a scrape, with the labels their samples have. */
function familiesOf(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    families.set(name, { type, labels: new Set(), hasSamples: false });
  }
  for (const [, sample = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const family = families.get(sample) ?? families.get(sample.replace(/_(bucket|sum|count)$/, ''));
    if (family) family.hasSamples = true;
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) {
      if (label !== 'le') family?.labels.add(label);
    }
  }
  return families;
}

async function scrape(adminUrl: string): Promise<Map<string, Family>> {
  return familiesOf(await (await fetch(`${adminUrl}/metrics`)).text());
}

async function liveFamilies(t: Teardown): Promise<Map<string, Family>> {
  const site = await startOpsSite(t);
  await site.pass(45);
  await site.callers.lab.send({ body: JSON.stringify({ wakeups: [wakeup()] }) });
  const networks = [networkThrough('http://127.0.0.1:9')];
  const { central } = await startCentral(t, { config: { networks } });
  await fetch(`${central.url}/v1/notify/none`, { method: 'PUT', body: 'version=1' });
  return new Map([
    ...(await scrape(site.gateway.adminUrl)),
    ...(await scrape(central.adminUrl)),
    ['up', { type: 'gauge', labels: new Set<string>(), hasSamples: true }],
  ]);
}

/** The metrics an expression asks for; a recorded series, whose name has colons, is one. */
function namesIn(expr: string): string[] {
  return expr.match(/\b\w+:[\w:]+|\b(?:reveille|process|nodejs)_\w+|\bup(?=\{)/g) ?? [];
}

const histogramPart = /_(bucket|sum|count)$/;

t.test('rules and dashboard ask only for metrics that both programs have', async (t) => {
  const families = await liveFamilies(t);
  const exists = (name: string): boolean =>
    families.has(name) ||
    families.get(name.replace(histogramPart, ''))?.type === 'histogram' ||
    records.includes(name);
  const asked = [...new Set(expressions.flatMap(namesIn))];
  t.ok(asked.length > 30, 'they are found');
  t.same(
    asked.filter((name) => !exists(name)),
    [],
  );
});

t.test('the page has every metric with its type and its labels, and no other', async (t) => {
  const families = await liveFamilies(t);
  const rows = [...page.matchAll(/^\| `(reveille_\w+)` \| (\w+) \|([^|]*)\|/gm)];
  const told = new Map(
    rows.map(([, name = '', type = '', labels = '']) => [
      name,
      {
        type,
        labels: labels
          .split(',')
          .map((label) => label.trim())
          .filter(Boolean),
      },
    ]),
  );
  const ours = [...families].filter(([name]) => name.startsWith('reveille_'));
  t.same([...told.keys()].sort(), ours.map(([name]) => name).sort());
  for (const [name, { type, labels, hasSamples }] of ours) {
    t.equal(told.get(name)?.type, type, name);
    // Labels show in samples only.
    if (hasSamples) t.same([...(told.get(name)?.labels ?? [])].sort(), [...labels].sort(), name);
  }
});

t.test('the page tells every alert, and every alert has a test', async (t) => {
  const told = [...page.matchAll(/^\| `(Reveille\w+)` \|/gm)].map(([, name]) => name);
  t.same(
    told,
    alerts.map(({ alert }) => alert),
  );
  const tests = readFileSync('docs/monitoring/reveille.rules.test.yml', 'utf8');
  for (const { alert } of alerts) {
    t.match(
      tests,
      new RegExp(`alertname: ${alert}\\n *exp_alerts:\\n`),
      `${alert} fires in a test`,
    );
  }
});

t.test('the page tells every recorded series', async (t) => {
  t.ok(records.length > 0, 'there are some');
  const told = [...page.matchAll(/^\| `(\w+:[\w:]+)` \|/gm)].map(([, name]) => name);
  t.same(told, records);
});

t.test('the dashboard is of the form Grafana reads', async (t) => {
  t.match(dashboard, { title: 'Reveille', uid: 'reveille', schemaVersion: Number });
  const { panels } = dashboard;
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'each panel has its own id');
  const known = new Set(variables.map(({ name }) => name));
  for (const { title, type, gridPos, targets = [] } of panels) {
    t.ok(['row', 'stat', 'timeseries'].includes(type), `${title}: ${type}`);
    t.ok(gridPos.x >= 0 && gridPos.x + gridPos.w <= 24, `${title} fits into 24 columns`);
    if (type !== 'row') t.ok(targets.length > 0, `${title} shows something`);
    for (const { expr } of targets) {
      for (const [, name = ''] of expr.matchAll(/\$(?!__)(\w+)/g))
        t.ok(known.has(name), `$${name}`);
    }
  }
});

t.test('panels of the dashboard do not lie on each other', async (t) => {
  const cells = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        if (cells.has(`${x},${y}`)) return t.fail(`${title} at ${x},${y}`);
        cells.add(`${x},${y}`);
      }
    }
  }
});
