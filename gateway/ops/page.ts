// The operations page: a frame that stays, and a middle that is drawn again from the facts.
import { createHash } from 'node:crypto';
import type { Answer } from '../../shared/http.js';
import type { Facts } from './facts.js';
import { moment, span, timeOfDay } from './format.js';
import { liveScript } from './live.js';
import { html, type Markup } from './markup.js';
import { courses, levels, tiles } from './panels.js';
import { opsDataPath } from './paths.js';
import type { StateName } from './state.js';
import { style } from './style.js';
import { centrals, configuration, counts, credentials, networks } from './tables.js';

/** What the page shows of the facts, ready for a browser. */
export interface View {
  title: string;
  icon: string;
  /** When these facts were. */
  time: string;
  /** The element `main`. */
  main: string;
}

const words: Record<StateName, string> = {
  draining: 'DRAINING',
  problem: 'PROBLEM',
  paused: 'PAUSED',
  'dry-run': 'DRY RUN',
  ok: 'OK',
};

export function viewOf(facts: Facts): View {
  return {
    title: `${wordsOf(facts)} – Reveille gateway`,
    icon: iconOf(worstOf(facts)),
    time: timeOfDay(facts.atMs),
    main: main(facts).markup,
  };
}

export function opsPage(facts: Facts): Answer {
  const { title, icon } = viewOf(facts);
  const { markup } = html`<!doctype html>
<html lang="en" data-process="${facts.version} ${facts.startMs}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${icon}">
<noscript><meta http-equiv="refresh" content="10"></noscript>
<style>${{ markup: style }}</style>
</head>
<body>
<p id="lost" role="alert" hidden></p>
${main(facts)}
<footer>
<noscript><p>This page reloads every ten seconds. <a href="">Reload now</a></p></noscript>
<p>Times are UTC. Rates are of the last minute, courses of the last ten. <a href="${opsDataPath.slice(1)}">Data</a> · <a href="metrics">Metrics</a> · <a href="readyz">Ready?</a></p>
</footer>
<script>${{ markup: liveScript }}</script>
</body>
</html>
`;
  return { status: 200, headers, body: markup };
}

/** Only this page's own style and script, and asking this listener, are allowed. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(liveScript)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function main(facts: Facts): Markup {
  return html`<main>${band(facts)}${warnings(facts)}<div class="grid">
${tiles(facts)}${courses(facts)}${levels(facts)}
${networks(facts)}${centrals(facts)}
${counts(facts)}
${credentials(facts)}${configuration(facts)}
</div></main>`;
}

function band(facts: Facts): Markup {
  const { atMs, startMs, version, authorities, state } = facts;
  const reasons = state.reasons.length > 0 ? state.reasons : ['Wakeups are taken and sent.'];
  return html`<header class="band ${worstOf(facts)}"><h1 role="status">${wordsOf(facts)}</h1>
<div class="reasons">${reasons.map((reason) => html`<p>${reason}</p>`)}</div>
<div class="who"><p><b>Reveille gateway ${version}</b> · up ${span(atMs - startMs)}</p><p>${authorities.join(', ')}</p><p>${moment(atMs)} UTC</p></div></header>`;
}

function warnings({ state }: Facts): Markup {
  if (state.warnings.length === 0) return html``;
  const items = state.warnings.map((warning) => html`<li>${warning}</li>`);
  return html`<ul class="warnings" aria-label="Warnings">${items}</ul>`;
}

function worstOf({ state }: Facts): StateName {
  return state.names[0] ?? 'ok';
}

function wordsOf({ state }: Facts): string {
  return state.names.map((name) => words[name]).join(' · ');
}

const iconColours: Record<StateName, string> = {
  draining: '#4a5560',
  problem: '#b3121c',
  paused: '#d97706',
  'dry-run': '#6d4fd0',
  ok: '#12805c',
};

/** A dot in the colour of the state, for the browser's tab. */
function iconOf(state: StateName): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${iconColours[state]}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
