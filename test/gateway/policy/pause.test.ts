import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createPause } from '../../../gateway/policy/pause.js';
import { parseNetworkKey } from '../../../shared/network.js';
import { traces } from '../../../shared/traces.js';
import { createLogMemory, type Teardown } from '../../support/gateway-setup.js';
import { createManualClock } from '../../support/manual-clock.js';

const home = parseNetworkKey('214-07');
const other = parseNetworkKey('214-07/net-b');

function setUp(t: Teardown) {
  const folder = mkdtempSync(join(tmpdir(), 'reveille-pause-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const stateFile = join(folder, 'gateway.state.json');
  const clock = createManualClock();
  const logged = createLogMemory();
  const start = () => createPause({ stateFile, clock, log: logged.log });
  return { folder, stateFile, clock, start, ...logged };
}

t.test('nothing is paused where there is no state file, and none is written', async (t) => {
  const { folder, start } = setUp(t);
  const pause = start();
  t.notOk(pause.isPaused());
  t.notOk(pause.isPaused(home));
  t.same(readdirSync(folder), []);
});

t.test('one network is paused alone, and over a restart', async (t) => {
  const { start, clock, has } = setUp(t);
  const pause = start();
  t.same(pause.pause(home), {});
  t.ok(pause.isPaused(home));
  t.notOk(pause.isPaused(other));
  t.notOk(pause.isPaused());
  clock.advance(60_000);
  const again = start();
  t.ok(again.isPaused(home));
  t.notOk(again.isPaused(other));
  t.same(again.snapshot(), pause.snapshot());
  t.ok(has(traces.paused));
  again.resume(home);
  t.notOk(again.isPaused(home));
  t.notOk(start().isPaused(home));
});

t.test('everything is paused and resumed at once, what was paused alone included', async (t) => {
  const { start } = setUp(t);
  const pause = start();
  pause.pause(home);
  pause.pause();
  t.ok(pause.isPaused());
  t.ok(pause.isPaused(other));
  t.ok(start().isPaused(other));
  pause.resume(home);
  t.ok(pause.isPaused(home), 'everything is still paused');
  pause.resume();
  t.notOk(pause.isPaused(home));
  t.notOk(start().isPaused());
});

t.test('a second pause keeps the time of the first', async (t) => {
  const { start, clock } = setUp(t);
  const pause = start();
  const beganMs = clock.now();
  pause.pause();
  clock.advance(1000);
  pause.pause();
  t.equal(pause.snapshot().allSinceMs, beganMs);
});

t.test(
  'a state file that cannot be understood means paused, with a line that says so',
  async (t) => {
    const bad = [
      '',
      '{',
      'null',
      '[]',
      '{}',
      '{"paused":null}',
      '{"paused":{"all":null}}',
      '{"paused":{"networks":{}}}',
      '{"paused":{"all":"yesterday","networks":{}}}',
      '{"paused":{"all":null,"networks":{"nowhere":"2026-01-01T00:00:00.000Z"}}}',
      '{"paused":{"all":null,"networks":{"214-07":"once"}}}',
    ];
    for (const content of bad) {
      const { start, stateFile, lines } = setUp(t);
      writeFileSync(stateFile, content);
      const pause = start();
      t.ok(pause.isPaused(home), content);
      t.ok(pause.isPaused());
      t.equal(pause.snapshot().cause, 'state-file');
      t.match(lines, [
        { trace: traces.pauseUnknown, fields: { problem: stateFile, advice: 'resume' } },
      ]);
      pause.resume();
      t.notOk(pause.isPaused());
      t.notOk(start().isPaused(), 'the file is a good one again');
    }
  },
);

t.test('a state file that cannot be read means paused', async (t) => {
  const { start, stateFile } = setUp(t);
  mkdirSync(stateFile);
  t.ok(start().isPaused());
});

t.test('a pause that cannot be remembered holds, and says that it will be forgotten', async (t) => {
  const { folder, clock, log, has } = setUp(t);
  const stateFile = join(folder, 'nowhere', 'state.json');
  const pause = createPause({ stateFile, clock, log });
  t.ok(has(traces.pauseForgetful), 'told before it is needed');
  t.match(pause.pause(), { problem: /nowhere\/state\.json: cannot be written/ });
  t.ok(pause.isPaused(home));
  t.ok(has(traces.pauseForgotten));
});

t.test('the state file is replaced as a whole and leaves nothing beside it', async (t) => {
  const { folder, stateFile, start } = setUp(t);
  const pause = start();
  pause.pause(home);
  pause.pause();
  t.same(readdirSync(folder), ['gateway.state.json']);
  t.match(JSON.parse(readFileSync(stateFile, 'utf8')), {
    paused: { all: /^2023-/, networks: { '214-07': /^2023-/ } },
  });
});

t.test('resuming one network leaves the cause of a pause of everything as it is', async (t) => {
  const { start, stateFile } = setUp(t);
  writeFileSync(stateFile, '{');
  const pause = start();
  pause.resume(home);
  t.equal(pause.snapshot().cause, 'state-file');
  pause.pause();
  t.equal(pause.snapshot().cause, 'operator');
});
