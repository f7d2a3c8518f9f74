// docs/compatibility.md: the table of what the RFCs demand names tests that exist.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/** The rows of the table under `## Web Push`: the cells after the first. */
function rows(): string[][] {
  const page = readFileSync('docs/compatibility.md', 'utf8');
  const section = page.split('## Web Push\n')[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('| '));
  return lines.slice(1).map((line) => line.split(' | ').slice(1));
}

/** Every title of a test. */
function titles(): Set<string> {
  const files = readdirSync('test/central', { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts'));
  const found = sources.flatMap((file) => {
    const text = readFileSync(join('test/central', file), 'utf8');
    return [...text.matchAll(/test\(\s*'([^'\n]+)'/g)].map(([, title = '']) => title);
  });
  return new Set(found);
}

t.test('every demand of the RFCs has a test, under the title that the page says', async (t) => {
  const known = titles();
  const demands = rows();
  t.ok(demands.length > 25, 'they are found');
  for (const [demand = '', , cell = ''] of demands) {
    const named = [...cell.matchAll(/`([^`]+)`/g)].map(([, title = '']) => title);
    t.ok(named.length > 0, demand);
    for (const title of named) t.ok(known.has(title), `${demand}: ${title}`);
  }
});
