// Numbers, dates and spans as people read them at a glance. Times are UTC, and say so.

/** A rate: three digits that matter. */
export function rate(perSecond: number): string {
  if (perSecond >= 100) return count(Math.round(perSecond));
  if (perSecond >= 10) return perSecond.toFixed(1);
  return perSecond === 0 ? '0' : perSecond < 0.01 ? '<0.01' : perSecond.toFixed(2);
}

/** A whole number, its thousands apart by narrow spaces that do not break. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** A span in its largest unit, and the next while the first is small: `3 d 4 h`, `40 d`, `10 min`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const first = units.findIndex(([, size]) => seconds >= size);
  const [unit, size] = units[first] ?? (['s', 1] as const);
  const amount = Math.floor(seconds / size);
  const [nextUnit, nextSize] = units[first + 1] ?? ([unit, size] as const);
  const rest = Math.floor((seconds - amount * size) / nextSize);
  return `${amount} ${unit}${rest > 0 && amount < 10 ? ` ${rest} ${nextUnit}` : ''}`;
}

/** `2026-10-17 14:32:05`, UTC. */
export function moment(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** `2026-10-17`, UTC. */
export function day(ms: number): string {
  return moment(ms).slice(0, 10);
}

/** `14:32:05`, UTC. */
export function timeOfDay(ms: number): string {
  return moment(ms).slice(11);
}
