// The lower half of the operations page: who and what, in tables.
import { outcomes } from '../../shared/wakeup/request.js';
import { spark } from './chart.js';
import type { CentralFact, Facts, NamedRate, NetworkFact, OutcomeFacts } from './facts.js';
import { count, day, moment, rate, span } from './format.js';
import { html, type Markup } from './markup.js';
import { steps } from './panels.js';

/** More rows than anybody reads; the data has them all. */
const rowsMax = 50;

export function networks({ networks: facts }: Facts): Markup {
  const rows = facts.slice(0, rowsMax).map(
    (
      fact,
    ) => html`<tr><th scope="row">${fact.network}${flags(fact)}</th>${rateCells(fact)}<td class="spare">${fact.maxPerSecond === undefined ? '–' : count(fact.maxPerSecond)}</td><td class="spare text">${fact.protocols.join(', ')}</td></tr>
`,
  );
  return html`<section class="half"><h2>Networks <small>wakeups a second</small></h2><div class="table"><table>
<thead><tr><th></th>${outcomeHeads()}<th class="spare">limit</th><th class="spare text">protocol</th></tr></thead>
<tbody>${rows}</tbody></table></div>${more(facts)}</section>
`;
}

function flags({ isPaused, isDryRun }: NetworkFact): Markup {
  return html`${isPaused ? html`<span class="flag paused">PAUSED</span>` : undefined}${
    isDryRun ? html`<span class="flag dry-run">DRY RUN</span>` : undefined
  }`;
}

export function centrals({ centrals: facts, atMs }: Facts): Markup {
  const rows = facts.slice(0, rowsMax).map(
    (
      fact,
    ) => html`<tr><th scope="row">${fact.central}</th>${rateCells(fact)}<td>${seen(fact.lastRequestMs, atMs)}</td><td class="spare">${skewOf(fact)}</td><td class="spare">${count(fact.maxPerSecond)}</td></tr>
`,
  );
  return html`<section class="half"><h2>Centrals <small>wakeups a second</small></h2><div class="table"><table>
<thead><tr><th></th>${outcomeHeads()}<th><span class="spare">last </span>seen</th><th class="spare">clock</th><th class="spare">limit</th></tr></thead>
<tbody>${rows}</tbody></table></div>${more(facts)}</section>
`;
}

function outcomeHeads(): Markup[] {
  return outcomes.map((outcome) =>
    outcome === 'triggered'
      ? html`<th>${outcome}</th><th class="course"></th>`
      : html`<th>${outcome}</th>`,
  );
}

function rateCells({
  outcomes: facts,
  course,
}: {
  outcomes: OutcomeFacts;
  course: number[];
}): Markup[] {
  return outcomes.map((outcome) => {
    const { perSecond } = facts[outcome];
    const cell = html`<td${perSecond === 0 ? html` class="none"` : undefined}>${rate(perSecond)}</td>`;
    if (outcome !== 'triggered') return cell;
    return html`${cell}<td class="course">${spark({ name: outcome, values: course }, steps)}</td>`;
  });
}

function seen(ms: number | undefined, nowMs: number): Markup {
  if (ms === undefined) return html`never`;
  return html`${span(nowMs - ms)}<span class="spare"> ago</span>`;
}

/** A signature says whole seconds, so that up to one second of difference is none. */
function skewOf({ clockSkewSeconds: skew }: CentralFact): string {
  if (skew === undefined) return '–';
  if (skew > -1.5 && skew <= 0.5) return 'right';
  return `${skew > 0 ? '+' : '−'}${Math.abs(skew).toFixed(0)} s`;
}

function more(list: readonly unknown[]): Markup | undefined {
  const rest = list.length - rowsMax;
  return rest > 0 ? html`<p class="none">and ${count(rest)} more in the data</p>` : undefined;
}

export function counts({ refusals, deferrals, problems, sendErrors }: Facts): Markup {
  return html`<section class="third">${countTable('Wakeups refused', refusals)}
${countTable('Wakeups deferred', deferrals)}</section>
<section class="third">${countTable('Requests refused', problems)}
${countTable('Send errors', sendErrors)}</section>
`;
}

function countTable(title: string, facts: readonly NamedRate[]): Markup {
  if (facts.length === 0) return html`<h2>${title}</h2><p class="none">none</p>`;
  const rows = facts.slice(0, rowsMax).map(
    ({
      name,
      recent,
      total,
    }) => html`<tr><th scope="row">${name}</th><td>${count(recent)}</td><td>${count(total)}</td></tr>
`,
  );
  return html`<div class="table"><table><thead><tr><th class="title">${title}</th><th>10 min</th><th>since the start</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

export function credentials({ certificates, keys, atMs }: Facts): Markup {
  const certificateRows = certificates.map(
    ({
      use,
      names,
      notAfterMs,
    }) => html`<tr><th scope="row">${use === 'server' ? 'TLS certificate' : 'client CA'}</th><td class="text">${names.join(', ')}</td><td class="end">${endOf(notAfterMs, atMs)}</td></tr>
`,
  );
  const keyRows = keys.map(
    ({
      role,
      central,
      keyids,
      renewByMs,
    }) => html`<tr><th scope="row">${role === 'gateway' ? 'own key' : central}</th><td class="text keyid">${keyids.map((id) => html`<div>${id}</div>`)}</td><td class="end">${renewByMs === undefined ? '–' : endOf(renewByMs, atMs)}</td></tr>
`,
  );
  return html`<section class="rest"><div class="table"><table>
<thead><tr><th class="title" colspan="2">Keys and certificates</th><th>ends</th></tr></thead><tbody>${certificateRows}${keyRows}</tbody></table></div></section>
`;
}

function endOf(ms: number, nowMs: number): Markup {
  if (ms <= nowMs) return html`<span class="flag problem">ENDED</span> ${day(ms)}`;
  return html`${day(ms)} <span class="unit">in ${span(ms - nowMs)
    .split(' ')
    .slice(0, 2)
    .join(' ')}</span>`;
}

export function configuration({ configuration: facts, atMs }: Facts): Markup {
  const { file, sha256, takenMs, refused } = facts;
  const refusal =
    refused &&
    html`<dt>Refused</dt><dd>${moment(refused.atMs)} UTC${refused.problems.map((problem) => html`<br>${problem}`)}</dd>`;
  return html`<section><h2>Configuration in force</h2><dl class="row">
<dt>File</dt><dd>${file}</dd><dt>SHA-256</dt><dd class="keyid">${sha256.slice(0, 16)}…</dd>
<dt>Taken</dt><dd>${moment(takenMs)} UTC, ${span(atMs - takenMs)} ago</dd>${refusal}
</dl></section>
`;
}
