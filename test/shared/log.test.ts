// The log as another process sees it: what comes out on its stderr.
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { traces } from '../../shared/traces.js';

const moduleUrl = (name: string) =>
  JSON.stringify(new URL(`../../shared/${name}`, import.meta.url));

/** The lines on stderr of a program that logs. */
function linesOf(program: string): { lines: string[]; stdout: string } {
  const source = `
    import { createLog } from ${moduleUrl('log.js')};
    import { traces } from ${moduleUrl('traces.js')};
    ${program}`;
  const args = ['--input-type=module', '--eval', source];
  const { stderr, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: {},
  });
  return { lines: stderr.split('\n').filter((line) => line !== ''), stdout };
}

t.test(
  'a line is one JSON object on stderr with id, level, time, message and fields',
  async (t) => {
    const before = Date.now();
    const { lines, stdout } = linesOf(`
    const log = createLog('debug');
    log(traces.started);
    log(traces.requestRefused, { status: 403, why: 'line\\nbreak "quoted" \\u2028', none: undefined });
    log(traces.udpSent, { network: '214-07' });
    log(traces.taskFailed, { task: 'x', error: 'y' });`);
    t.equal(stdout, '');
    t.equal(lines.length, 4);
    const [started, refused, sent, failed] = lines.map((line) => JSON.parse(line));
    t.match(started, { id: '1003', level: 'info', msg: 'started' });
    t.ok(Date.parse(started.time) >= before - 1, 'the time is ISO 8601');
    t.match(refused, {
      id: '1505',
      level: 'warn',
      status: 403,
      why: 'line\nbreak "quoted" \u2028',
    });
    t.notOk('none' in refused);
    t.notOk('pid' in started || 'hostname' in started, 'nothing of the machine');
    t.match(sent, { id: '1504', level: 'debug', network: '214-07' });
    t.match(failed, { id: '2016', level: 'error', task: 'x', error: 'y' });
  },
);

t.test('lines below the level are left out, and the level can be changed', async (t) => {
  const { lines } = linesOf(`
    const log = createLog('warn');
    log(traces.started);
    log(traces.closeSlow);
    log.setLevel('debug');
    log(traces.udpSent);
    log.setLevel('error');
    log(traces.closeSlow);
    log(traces.taskFailed);`);
  t.same(
    lines.map((line) => JSON.parse(line).id),
    [traces.closeSlow.id, traces.udpSent.id, traces.taskFailed.id],
  );
});

t.test('a crash loses no line', async (t) => {
  const { lines } = linesOf(`
    const log = createLog('info');
    for (let i = 0; i < 100; i++) log(traces.hello, { i });
    process.kill(process.pid, 'SIGKILL');`);
  t.equal(lines.length, 100);
});

t.test('no field can spoil a line: not the id, and not what JSON cannot hold', async (t) => {
  const { lines } = linesOf(`
    const ring = {};
    ring.self = ring;
    const log = createLog('info');
    log(traces.started, { id: 'mine', ring, big: 7n });
    log(traces.stopping);`);
  t.same(
    lines.map((line) => JSON.parse(line).id),
    ['1003', '1004'],
  );
});
