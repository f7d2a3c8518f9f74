// What a program writes to its service manager; a file stands for the socket that `launch` opens.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectServiceManager, descriptorIn, listenFdOf } from '../../shared/systemd.js';
import { createManualClock } from '../support/manual-clock.js';

function openNotifyFile(t: Test): { fd: string; read(): string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'reveille-systemd-'));
  const file = join(folder, 'notify');
  const fd = openSync(file, 'w');
  t.teardown(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return { fd: String(fd), read: () => readFileSync(file, 'utf8').split('\n').slice(0, -1) };
}

t.test('a service manager hears of readiness, a reload and the end', async (t) => {
  const { fd, read } = openNotifyFile(t);
  const manager = connectServiceManager({ NOTIFY_FD: fd }, createManualClock());
  const beforeUsec = process.hrtime.bigint() / 1000n;
  manager.ready('serving\none\r\nline');
  manager.reloading();
  manager.ready('serving');
  manager.stopping();
  const [monotonic = ''] = read().splice(3, 1);
  t.match(monotonic, /^MONOTONIC_USEC=\d+$/);
  t.ok(BigInt(monotonic.slice('MONOTONIC_USEC='.length)) >= beforeUsec, 'the monotonic clock');
  t.same(
    read().filter((line) => line !== monotonic),
    [
      'READY=1',
      'STATUS=serving one line',
      'RELOADING=1',
      'READY=1',
      'STATUS=serving',
      'STOPPING=1',
      'STATUS=stopping',
    ],
  );
});

t.test(
  'the watchdog is pinged twice in its time, from readiness on, also after reloads',
  async (t) => {
    const { fd, read } = openNotifyFile(t);
    const clock = createManualClock();
    const env = { NOTIFY_FD: fd, WATCHDOG_USEC: '20000000', WATCHDOG_PID: String(process.pid) };
    const manager = connectServiceManager(env, clock);
    const pings = () => read().filter((line) => line === 'WATCHDOG=1').length;
    clock.advance(60_000);
    t.equal(pings(), 0, 'none before it is ready');
    manager.ready('');
    manager.ready('');
    t.equal(pings(), 1);
    clock.advance(9_999);
    t.equal(pings(), 1);
    clock.advance(1);
    t.equal(pings(), 2);
    for (let i = 0; i < 6; i++) clock.advance(10_000);
    t.equal(pings(), 8);
  },
);

t.test('a watchdog that is not ours, or none, gets no ping', async (t) => {
  for (const watchdog of [
    {},
    { WATCHDOG_USEC: '20000000', WATCHDOG_PID: '1' },
    { WATCHDOG_USEC: '0' },
    { WATCHDOG_USEC: 'soon' },
  ]) {
    const { fd, read } = openNotifyFile(t);
    const clock = createManualClock();
    connectServiceManager({ NOTIFY_FD: fd, ...watchdog }, clock).ready('');
    clock.advance(3_600_000);
    t.notOk(read().includes('WATCHDOG=1'), JSON.stringify(watchdog));
  }
});

t.test('nothing happens without a service manager, and none that is gone does harm', async (t) => {
  for (const env of [{}, { NOTIFY_FD: '' }, { NOTIFY_FD: 'three' }, { NOTIFY_FD: '999' }]) {
    const manager = connectServiceManager(env, createManualClock());
    t.doesNotThrow(() => {
      manager.ready('x');
      manager.reloading();
      manager.stopping();
    });
  }
});

t.test('a listening socket is ours when it was handed to this very process', async (t) => {
  const ours = { LISTEN_PID: String(process.pid), LISTEN_FDS: '1' };
  t.equal(listenFdOf(ours), 3);
  t.equal(listenFdOf({ ...ours, LISTEN_FDS: '2' }), 3);
  t.equal(listenFdOf({ ...ours, LISTEN_FDS: '0' }), undefined);
  t.equal(listenFdOf({ ...ours, LISTEN_PID: '1' }), undefined);
  t.equal(listenFdOf({}), undefined);
});

t.test('a descriptor is a number, or it is none', async (t) => {
  t.equal(descriptorIn({ FD: '4' }, 'FD'), 4);
  for (const text of ['', '-1', '4x', '0x4', ' 4', '99999']) {
    t.equal(descriptorIn({ FD: text }, 'FD'), undefined, text);
  }
});
