// What the operations page runs where JavaScript is allowed: every two seconds it asks for the page's middle and
// changes only what differs, so that nothing flickers and a selection stays. Without it the page reloads itself.
import { opsDataPath } from './paths.js';

export const pollMs = 2_000;

/** The script, whole; the page's policy lets this text run and no other. */
export const liveScript = `
'use strict';
const root = document.documentElement;
const lost = document.getElementById('lost');
let since = '';

function become(node, next) {
  if (node.nodeName !== next.nodeName) return node.replaceWith(document.importNode(next, true));
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.nodeValue !== next.nodeValue) node.nodeValue = next.nodeValue;
    return;
  }
  for (const { name } of [...node.attributes]) if (!next.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of next.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  const children = [...node.childNodes];
  [...next.childNodes].forEach((child, i) => {
    if (i < children.length) become(children[i], child);
    else node.append(document.importNode(child, true));
  });
  for (const child of children.slice(next.childNodes.length)) child.remove();
}

async function draw() {
  const answer = await fetch('${opsDataPath.slice(1)}?view', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(answer.status);
  const { startMs, version, view } = await answer.json();
  // Another process answers: its page may have changed with it.
  if (root.dataset.process !== version + ' ' + startMs) return location.reload();
  const page = new DOMParser().parseFromString(view.main, 'text/html');
  become(document.querySelector('main'), page.querySelector('main'));
  if (document.title !== view.title) document.title = view.title;
  const icon = document.querySelector('link[rel=icon]');
  if (icon.getAttribute('href') !== view.icon) icon.setAttribute('href', view.icon);
  since = view.time;
  lost.hidden = true;
}

async function run() {
  try {
    if (!document.hidden) await draw();
  } catch {
    lost.textContent = 'NO ANSWER' + (since && ' since ' + since + ' UTC') + ' \\u2013 what stands below is old';
    lost.hidden = false;
  }
  setTimeout(run, ${pollMs});
}
setTimeout(run, ${pollMs});
`;
