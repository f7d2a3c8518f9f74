// The upper half of the operations page: what goes through the gateway now, in large numbers and small charts.
import { type Outcome, outcomes } from '../../shared/wakeup/request.js';
import { type Course, ceilingOf, columns, spark, sums } from './chart.js';
import type { CourseFact, Facts } from './facts.js';
import { count, rate, span } from './format.js';
import { bucketCount } from './history.js';
import { html, type Markup } from './markup.js';

/** Buckets that have ended; the one under way is in the numbers only. */
export const steps = bucketCount - 1;

const titles: Record<Outcome, string> = {
  triggered: 'Triggered',
  refused: 'Refused',
  deferred: 'Deferred',
  failed: 'Failed',
};

export function tiles({ outcomes: facts, requests }: Facts): Markup {
  const accepted = { ...requests.accepted, name: 'requests', title: 'Requests' };
  const refused = `${count(requests.refused.total)} refused`;
  return html`${outcomes.map((outcome, i) =>
    tile({ ...facts[outcome], name: outcome, title: titles[outcome] }, i === 0 ? ' first' : ''),
  )}${tile(accepted, '', refused)}`;
}

function tile(
  fact: CourseFact & { name: string; title: string },
  extra: string,
  note?: string,
): Markup {
  const { name, title, perSecond, total, course } = fact;
  return html`<section class="tile${extra}" data-tile="${name}"><h2><span class="key">${swatch(name)}</span>${title}</h2>
<p class="big">${rate(perSecond)}<span class="unit"> /s</span></p>
${spark({ name, values: course }, steps)}<p class="total">${count(total)} since the start${note && `, ${note}`}</p></section>
`;
}

/** A square in the colour of a course. */
function swatch(name: string): Markup {
  return html`<svg viewBox="0 0 1 1" aria-hidden="true"><rect class="${name}" width="1" height="1"/></svg>`;
}

export function courses({ outcomes: facts, stepMs }: Facts): Markup {
  const shown: Course[] = outcomes.map((name) => ({ name, values: facts[name].course }));
  const ceiling = ceilingOf(sums(shown));
  const spanText = span(steps * stepMs + stepMs);
  const label = `Wakeups a second over the last ${spanText}, by outcome; the axis ends at ${rate(ceiling)}`;
  const keys = outcomes.map(
    (name) => html`<span class="key">${swatch(name)}${titles[name].toLowerCase()}</span>`,
  );
  return html`<section class="wide"><h2>Wakeups a second <small>${keys}</small></h2>
<div class="plot"><div class="axis"><span>${rate(ceiling)}</span><span>${rate(ceiling / 2)}</span><span>0</span></div>
<div class="columns">${columns({ courses: shown, ceiling, steps, height: 100, label })}</div>
<div class="time"><span>${spanText} ago</span><span>now</span></div></div></section>
`;
}

export function levels(facts: Facts): Markup {
  const { underWay, replayGuard, results, pacing, connections } = facts;
  const number = (name: string, value: string) =>
    html`<dt>${name}</dt><dd class="number">${value}</dd>`;
  const fill = (
    name: string,
    value: number,
    max: number,
  ) => html`${number(name, `${count(value)} of ${count(max)}`)}
<dd class="full">${bar(value / max)}</dd>`;
  return html`<section class="narrow"><h2>Now</h2><dl>
${number('Being sent, UDP', count(underWay.udp))}${number('Being sent, TCP', count(underWay.tcp))}
${fill('Replay guard', replayGuard.entries, replayGuard.max)}
${fill('Connections of callers', connections.open, connections.max)}
${number('Results remembered', count(results))}
${number('Paces remembered', count(pacing))}
</dl></section>
`;
}

function bar(part: number): Markup {
  const percent = Math.min(100, Math.round(part * 1000) / 10);
  const name = percent >= 100 ? 'failed' : percent >= 80 ? 'refused' : 'triggered';
  return html`<div class="bar"><svg viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label="${percent} % full"><rect class="${name}" width="${percent}" height="1"/></svg></div>`;
}
