// The story of one notification: hello, proof, sleep, a version, a wakeup, the version delivered.
import { traces } from '../../shared/traces.js';
import { blockPort } from '../blocked-port.js';
import type { Ready } from '../programs.js';
import { demoNetwork, freePorts, prepareSite } from '../site.js';
import {
  comesBack,
  fallAsleep,
  gatewayAnswers,
  type Handset,
  hasId,
  isEvent,
  isTriggered,
  type Stage,
} from './stage.js';

const version = 7;

/** @param isBroken the way from central to the gateway is blocked on purpose, and the story has to fail. */
export async function tellNotification(stage: Stage, isBroken: boolean): Promise<void> {
  const { heading, tell, put } = stage;
  heading(`1. An operator runs a gateway for network ${demoNetwork}; a push provider runs central`);
  const site = await prepareSite(stage.folder, freePorts);
  const gateway = await stage.serve('gateway', site.gatewayFile);
  tell('gateway', `listens on ${gateway.url}`);
  const url = isBroken ? await blockedWay(stage) : gateway.url;
  const central = await stage.serve('central', site.centralFile({ url }));
  tell('central', `listens on ${central.url}`);
  if (isBroken) await gatewayIsMissed(stage, central);
  else await gatewayAnswers(stage, central);

  heading('2. Two handsets say hello from that network, and prove that a datagram reaches them');
  const handsets = await Promise.all([
    connect(stage, 'handset A', 'udp'),
    connect(stage, 'handset B', 'tcp'),
  ]);

  heading('3. Ten quiet seconds later central closes both sockets: the operator can wake them');
  await Promise.all(handsets.map((handset) => fallAsleep(stage, handset)));

  heading('4. An app server PUTs a new version for each');
  for (const handset of handsets) await notify(stage, handset, { gateway, central });

  heading('5. It PUTs the same version again, which changes nothing');
  for (const { name, endpoint } of handsets) {
    const status = await put(endpoint, version);
    tell('app server', `PUT version=${version} for ${name}: HTTP ${status}`);
  }
  await nothingChanged(stage, handsets.length);
}

async function blockedWay({ tell, keep }: Stage): Promise<string> {
  const blocked = await blockPort();
  keep(blocked);
  tell('demo', `blocks the gateway's port on purpose: central will try ${blocked.url}`);
  return blocked.url;
}

async function gatewayIsMissed({ tell, expect }: Stage, central: Ready): Promise<void> {
  const { error } = await expect(
    'central asks the gateway',
    central.line(hasId(traces.gatewayOffline.id)),
  );
  tell('central', `cannot reach the gateway: ${error}`);
}

async function connect(stage: Stage, name: string, protocol: 'udp' | 'tcp'): Promise<Handset> {
  const { tell, expect, check } = stage;
  const handset = await stage.connect({ name, protocol });
  const { program, status } = handset;
  const why = 'central does not reach the gateway of its network and keeps its socket open';
  check(status === 201, `${name} was answered ${status}, not 201: ${why}`);
  await expect(`${name} proves its address`, program.line(isEvent('proved')));
  tell(name, 'got a nonce by datagram and returned it on its socket');
  return handset;
}

async function notify(
  stage: Stage,
  handset: Handset,
  { gateway, central }: { gateway: Ready; central: Ready },
): Promise<void> {
  const { tell, expect, check, next, passOver, put } = stage;
  const { name, endpoint } = handset;
  // The proofs were requests, too.
  passOver(gateway);
  const status = await put(endpoint, version);
  tell('app server', `PUT version=${version} for ${name}: HTTP ${status}`);
  check(status === 200, `the PUT was answered ${status}, not 200`);
  const taken = next([gateway], isTriggered);
  const { line } = await expect('the gateway takes the request', taken);
  const count = `${line.triggered} wakeup`;
  tell('gateway', `verified the signature of ${line.central} and triggered ${count}`);
  await comesBack(stage, handset, version);
  await expect(`central has the ack of ${name}`, next([central], hasId(traces.acked.id)));
  tell('central', 'has its ack: nothing is pending');
}

async function nothingChanged({ tell, check, metric }: Stage, count: number): Promise<void> {
  const stale = await metric('reveille_central_notify_requests_total{result="stale"}');
  const labels = `network="${demoNetwork}",outcome`;
  const triggered = await metric(`reveille_central_wakeups_total{${labels}="triggered"}`);
  const success = await metric(`reveille_central_wakeups_total{${labels}="success"}`);
  check(stale === count, `central took ${stale} of ${count} repeated versions for old ones`);
  check(triggered === count, `central asked for ${triggered} wakeups, not ${count}`);
  check(success === count, `central knows of ${success} wakeups that worked, not ${count}`);
  const wakeups = `${triggered} wakeups, ${success} of them known to have worked`;
  tell('central', `counts ${wakeups}, and ${stale} versions that were not newer`);
}
