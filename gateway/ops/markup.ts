// HTML from templates: what is put in is escaped, unless it is markup made here.
import { escapeHtml } from '../../shared/http.js';

/** Text that is HTML already. Only `html` makes it. */
export interface Markup {
  readonly markup: string;
}

type Part = Markup | string | number | undefined | readonly Part[];

/** A template whose values are escaped; markup and lists of it go in as they are, `undefined` as nothing. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  const pieces = strings.map((text, i) => (i === 0 ? text : render(parts[i - 1]) + text));
  return { markup: pieces.join('') };
}

function render(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part));
  return 'markup' in part ? part.markup : part.map(render).join('');
}
