import t from 'tap';
import { type Trace, traces } from '../../shared/traces.js';

const rows: [string, Trace][] = Object.entries(traces);

t.test('an id is four digits: the kind, the part, a number', async (t) => {
  for (const [name, { id }] of rows) t.match(id, /^[1239][0-5][0-9]{2}$/, name);
});

t.test('no two rows have the same id or the same message', async (t) => {
  for (const field of ['id', 'message'] as const) {
    const seen = new Map<string, string>();
    for (const [name, row] of rows) {
      const other = seen.get(row[field]);
      t.equal(other, undefined, `${name} has the ${field} of ${other}: ${row[field]}`);
      seen.set(row[field], name);
    }
  }
});

t.test('a message is one line of plain words', async (t) => {
  for (const [name, { message }] of rows) t.match(message, /^[A-Za-z][A-Za-z ,-]+$/, name);
});
