// npm run demo: the story of one notification, told by the programs themselves.
// Exits 1 with what went wrong where it does not go as it should.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../shared/errors.js';
import { traces } from '../shared/traces.js';
import { blockPort } from './blocked-port.js';
import { type JsonLine, type Program, type Ready, startProgram, startServer } from './programs.js';
import { demoNetwork, freePorts, prepareSite } from './site.js';
import { createStory } from './story.js';

interface Handset {
  name: string;
  protocol: 'udp' | 'tcp';
  program: Program;
  endpoint: string;
}

const { values } = parseArgs({ options: { break: { type: 'string' } } });
if (values.break !== undefined && values.break !== 'gateway') {
  process.stderr.write('usage: npm run demo [-- --break gateway]\n');
  process.exit(1);
}
const isBroken = values.break === 'gateway';

const folder = mkdtempSync(join(tmpdir(), 'reveille-demo-'));
const running: { stop(): Promise<unknown> }[] = [];
const story = createStory((line) => void process.stdout.write(`${line}\n`));
const { tell, heading, expect, check } = story;
const told = new Set<JsonLine>();

// Whoever stops the demo stops what it started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const { stop } of running) void stop();
    rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  });
}

try {
  await demonstrate();
  heading(`Done in ${story.elapsedSeconds().toFixed(1)} s.`);
} catch (error) {
  heading(`FAILED: ${messageOf(error)}`);
  process.exitCode = 1;
} finally {
  for (const { stop } of running.reverse()) await stop();
  rmSync(folder, { recursive: true });
}

async function demonstrate(): Promise<void> {
  heading(`1. An operator runs a gateway for network ${demoNetwork}; a push provider runs central`);
  const site = await prepareSite(folder, freePorts);
  const gateway = await startServer('gateway', site.gatewayFile);
  running.push(gateway);
  tell('gateway', `listens on ${gateway.url}`);
  const central = await startServer('central', site.centralFile(await wayTo(gateway)));
  running.push(central);
  tell('central', `listens on ${central.url}`);
  await gatewayAnswers(central);

  heading('2. Two handsets say hello from that network and register a channel each');
  const handsets = await Promise.all([
    connect('handset A', 'udp', central),
    connect('handset B', 'tcp', central),
  ]);

  heading('3. Ten quiet seconds later central closes both sockets: the operator can wake them');
  await Promise.all(handsets.map(fallAsleep));

  heading('4. An app server PUTs a new version for each');
  for (const handset of handsets) await notify(handset, gateway, central);

  heading('5. It PUTs the same version again, which changes nothing');
  for (const { name, endpoint } of handsets) {
    tell('app server', `PUT version=7 for ${name}: HTTP ${await put(endpoint)}`);
  }
  await nothingChanged(central, handsets);
}

/** Where central reaches the gateway: through a port that is blocked, when the demo is to fail. */
async function wayTo(gateway: Ready): Promise<string> {
  if (!isBroken) return gateway.url;
  const blocked = await blockPort();
  running.push(blocked);
  tell('demo', `blocks the gateway's port on purpose: central will try ${blocked.url}`);
  return blocked.url;
}

/** A gateway refuses everything for five seconds after its start, so that nothing older can be replayed to it. */
async function gatewayAnswers(central: Ready): Promise<void> {
  if (isBroken) {
    const { error } = await expect(
      'central asks the gateway',
      central.line(hasId(traces.gatewayOffline.id)),
    );
    tell('central', `cannot reach the gateway: ${error}`);
    return;
  }
  tell('central', 'asks the gateway what it serves; a gateway refuses for 5 s after its start');
  const line = await expect('the gateway answers', central.line(hasId(traces.gatewayOnline.id)));
  tell('central', `has the gateway's signed answer: it serves ${line.networks} network`);
}

async function connect(name: string, protocol: 'udp' | 'tcp', central: Ready): Promise<Handset> {
  const url = central.url.replace(/^http/, 'ws');
  const args = ['--central', url, '--network', demoNetwork, '--protocol', protocol, '--json'];
  const program = startProgram('handset', args);
  running.push(program);
  const hello = await expect(`${name} says hello`, program.line(isEvent('hello')));
  const { pushEndpoint } = await expect(`${name} registers`, program.line(isEvent('endpoint')));
  tell(name, `hello answered ${hello.status}, uaid ${hello.uaid}`);
  tell(name, `endpoint ${pushEndpoint}`);
  const why = 'central does not reach the gateway of its network and keeps its socket open';
  check(hello.status === 201, `${name} was answered ${hello.status}, not 201: ${why}`);
  return { name, protocol, program, endpoint: String(pushEndpoint) };
}

async function fallAsleep({ name, program }: Handset): Promise<void> {
  const { code } = await expect(`${name} is closed`, program.line(isEvent('closed')));
  check(code === 4774, `${name} was closed with ${code}, not 4774`);
  tell(name, `closed with ${code}; it holds no socket, and listens`);
}

async function notify(handset: Handset, gateway: Ready, central: Ready): Promise<void> {
  const { name, protocol, program, endpoint } = handset;
  const status = await put(endpoint);
  tell('app server', `PUT version=7 for ${name}: HTTP ${status}`);
  check(status === 200, `the PUT was answered ${status}, not 200`);
  const request = await expect('the gateway takes the request', gateway.line(first(isTriggered)));
  tell(
    'gateway',
    `verified the signature of ${request.central} and triggered ${request.triggered} wakeup`,
  );
  const woken = await expect(`${name} is woken`, program.line(isEvent('woken')));
  tell(name, `woken over ${woken.protocol} from ${woken.from}`);
  const update = await expect(`${name} is notified`, program.line(isEvent('notification')));
  check(update.version === 7, `${name} got version ${update.version}, not 7`);
  check(woken.protocol === protocol, `${name} was woken over ${woken.protocol}, not ${protocol}`);
  tell(name, `reconnected and got version ${update.version}`);
  await expect(`central has the ack of ${name}`, central.line(first(hasId(traces.acked.id))));
  tell('central', 'has its ack: nothing is pending');
}

async function nothingChanged(central: Ready, handsets: Handset[]): Promise<void> {
  const stale = await metric(central, 'reveille_central_notify_requests_total{result="stale"}');
  const labels = `network="${demoNetwork}",outcome="triggered"`;
  const triggered = await metric(central, `reveille_central_wakeups_total{${labels}}`);
  const count = handsets.length;
  check(stale === count, `central took ${stale} of ${count} repeated versions for old ones`);
  check(triggered === count, `central asked for ${triggered} wakeups, not ${count}`);
  tell('central', `counts ${triggered} wakeups, and ${stale} versions that were not newer`);
}

async function put(endpoint: string): Promise<number> {
  const { status } = await fetch(endpoint, { method: 'PUT', body: 'version=7' });
  return status;
}

async function metric(central: Ready, name: string): Promise<number> {
  const text = await (await fetch(`${central.adminUrl}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

function isEvent(name: string) {
  return ({ event }: JsonLine) => event === name;
}

function hasId(id: string) {
  return (line: JsonLine) => line.id === id;
}

/** A line that fits and was not told of before. */
function first(fits: (line: JsonLine) => boolean) {
  return (line: JsonLine) => {
    if (told.has(line) || !fits(line)) return false;
    told.add(line);
    return true;
  };
}

function isTriggered(line: JsonLine): boolean {
  return line.route === '/v1/wakeups' && line.triggered !== undefined;
}
