// Log lines as the journal's native protocol has them.
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { journalEntry, openJournal } from '../../shared/journal.js';

const line = (fields: Record<string, unknown>) =>
  JSON.stringify({ level: 'info', time: 'x', id: '1501', ...fields, msg: 'received request' });
const textOf = (fields: Record<string, unknown>) =>
  journalEntry(line(fields), 'reveille').toString();

t.test('a line becomes an entry with its fields in upper case', async (t) => {
  t.equal(
    textOf({ central: 'ns-1', network: '214-07', retryAfterMs: 5, dryRun: true, none: null }),
    [
      'PRIORITY=6',
      'SYSLOG_IDENTIFIER=reveille',
      'MESSAGE=received request central=ns-1 network=214-07 retryAfterMs=5 dryRun=true none=null',
      'REVEILLE_ID=1501',
      'REVEILLE_CENTRAL=ns-1',
      'REVEILLE_NETWORK=214-07',
      'REVEILLE_RETRY_AFTER_MS=5',
      'REVEILLE_DRY_RUN=true',
      'REVEILLE_NONE=null',
      '',
    ].join('\n'),
  );
});

t.test('levels are the priorities of syslog', async (t) => {
  for (const [level, priority] of [
    ['debug', 7],
    ['info', 6],
    ['warn', 4],
    ['error', 3],
  ] as const) {
    const entry = journalEntry(JSON.stringify({ level, msg: '' }), 'x').toString();
    t.match(entry, new RegExp(`^PRIORITY=${priority}\n`), level);
  }
});

t.test('each item of a list is a field, so that every one is found', async (t) => {
  t.match(
    textOf({ network: ['214-07', '208-01'] }),
    /\nREVEILLE_NETWORK=214-07\nREVEILLE_NETWORK=208-01\n$/,
  );
  t.match(textOf({ outcome: { triggered: 2 } }), /\nREVEILLE_OUTCOME=\{"triggered":2\}\n$/);
});

t.test(
  'a value with line breaks goes with its length, so that it can begin no other field',
  async (t) => {
    const entry = journalEntry(line({ error: 'bad\nPRIORITY=0' }), 'x');
    const at = entry.indexOf('REVEILLE_ERROR\n') + 'REVEILLE_ERROR\n'.length;
    t.equal(entry.readBigUInt64LE(at), 14n);
    t.equal(entry.subarray(at + 8).toString(), 'bad\nPRIORITY=0\n');
    t.ok(entry.includes('MESSAGE\n'), 'the message shows the same value and goes the same way');
    const lines = entry.toString('latin1').split('\n');
    t.equal(
      lines.filter((text) => text.startsWith('PRIORITY=')).length,
      3,
      'one of its own, two inside values',
    );
  },
);

t.test('a name keeps to the letters and the length that the journal takes', async (t) => {
  t.match(textOf({ 'a.b-c é': 1 }), /\nREVEILLE_A_B_C__=1\n/);
  t.match(textOf({ ['x'.repeat(100)]: 1 }), /\nREVEILLE_X{55}=1\n/);
});

t.test('there is no journal without its socket', async (t) => {
  t.equal(openJournal({}, 'x'), undefined);
});

t.test('what the journal does not take goes to stderr with its priority', async (t) => {
  const source = `
    import { openJournal } from ${JSON.stringify(new URL('../../shared/journal.js', import.meta.url))};
    import { createLog } from ${JSON.stringify(new URL('../../shared/log.js', import.meta.url))};
    import { traces } from ${JSON.stringify(new URL('../../shared/traces.js', import.meta.url))};
    const log = createLog('info', openJournal({ JOURNAL_FD: '999' }, 'x'));
    const ring = {};
    ring.self = ring;
    log(traces.requestRefused, { central: 'ns-1', ring, big: 7n });`;
  const { stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', source],
    { encoding: 'utf8', env: {} },
  );
  t.equal(status, 0);
  t.match(stderr, /^<4>\{"level":"warn".*"central":"ns-1".*\}\n$/);
});

t.test('a line that nobody takes ends nothing', async (t) => {
  const source = `
    import { closeSync } from 'node:fs';
    import { openJournal } from ${JSON.stringify(new URL('../../shared/journal.js', import.meta.url))};
    closeSync(2);
    openJournal({ JOURNAL_FD: '999' }, 'x').write('{"level":"info","msg":"x"}');
    console.log('goes on');`;
  const args = ['--input-type=module', '--eval', source];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env: {} });
  t.equal(stdout, 'goes on\n');
});
