// The story of a device that goes dark: wakeups leave and nobody comes; central notices, says so, wakes it no more,
// and after its return puts it to sleep only when it has proved that it can be woken.
import { traces } from '../../shared/traces.js';
import { runCommand } from '../programs.js';
import { demoNetwork, freePorts, prepareSite } from '../site.js';
import { comesBack, fallAsleep, gatewayAnswers, hasId, isEvent, type Stage } from './stage.js';

/** Faster than life: five attempts from eight seconds on, each wait twice the one before, take over four minutes. */
const settings = { idleCloseMs: 3000, wakeupRetryFloorMs: 1000, wakeupAttemptsMax: 3 };

export async function tellDarkDevice(stage: Stage): Promise<void> {
  const { heading, tell, expect, check, put, metric } = stage;
  const counted = (outcome: string) =>
    metric(`reveille_central_wakeups_total{network="${demoNetwork}",outcome="${outcome}"}`);

  heading(`1. Central and a gateway for ${demoNetwork}; ${JSON.stringify(settings)}`);
  const site = await prepareSite(stage.folder, freePorts, {
    central: Object.entries(settings)
      .map(([key, value]) => `${key}: ${value}\n`)
      .join(''),
    gatewayNetwork: '    handsetIntervalMs: 0\n',
  });
  const gateway = await stage.serve('gateway', site.gatewayFile);
  const centralFile = site.centralFile(gateway);
  const central = await stage.serve('central', centralFile);
  await gatewayAnswers(stage, central);

  heading('2. A handset proves its address and falls asleep');
  const handset = await stage.connect({ name: 'handset A', protocol: 'udp' });
  check(handset.status === 201, `hello was answered ${handset.status}, not 201`);
  await expect('handset A proves its address', handset.program.line(isEvent('proved')));
  await fallAsleep(stage, handset);

  heading('3. It loses its network without a word, and an app server has news for it');
  process.kill(handset.program.pid, 'SIGSTOP');
  tell('handset A', 'stands still: datagrams arrive at its port and nobody reads them');
  const status = await put(handset.endpoint, 1);
  tell('app server', `PUT version=1: HTTP ${status}`);
  const dark = await expect('central notices', central.line(hasId(traces.deviceDark.id)), 30_000);
  const [triggered, unconfirmed] = [await counted('triggered'), await counted('unconfirmed')];
  tell('central', `sent ${triggered} wakeups, ${unconfirmed} unconfirmed: the device is dark`);
  check(dark.reason === 'unconfirmed', `it went dark for ${dark.reason}, not unconfirmed`);
  check(unconfirmed === settings.wakeupAttemptsMax, `${unconfirmed} wakeups were unconfirmed`);

  heading('4. It is counted and listed, and further versions wake nobody at that address');
  const list = await runCommand('central', ['devices', '--dark', '--config', centralFile]);
  for (const line of list) tell('central', line);
  check(list.length === 2, `${list.length - 1} devices are listed, not 1`);
  tell('app server', `PUT version=2: HTTP ${await put(handset.endpoint, 2)}`);
  const wakeups = await counted('triggered');
  check(wakeups === triggered, `central sent ${wakeups - triggered} more`);
  const count = await metric(`reveille_central_devices_dark{network="${demoNetwork}"}`);
  tell('central', `sent none; reveille_central_devices_dark is ${count}`);
  check(count === 1, `reveille_central_devices_dark is ${count}, not 1`);

  heading(
    '5. The handset comes back with another address: 200, its socket stays until it is proved',
  );
  await stage.kill(handset.program);
  const again = await stage.connect({ name: 'handset A', protocol: 'udp', as: handset });
  check(again.status === 200, `hello was answered ${again.status}, not 200`);
  const { version } = await expect('it has its news', again.program.line(isEvent('notification')));
  tell('handset A', `got version ${version}: nothing was lost`);
  check(version === 2, `it got version ${version}, not 2`);
  await expect('it proves its address', again.program.line(isEvent('proved')));
  tell('handset A', 'got a nonce at its new address and returned it');

  heading('6. Only now it is put to sleep again, and woken');
  await fallAsleep(stage, again);
  tell('app server', `PUT version=3: HTTP ${await put(again.endpoint, 3)}`);
  await comesBack(stage, again, 3);
  const success = await counted('success');
  check(success === 1, `central knows of ${success} wakeups that worked, not 1`);
  tell('central', 'knows that this wakeup worked');
}
