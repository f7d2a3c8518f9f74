// The whole path with real processes: app server, central, gateway over TLS, and handsets on UDP and TCP.
import t from 'tap';
import { createHandset, type HandsetEvents } from '../../handset/index.js';
import { createPushManager } from '../../handset/push-manager.js';
import { traces } from '../../shared/traces.js';
import {
  createPathFolder,
  startCentralProgram,
  startGatewayProgram,
  writeCentralConfig,
} from '../support/running-path.js';
import { put } from '../support/test-device.js';

const idleCloseMs = 700;

t.test('a version travels from an app server to sleeping handsets and back', async (t) => {
  const folder = await createPathFolder(t);
  const gateway = await startGatewayProgram(t, folder);
  writeCentralConfig(folder, [gateway.url], { idleCloseMs });
  const central = await startCentralProgram(t, folder, { isWaking: true });

  for (const protocol of ['udp', 'tcp'] as const) {
    await t.test(`a handset on ${protocol}`, async (t) => {
      const handset = createHandset({
        central: central.url.replace('http', 'ws'),
        network: { mcc: '214', mnc: '07' },
        protocol,
      });
      t.teardown(() => handset.stop());
      const notifications: HandsetEvents['notification'][0][] = [];
      handset.on('notification', (event) => void notifications.push(event));
      const next = <Name extends keyof HandsetEvents>(name: Name) =>
        new Promise<HandsetEvents[Name][0]>((resolve) => {
          handset.once(name, ((event: HandsetEvents[Name][0]) => resolve(event)) as never);
        });

      const hello = next('hello');
      handset.start();
      t.equal((await hello).status, 201, 'it can be woken');
      const asleep = next('closed');
      const { pushEndpoint, channelID } = await handset.register();
      t.same(await asleep, { code: 4774 }, 'its socket is closed when all is quiet');

      const woken = next('woken');
      const back = next('hello');
      const told = next('notification');
      const asleepAgain = next('closed');
      const answer = await put(pushEndpoint, 7);
      t.equal(answer.status, 200);
      t.same(await answer.json(), {});
      t.match(await woken, { protocol });
      t.equal((await back).status, 201);
      t.same(await told, { channelID, version: 7, pushEndpoint });
      // It is closed as idle only because the version was acked.
      t.same(await asleepAgain, { code: 4774 });

      t.equal((await put(pushEndpoint, 7)).status, 200, 'the same version again');
      t.equal((await put(pushEndpoint, 6)).status, 200, 'an older one');
      const wokenLater = next('woken');
      const toldLater = next('notification');
      await put(pushEndpoint, 8);
      await wokenLater;
      t.match(await toldLater, { version: 8 });
      t.same(
        notifications.map(({ version }) => version),
        [7, 8],
        'changed nothing',
      );
      const sent = protocol === 'udp' ? traces.udpSent : traces.tcpSent;
      await gateway.logged(sent);
      const left = gateway.rows.filter(({ id }) => id === sent.id).length;
      t.equal(left, 3, 'a nonce and two wakeups left');
    });
  }

  await t.test('the WebApp API is told of a push', async (t) => {
    const handset = createHandset({
      central: central.url.replace('http', 'ws'),
      network: { mcc: '214', mnc: '07' },
    });
    t.teardown(() => handset.stop());
    const pushManager = createPushManager(handset);
    handset.start();
    const pushEndpoint = await pushManager.register();
    await new Promise((resolve) => handset.once('closed', resolve));
    const push = new Promise((resolve) => pushManager.once('push', resolve));
    await put(pushEndpoint, 1);
    t.same(await push, { pushEndpoint, version: 1 });
    t.same(pushManager.registrations(), [{ pushEndpoint, version: 1 }]);
  });

  t.match(await gateway.logged(traces.requestAccepted), { id: traces.requestAccepted.id });
  t.equal(await central.kill('SIGTERM'), 0, 'central ends cleanly');
  t.equal(await gateway.kill('SIGTERM'), 0, 'the gateway ends cleanly');
});

t.test(
  'a handset keeps its socket while the gateway is gone and sleeps when it is back',
  async (t) => {
    const folder = await createPathFolder(t);
    const first = await startGatewayProgram(t, folder);
    const { port } = new URL(first.url);
    await first.kill('SIGTERM');
    writeCentralConfig(folder, [first.url], { idleCloseMs: 300 });
    const central = await startCentralProgram(t, folder);
    await central.logged(traces.gatewayOffline);
    const handset = createHandset({
      central: central.url.replace('http', 'ws'),
      network: { mcc: '214', mnc: '07' },
    });
    t.teardown(() => handset.stop());
    const hello = new Promise<{ status: number }>((resolve) => handset.once('hello', resolve));
    handset.start();
    t.equal((await hello).status, 200);
    const { pushEndpoint } = await handset.register();
    const told = new Promise<{ version: number }>((resolve) =>
      handset.once('notification', resolve),
    );
    await put(pushEndpoint, 1);
    t.equal((await told).version, 1, 'on its socket');

    await startGatewayProgram(t, folder, { listen: `127.0.0.1:${port}` });
    await central.logged(traces.gatewayOnline);
    await handset.stop();
    const again = new Promise<{ status: number }>((resolve) => handset.once('hello', resolve));
    handset.start();
    t.equal((await again).status, 201);
  },
);
