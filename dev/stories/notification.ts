// The story of one notification: hello, proof, sleep, a version, a wakeup, the version delivered. And of a message to
// a handset of Web Push, on the same way.
import { traces } from '../../shared/traces.js';
import { type AppServer, createAppServer } from '../app-server.js';
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
  isWoken,
  type Newcomer,
  type Stage,
} from './stage.js';

const version = 7;
const message = 'The train leaves from platform 7';

interface Servers {
  gateway: Ready;
  central: Ready;
}

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

  heading('2. Three handsets say hello from that network, and prove that a datagram reaches them');
  const appServer = createAppServer();
  const [a, b, c] = await Promise.all([
    connect(stage, { name: 'handset A', protocol: 'udp' }),
    connect(stage, { name: 'handset B', protocol: 'tcp' }),
    connect(stage, { name: 'handset C', protocol: 'udp', webPushKey: appServer.publicKey }),
  ]);
  tell('handset C', 'speaks Web Push; it has subscribed with the key of its app server');
  const handsets = [a, b];

  heading('3. Ten quiet seconds later central closes all sockets: the operator can wake them');
  await Promise.all([a, b, c].map((handset) => fallAsleep(stage, handset)));

  heading('4. An app server PUTs a new version for A and for B');
  for (const handset of handsets) await notify(stage, handset, { gateway, central });

  heading('5. It PUTs the same version again, which changes nothing');
  for (const { name, endpoint } of handsets) {
    const status = await put(endpoint, version);
    tell('app server', `PUT version=${version} for ${name}: HTTP ${status}`);
  }
  await nothingChanged(stage, handsets.length);

  heading('6. An app server of Web Push sends handset C a message that only C can read');
  await sendMessage(stage, c, { gateway, central, appServer });
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

async function connect(stage: Stage, newcomer: Newcomer): Promise<Handset> {
  const { tell, expect, check } = stage;
  const handset = await stage.connect(newcomer);
  const { name, program, status } = handset;
  const why = 'central does not reach the gateway of its network and keeps its socket open';
  check(status === 201, `${name} was answered ${status}, not 201: ${why}`);
  await expect(`${name} proves its address`, program.line(isEvent('proved')));
  tell(name, 'got a nonce by datagram and returned it on its socket');
  return handset;
}

async function notify(
  stage: Stage,
  handset: Handset,
  { gateway, central }: Servers,
): Promise<void> {
  const { tell, check, passOver, put } = stage;
  const { name, endpoint } = handset;
  // The proofs were requests, too.
  passOver(gateway);
  const status = await put(endpoint, version);
  tell('app server', `PUT version=${version} for ${name}: HTTP ${status}`);
  check(status === 200, `the PUT was answered ${status}, not 200`);
  await takesRequest(stage, gateway);
  await comesBack(stage, handset, version);
  await hasAck(stage, central, handset);
}

async function sendMessage(
  stage: Stage,
  handset: Handset,
  { gateway, central, appServer }: Servers & { appServer: AppServer },
): Promise<void> {
  const { tell, expect, check, next, passOver } = stage;
  const { name, endpoint, keys, program } = handset;
  passOver(gateway);
  const { status, location, bytes } = await appServer.send({ endpoint, keys }, message);
  tell('app server', `POST of ${bytes} encrypted bytes, signed with its key: HTTP ${status}`);
  check(status === 201, `the POST was answered ${status}, not 201`);
  await takesRequest(stage, gateway);
  await isWoken(stage, handset);
  const { line } = await expect(`${name} is notified`, next([program], isEvent('notification')));
  tell(name, `reconnected and decrypted "${line.data}"`);
  check(line.data === message, `it decrypted "${line.data}", not "${message}"`);
  await hasAck(stage, central, handset);
  const became = (await (await fetch(location)).json()) as { status: string };
  tell('app server', `GET of the message: ${became.status}`);
  check(became.status === 'acked', `the message is ${became.status}, not acked`);
}

async function takesRequest({ tell, expect, next }: Stage, gateway: Ready): Promise<void> {
  const taken = next([gateway], isTriggered);
  const { line } = await expect('the gateway takes the request', taken);
  const count = `${line.triggered} wakeup`;
  tell('gateway', `verified the signature of ${line.central} and triggered ${count}`);
}

async function hasAck({ tell, expect, next }: Stage, central: Ready, { name }: Handset) {
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
