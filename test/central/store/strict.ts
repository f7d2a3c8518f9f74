// Assertions that throw: a property runs thousands, and only one that fails is worth a line.

export const strict = {
  ok(found: unknown, why: string): void {
    if (!found) throw new Error(why);
  },
  equal(found: unknown, wanted: unknown): void {
    if (!Object.is(found, wanted)) throw new Error(`${String(found)} instead of ${String(wanted)}`);
  },
  notOk: (found: unknown) => strict.equal(Boolean(found), false),
  same: (found: unknown, wanted: unknown) => strict.equal(textOf(found), textOf(wanted)),
};

function textOf(value: unknown): string {
  return JSON.stringify(value instanceof Map ? [...value].sort() : value) ?? 'undefined';
}
