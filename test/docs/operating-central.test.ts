// docs/operating-central.md tells what is so: the table of a wakeup's states is the one that runs, every command
// exists with its options, and every outcome, reason, limit and alert of central has its row.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { schemaFor } from '../../central/config.js';
import {
  darkReasons,
  step,
  type WakeupEvent,
  type WakeupEventName,
  type WakeupState,
  wakeupOutcomes,
  wakeupStates,
} from '../../central/wakeup/states.js';
import { configKeys } from '../../shared/config.js';

const page = readFileSync('docs/operating-central.md', 'utf8');

type Samples = { [Name in WakeupEventName]: readonly Extract<WakeupEvent, { name: Name }>[] };

const nowMs = 1_000;
const dueMs = 2_000;
const attemptsMax = 5;
const verdicts = [false, true].map((isWorthAnother) => ({ nowMs, attemptsMax, isWorthAnother }));
const greetings = [false, true].map((isPending) => ({ nowMs, dueMs, isPending }));

/** Each event in every way that the table tells apart. */
const samples: Samples = {
  said: greetings.map((known) => ({ name: 'said', ...known })),
  claimed: greetings.map((known) => ({ name: 'claimed', ...known })),
  left: greetings.map((known) => ({ name: 'left', ...known })),
  proved: greetings.map((known) => ({ name: 'proved', ...known })),
  put: [false, true].map((isUrgent) => ({ name: 'put', nowMs, dueMs, isUrgent })),
  settled: [{ name: 'settled' }],
  released: [{ name: 'released' }],
  held: [{ name: 'held', dueMs }],
  begun: [{ name: 'begun', nowMs, dueMs }],
  triggered: [{ name: 'triggered' }],
  unsent: [
    { name: 'unsent', dueMs, isWorthAnother: true },
    { name: 'unsent', dueMs, isWorthAnother: false },
  ],
  refused: verdicts.map((known) => ({ name: 'refused', ...known })),
  sign: verdicts.map((known) => ({ name: 'sign', ...known })),
  passed: verdicts.map((known) => ({ name: 'passed', ...known })),
  lapsed: [{ name: 'lapsed', nowMs }],
  taken: [{ name: 'taken', nowMs }],
};

function stepsFrom(state: WakeupState, name: WakeupEventName) {
  const ways = [1, attemptsMax].flatMap((attempts) =>
    [nowMs - 1, nowMs + 1].flatMap((endMs) =>
      samples[name].map((event) => {
        const record = {
          state,
          attempts,
          dueMs: endMs,
          notBeforeMs: undefined,
          sentMs: 0,
          sinceMs: 0,
        };
        return step({ ...record, darkMs: undefined, darkReason: undefined }, event);
      }),
    ),
  );
  return ways.filter((made) => made !== undefined);
}

/** The words of a list, in the order of another one. */
function inOrder<Word extends string>(
  words: readonly (Word | undefined)[],
  order: readonly Word[],
) {
  return order.filter((word) => words.includes(word)).join(', ');
}

function rowOf(name: WakeupEventName): string[] {
  const steps = wakeupStates.map((state) => stepsFrom(state, name));
  const outcomes = steps.flat().map(({ outcome }) => outcome);
  const cells = steps.map((ways) => {
    const next = ways.map(({ to }) => to.state);
    return inOrder(next, wakeupStates);
  });
  return [`\`${name}\``, ...cells, inOrder(outcomes, wakeupOutcomes)];
}

/** The rows of the first table whose head begins with this cell, without the head. */
function tableOf(head: string): string[][] {
  const lines = page.split('\n');
  const first = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  const rest = lines.slice(first);
  const end = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(0, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands as code in the first cells of a table. */
function namesIn(head: string): string[] {
  return tableOf(head).flatMap(([cell = '']) => /^`([^`]+)`$/.exec(cell)?.[1] ?? []);
}

t.test('the table of states and events is the one that central runs', async (t) => {
  const names = Object.keys(samples) as WakeupEventName[];
  const [head = [], , ...rows] = tableOf('event \\ state');
  t.same(head.slice(1, -1), wakeupStates);
  t.same(rows, names.map(rowOf));
});

t.test('every state, event, outcome and reason has its row', async (t) => {
  t.same(namesIn('state'), [...wakeupStates]);
  t.same(namesIn('event'), Object.keys(samples));
  t.same(namesIn('outcome'), [...wakeupOutcomes]);
  t.same(namesIn('reason'), [...darkReasons]);
});

t.test('every limit of the configuration has its row, with its default', async (t) => {
  const numbers = configKeys(schemaFor('/')).filter(
    ({ default: value }) => typeof value === 'number',
  );
  t.ok(numbers.length > 30, 'they are found');
  const told = new Map(
    tableOf('limit').map(([limit = '', value = '']) => [/^`(\w+)`/.exec(limit)?.[1], value]),
  );
  for (const { path, default: value } of numbers) {
    const name = path.at(-1) ?? '';
    t.equal(told.get(name), `\`${value}\``, name);
    told.delete(name);
  }
  const others = [...told.keys()].filter((name) => name !== undefined);
  t.same(others, [], 'and there is no other');
});

t.test('every alert of central has its row', async (t) => {
  const { groups } = parse(readFileSync('docs/monitoring/reveille.rules.yml', 'utf8')) as {
    groups: { rules: { alert?: string }[] }[];
  };
  const alerts = groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
  t.same(
    namesIn('alert'),
    alerts.filter((name) => name.startsWith('ReveilleCentral')),
  );
});

/** The calls of reveille-central on the page, in blocks and in the text. */
function callsOnPage(): { subcommand: string; options: string[] }[] {
  const calls = page.matchAll(/(?:^\$ |`)reveille-central ([a-z][a-z-]*)([^\n`]*)/gm);
  return [...calls].map(([, subcommand = '', rest = '']) => ({
    subcommand,
    options: rest.match(/(?<=\s)--[a-z][a-z-]*/g) ?? [],
  }));
}

t.test('every command on the page exists, with every option it is given', async (t) => {
  const calls = callsOnPage();
  t.ok(calls.length > 5, `${calls.length} are found`);
  for (const { subcommand, options } of calls) {
    const help = execFileSync(process.execPath, ['dist/central/cli.js', subcommand, '--help'], {
      encoding: 'utf8',
    });
    t.match(help, new RegExp(`^Usage: reveille-central ${subcommand} `), subcommand);
    for (const option of options) t.match(help, new RegExp(`${option}[ ,]`), subcommand);
  }
});
