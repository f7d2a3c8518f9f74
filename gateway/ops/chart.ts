// Small charts as inline SVG. They stretch to their place, so that text stands beside them and never in them.
import { html, type Markup } from './markup.js';

/** One series of a chart; `name` is its class, which gives it its colour. */
export interface Course {
  name: string;
  /** The oldest first; when shorter than the chart, it ends at the right edge. */
  values: readonly number[];
}

/** A round number that the values stay below: 1, 2 or 5 times a power of ten. */
export function ceilingOf(values: readonly number[]): number {
  const top = Math.max(0, ...values);
  if (top === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= top) ?? 10;
  return step * power;
}

/** What stacked columns add up to. */
export function sums(courses: readonly Course[]): number[] {
  const length = Math.max(0, ...courses.map(({ values }) => values.length));
  return Array.from({ length }, (_, i) =>
    courses.reduce((sum, { values }) => sum + (values[i - length + values.length] ?? 0), 0),
  );
}

/** Stacked columns: the first course at the bottom, each one path. */
export function columns(options: {
  courses: readonly Course[];
  ceiling: number;
  steps: number;
  height: number;
  label: string;
}): Markup {
  const { courses, ceiling, steps, height, label } = options;
  const floors = new Map<number, number>();
  const paths = courses.map(({ name, values }) => {
    const first = steps - values.length;
    const bars = values.map((value, i) => {
      if (value <= 0) return '';
      const column = first + i;
      const floor = floors.get(column) ?? height;
      const tall = (Math.min(value, ceiling) / ceiling) * height;
      const top = Math.max(0, floor - tall);
      floors.set(column, top);
      return `M${column * 5} ${round(floor)}V${round(top)}h4V${round(floor)}z`;
    });
    return html`<path class="${name}" d="${bars.join('')}"/>`;
  });
  return html`<svg viewBox="0 0 ${steps * 5} ${height}" preserveAspectRatio="none" role="img" aria-label="${label}">${paths}</svg>`;
}

const sparkHeight = 20;

/** One course as a line with a filled foot. */
export function spark({ name, values }: Course, steps: number): Markup {
  const ceiling = Math.max(1e-9, ...values);
  const first = steps - values.length;
  const points = values.map((value, i) => {
    const y = sparkHeight - 1 - (value / ceiling) * (sparkHeight - 3);
    return `${(first + i) * 5} ${round(y)}`;
  });
  const line = points.length > 0 ? `M${points.join('L')}` : '';
  const foot = line && `${line}V${sparkHeight}H${first * 5}z`;
  return html`<svg class="spark" viewBox="0 0 ${(steps - 1) * 5} ${sparkHeight}" preserveAspectRatio="none" aria-hidden="true"><path class="${name} foot" d="${foot}"/><path class="${name} line" d="${line}"/></svg>`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
