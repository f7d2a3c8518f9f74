// The hand-written pages point at what exists: files, headings, and the paths of the sources they name.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const linkPattern = /!?\[[^\]]*\]\(([^)\s]+)\)/g;
const pathPattern =
  /(?<![\w./<-])(?:central|gateway|handset|shared|dev|test|scripts|docs|\.ci)\/[\w./-]*/g;

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** A page without its code blocks and code spans, which hold examples. */
function prose(page: string): string {
  return read(page)
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, '');
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  const headings = read(page).replace(/^```[\s\S]*?^```/gm, '');
  for (const [, title = ''] of headings.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** What is wrong with a link; `undefined` when it leads somewhere, or out of the repository. */
function problemOf(page: string, link: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return undefined;
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? page : join(dirname(page), file);
  if (!existsSync(join(root, target))) return `${page}: ${link}: no such file`;
  if (anchor === undefined || anchorsOf(target).has(anchor)) return undefined;
  return `${page}: ${link}: no such heading`;
}

t.test('every relative link points to a file, and every anchor to a heading', async (t) => {
  const links = pages.flatMap((page) =>
    [...prose(page).matchAll(linkPattern)].map(([, link = '']) => ({ page, link })),
  );
  t.ok(links.length > 20, 'there are links, and they are found');
  t.same(
    links.flatMap(({ page, link }) => problemOf(page, link) ?? []),
    [],
  );
});

t.test('every file that docs/architecture.md names exists', async (t) => {
  const named = read('docs/architecture.md').match(pathPattern) ?? [];
  t.ok(named.length > 50, 'there are paths, and they are found');
  const missing = named.filter((path) => !existsSync(join(root, path)));
  t.same([...new Set(missing)], []);
});

t.test('every file of this repository that another page names exists', async (t) => {
  const missing = pages.flatMap((page) => {
    const named = [...read(page).matchAll(/`([^`\n]+)`/g)].flatMap(
      ([, code = '']) => code.match(pathPattern) ?? [],
    );
    return named.filter((path) => !existsSync(join(root, path))).map((path) => `${page}: ${path}`);
  });
  t.same([...new Set(missing)], []);
});

t.test('every room of the tree has its line in docs/architecture.md', async (t) => {
  const text = read('docs/architecture.md');
  const rooms = ['central', 'gateway', 'shared'].flatMap((program) =>
    readdirSync(join(root, program), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${program}/${name}/`),
  );
  const missing = rooms.filter((room) => !text.includes(`\`${room}\``));
  t.same(missing, []);
});
