// The house rule of imports, read from the sources: shared knows none of the programs, no program knows
// another one, and inside central and gateway imports only point downward (docs/architecture.md).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const programs = ['gateway', 'central', 'handset'];

interface Import {
  file: string;
  specifier: string;
  /** The imported file from the root of the repository; `undefined` for a package. */
  target: string | undefined;
  /** Names types only and is gone when the program runs. */
  isType: boolean;
}

/** The imports of every TypeScript file below a folder; none where the folder is not there. */
function importsOf(folder: string): Import[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .flatMap((name) => importsIn(posix.join(folder, name.replaceAll('\\', '/'))));
}

const specifierPattern =
  /\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1|new URL\(\s*(['"])(\.[^'"\n]+\.js)\3,\s*import\.meta/g;

function importsIn(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  return [...source.matchAll(specifierPattern)].map((match) => {
    const [, , imported, , opened] = match;
    const statement = source.slice(0, match.index).split(';').at(-1) ?? '';
    const isType = /^\s*(?:\/\/.*\s+)*import type\b/.test(statement);
    const specifier = imported ?? opened ?? '';
    const isRelative = specifier.startsWith('.');
    const target = isRelative ? posix.normalize(posix.join(dirname(file), specifier)) : undefined;
    return { file, specifier, target, isType };
  });
}

/** Rooms from the top to the bottom; those of one line must not know each other. */
type Layers = readonly (readonly string[])[];

const centralLayers: Layers = [
  ['cli'],
  ['commands'],
  ['root'],
  ['app', 'device', 'ops'],
  // What cannot go by a socket is left to waking.
  ['deliver'],
  ['wakeup'],
  ['store', 'presence'],
  ['dialects'],
  // The table of a wakeup's states, which the store applies.
  ['states'],
  ['protocol'],
];
const gatewayLayers: Layers = [
  ['cli'],
  ['commands'],
  ['root'],
  ['api', 'ops'],
  ['trust', 'policy'],
  ['senders'],
];

/** A file that is a layer of its own, below its room. */
const statesFile = /^central\/wakeup\/states\.[jt]s$/;

/** `central/device/idle.ts` → `device`; of the files beside the rooms `cli.ts` is above the others. */
function roomOf(path: string): string {
  if (statesFile.test(path)) return 'states';
  const [, room = '', inner] = path.split('/');
  if (inner !== undefined) return room;
  return room.startsWith('cli.') ? 'cli' : 'root';
}

function upward(program: string, layers: Layers): string[] {
  const level = (room: string) => layers.findIndex((rooms) => rooms.includes(room));
  return importsOf(program).flatMap(({ file, specifier, target, isType }) => {
    if (!target?.startsWith(`${program}/`)) return [];
    const [from, to] = [roomOf(file), roomOf(target)];
    // What the root hands down, a room may call by its type.
    if (from === to || (to === 'root' && isType)) return [];
    for (const room of [from, to]) {
      if (level(room) < 0) return [`${file}: the room ${room} has no layer; give it one here`];
    }
    return level(from) < level(to) ? [] : [`${file} imports ${specifier}, which is not below it`];
  });
}

function foreign(folder: string, allowed: readonly string[]): string[] {
  return importsOf(folder).flatMap(({ file, specifier, target }) => {
    const [room = ''] = target?.split('/') ?? [];
    const isAllowed = target === undefined || allowed.includes(room);
    return isAllowed ? [] : [`${file} imports ${specifier}, which it must not know`];
  });
}

t.test('the imports of a file are found in each way of writing them', async (t) => {
  const source = [
    `import a from './a.js';`,
    `import type { B } from "../b.js";`,
    `import {\n  c,\n} from './c.js';`,
    `export { d } from './d.js';`,
    `import './e.js';`,
    `const f = await import('./f.js');`,
    `new Worker(new URL('./g.js', import.meta.url));`,
  ].join('\n');
  const found = [...source.matchAll(specifierPattern)].map((match) => match[2] ?? match[4]);
  t.same(found, ['./a.js', '../b.js', './c.js', './d.js', './e.js', './f.js', './g.js']);
  t.ok(importsOf('shared').length > 20, 'and the sources are where they are looked for');
});

t.test('shared imports none of the programs', async (t) => {
  t.same(foreign('shared', ['shared']), []);
});

for (const program of programs) {
  t.test(`${program} imports shared and itself, no other program`, async (t) => {
    t.same(foreign(program, [program, 'shared']), []);
  });
}

t.test('inside central imports point downward', async (t) => {
  t.same(upward('central', centralLayers), []);
});

t.test('inside the gateway imports point downward', async (t) => {
  t.same(upward('gateway', gatewayLayers), []);
});
