// The story of a network with two gateways: one dies and the other takes over, it comes back and has its handsets
// again; both die and nobody is put to sleep, and whoever slept is woken when one returns.
import { traces } from '../../shared/traces.js';
import type { Ready } from '../programs.js';
import { demoNetwork, freePorts, prepareSite } from '../site.js';
import {
  comesBack,
  fallAsleep,
  gatewayAnswers,
  type Handset,
  hasId,
  isTriggered,
  type Stage,
} from './stage.js';

/** Faster than life, but for the five seconds in which a gateway refuses after its start. */
const settings = 'idleCloseMs: 3000\ngatewayPollMs: 1000\n';

interface Gateway {
  name: string;
  file: string;
  ready: Ready;
}

export async function tellFailover(stage: Stage): Promise<void> {
  const { heading, tell, expect, check, put } = stage;
  heading(`1. Network ${demoNetwork} has two gateways`);
  const site = await prepareSite(stage.folder, freePorts, {
    central: settings,
    gatewayNetwork: '    handsetIntervalMs: 0\n',
  });
  const files = {
    'gateway 1': site.gatewayFile,
    'gateway 2': await site.furtherGatewayFile('second'),
  };
  const gateways: Gateway[] = [];
  for (const [name, file] of Object.entries(files)) {
    gateways.push({ name, file, ready: await stage.serve('gateway', file) });
  }
  const [one, two] = gateways.map(({ ready }) => ready.url);
  const places = [{ url: one ?? '' }, { url: two ?? '', name: 'second' }];
  const central = await stage.serve('central', site.centralFile(...places));
  for (const _ of gateways) await gatewayAnswers(stage, central);

  heading('2. A handset falls asleep and is woken');
  const handset = await stage.connect({ name: 'handset A', protocol: 'udp' });
  check(handset.status === 201, `hello was answered ${handset.status}, not 201`);
  // The proof of its address took the way of its wakeups.
  const first = await whoTriggers(stage, gateways);
  await sleepAndWake(stage, handset, { version: 1, by: first });

  heading(`3. ${first.name} dies while the handset sleeps`);
  await fallAsleep(stage, handset);
  await stage.kill(first.ready);
  tell('demo', `ended ${first.name} without a warning`);
  const second = gateways.find((gateway) => gateway !== first) ?? first;
  await wake(stage, handset, { version: 2, by: second });

  heading(`4. ${first.name} comes back, and with it the handsets it had`);
  first.ready = await stage.serve('gateway', first.file);
  await gatewayAnswers(stage, central);
  await sleepAndWake(stage, handset, { version: 3, by: first });

  heading('5. Both die. Who says hello now keeps its socket, and what comes for sleepers is kept');
  await fallAsleep(stage, handset);
  stage.passOver(central);
  for (const { ready } of gateways) await stage.kill(ready);
  for (const _ of gateways) {
    await expect('central notices', stage.next([central], hasId(traces.gatewayOffline.id)));
  }
  const visitor = await stage.connect({ name: 'handset B', protocol: 'udp' });
  check(visitor.status === 200, `handset B was answered ${visitor.status}, not 200`);
  const status = await put(handset.endpoint, 4);
  tell('app server', `PUT version=4 for handset A: HTTP ${status}`);
  check(status === 200, `the PUT was answered ${status}, not 200`);

  heading(`6. ${second.name} comes back, and whoever is owed a wakeup is woken`);
  second.ready = await stage.serve('gateway', second.file);
  await gatewayAnswers(stage, central);
  await comesBack(stage, handset, 4);
}

interface Wakeup {
  version: number;
  by: Gateway;
}

async function sleepAndWake(stage: Stage, handset: Handset, wakeup: Wakeup): Promise<void> {
  await fallAsleep(stage, handset);
  await wake(stage, handset, wakeup);
}

async function wake(stage: Stage, handset: Handset, { version, by }: Wakeup): Promise<void> {
  const { tell, put } = stage;
  tell('app server', `PUT version=${version}: HTTP ${await put(handset.endpoint, version)}`);
  await whoTriggers(stage, [by]);
  await comesBack(stage, handset, version);
}

/** The gateway through which the next wakeup goes. */
async function whoTriggers(stage: Stage, gateways: readonly Gateway[]): Promise<Gateway> {
  const { tell, expect, next } = stage;
  const programs = gateways.map(({ ready }) => ready);
  const { program } = await expect('a gateway takes the request', next(programs, isTriggered));
  const gateway = gateways.find(({ ready }) => ready === program);
  if (!gateway) throw new Error('a line of no gateway');
  tell(gateway.name, 'verified the signature of ns-1 and triggered 1 wakeup');
  return gateway;
}
