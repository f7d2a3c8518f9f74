import { createServer } from 'node:net';
import t from 'tap';
import { systemClock } from '../../../shared/clock.js';
import { createCaller, wakeup } from '../../support/gateway-caller.js';
import { listenUdp } from '../../support/gateway-handset.js';
import { runGateway, serveGateway } from '../../support/gateway-process.js';
import { baseConfig, createGatewayFolder } from '../../support/gateway-setup.js';

t.test(
  'serve says where it listens, wakes, reloads on SIGHUP and ends with 0 on SIGTERM',
  async (t) => {
    const folder = createGatewayFolder(t);
    const served = await serveGateway(t, folder.configFile);
    t.match(served.ready, /^ready http:\/\/127\.0\.0\.1:\d+ admin http:\/\/127\.0\.0\.1:\d+$/);
    const caller = createCaller({ url: served.url, keys: [folder.centralKey], clock: systemClock });
    t.teardown(() => caller.close());
    const ears = await listenUdp(t);
    // As far ahead as the skew allows, for the gateway refuses what may have been signed before its start.
    const ask = () =>
      caller.send({
        nowMs: Date.now() + 5000,
        body: JSON.stringify({ wakeups: [wakeup({ port: ears.port })] }),
      });
    let answer = await ask();
    // The start may fall late into its second, which leaves less than the whole skew.
    while (answer.problem === 'signature-before-start') answer = await ask();
    t.equal(answer.status, 200);
    t.equal(await ears.next(), `NOTIFY 127.0.0.1:${ears.port}`);

    folder.write({ ...baseConfig(), nonsense: 1 });
    served.signal('SIGHUP');
    await served.logged('2020');
    t.match(await (await fetch(`${served.adminUrl}/metrics`)).text(), /config_reload_successful 0/);
    t.equal((await ask()).status, 200, 'the old configuration stays');
    folder.write({ ...baseConfig(), dryRun: true });
    served.signal('SIGHUP');
    await served.logged('1005');
    t.match((await ask()).json, { results: [{ reason: 'dry-run' }] });

    served.signal('SIGTERM');
    const { code, stdout, stderr } = await served.ended;
    t.equal(code, 0);
    t.equal(stdout, `${served.ready}\n`, 'nothing else is on stdout');
    for (const line of stderr.trim().split('\n')) t.doesNotThrow(() => JSON.parse(line));
  },
);

t.test('serve with a bad configuration says what is wrong and ends with 1', async (t) => {
  const folder = createGatewayFolder(t, { nonsense: 1 });
  const { code, stdout, stderr } = await runGateway(['serve', '--config', folder.configFile]);
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(stderr, /^nonsense: unknown key/);
});

t.test('serve on an address that is taken says so and ends with 1', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const address = taken.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  for (const key of ['listen', 'admin']) {
    const folder = createGatewayFolder(t, { [key]: `127.0.0.1:${address.port}` });
    const { code, stderr } = await runGateway(['serve', '--config', folder.configFile]);
    t.equal(code, 1);
    t.match(stderr, /cannot start: .*EADDRINUSE.*; free the address/);
  }
});
