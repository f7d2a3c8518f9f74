// What every story of the demo plays with: a site in a temporary folder, the three programs as processes, an app
// server's PUTs, and the end of it all.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { traces } from '../../shared/traces.js';
import { type JsonLine, type Program, type Ready, startProgram, startServer } from '../programs.js';
import { demoNetwork } from '../site.js';
import { createStory, type Story } from './story.js';

export interface Handset {
  name: string;
  protocol: 'udp' | 'tcp';
  program: Program;
  uaid: string;
  channelID: string;
  endpoint: string;
  /** Where it speaks Web Push: what app servers encrypt with. */
  keys: { p256dh: string; auth: string };
  /** What hello was answered. */
  status: number;
}

export interface Newcomer {
  name: string;
  protocol: 'udp' | 'tcp';
  as?: Handset;
  /** Speaks Web Push, and subscribes with this key of its app server. */
  webPushKey?: string;
}

export interface Stage extends Story {
  folder: string;
  serve(name: 'central' | 'gateway', file: string): Promise<Ready>;
  /** Ends a program without a chance to say goodbye. */
  kill(program: Program): Promise<void>;
  /** Starts a handset, as itself anew where it was there before, and waits until it has its endpoint. */
  connect(handset: Newcomer): Promise<Handset>;
  /** Stops it with the stage. */
  keep(thing: { stop(): Promise<unknown> }): void;
  put(endpoint: string, version: number): Promise<number>;
  /** A counter of central's metrics for the network of the demo. */
  metric(name: string): Promise<number>;
  /** Resolves to the next line of one of these programs that fits, and tells whose it is. Each line comes once. */
  next(programs: readonly Program[], fits: (line: JsonLine) => boolean): Promise<NextLine>;
  /** What a program said so far is told. */
  passOver(program: Program): void;
  close(): Promise<void>;
}

export interface NextLine {
  line: JsonLine;
  program: Program;
}

export function createStage(write: (line: string) => void): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'reveille-demo-'));
  const running: { stop(): Promise<unknown> }[] = [];
  const story = createStory(write);
  const { tell, expect } = story;
  const told = new Set<JsonLine>();
  let central: Ready | undefined;

  async function serve(name: 'central' | 'gateway', file: string): Promise<Ready> {
    const ready = await startServer(name, file);
    running.push(ready);
    if (name === 'central') central = ready;
    pinPorts(file, ready);
    return ready;
  }

  async function connect(wanted: Newcomer): Promise<Handset> {
    const { name, protocol, as: before, webPushKey: key } = wanted;
    const url = (central?.url ?? '').replace(/^http/, 'ws');
    const args = ['--central', url, '--network', demoNetwork, '--protocol', protocol, '--json'];
    const known = before ? ['--uaid', before.uaid, '--channel', before.channelID] : [];
    const dialect = key === undefined ? [] : ['--dialect', 'webpush', '--key', key];
    const program = startProgram('handset', [...args, ...known, ...dialect]);
    running.push(program);
    const hello = await expect(`${name} says hello`, program.line(isEvent('hello')));
    const registered = await expect(`${name} registers`, program.line(isEvent('endpoint')));
    const { pushEndpoint: endpoint, channelID, p256dh, auth } = registered;
    tell(name, `hello answered ${hello.status}, uaid ${hello.uaid}`);
    if (!before) tell(name, `endpoint ${endpoint}`);
    return {
      ...{ name, protocol, program, uaid: String(hello.uaid), status: Number(hello.status) },
      ...{ channelID: String(channelID), endpoint: String(endpoint) },
      keys: { p256dh: String(p256dh), auth: String(auth) },
    };
  }

  async function close(): Promise<void> {
    for (const { stop } of running.reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }

  // Whoever stops the demo stops what it started.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const { stop } of running) void stop();
      rmSync(folder, { recursive: true, force: true });
      process.exit(1);
    });
  }

  return {
    ...story,
    ...{ folder, serve, connect, close },
    keep: (thing) => void running.push(thing),
    async kill(program) {
      await program.stop('SIGKILL');
    },
    async put(endpoint, version) {
      const { status } = await fetch(endpoint, { method: 'PUT', body: `version=${version}` });
      return status;
    },
    async metric(name) {
      const text = await (await fetch(`${central?.adminUrl}/metrics`)).text();
      const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
      return Number(line?.slice(name.length));
    },
    async next(programs, fits) {
      const lines = programs.map(async (program) => {
        const line = await program.line((said) => !told.has(said) && fits(said));
        return { line, program };
      });
      // A program that ends meanwhile was not the one.
      for (const line of lines) line.catch(() => {});
      const next = await Promise.race(lines);
      told.add(next.line);
      return next;
    },
    passOver(program) {
      for (const line of program.lines()) told.add(line);
    },
  };
}

/** The ports that the system chose become those of the file: for its commands, and for its next start. */
function pinPorts(file: string, { url, adminUrl }: Ready): void {
  const pinned = readFileSync(file, 'utf8')
    .replace(/^listen: .*$/m, `listen: ${new URL(url).host}`)
    .replace(/^admin: .*$/m, `admin: ${new URL(adminUrl).host}`);
  writeFileSync(file, pinned);
}

export function isEvent(name: string) {
  return ({ event }: JsonLine) => event === name;
}

export function hasId(id: string) {
  return (line: JsonLine) => line.id === id;
}

/** A gateway's line about a request whose wakeups left. */
export function isTriggered(line: JsonLine): boolean {
  return line.route === '/v1/wakeups' && line.triggered !== undefined;
}

/** A gateway refuses everything for five seconds after its start, so that nothing older can be replayed to it. */
export async function gatewayAnswers({ tell, expect, next }: Stage, central: Ready): Promise<void> {
  tell('central', 'asks the gateway what it serves; a gateway refuses for 5 s after its start');
  const online = next([central], hasId(traces.gatewayOnline.id));
  const { line } = await expect('the gateway answers', online);
  tell('central', `has the gateway's signed answer: it serves ${line.networks} network`);
}

export async function fallAsleep({ tell, expect, check, next }: Stage, handset: Handset) {
  const { name, program } = handset;
  const { line } = await expect(`${name} is closed`, next([program], isEvent('closed')));
  const { code } = line;
  check(code === 4774, `${name} was closed with ${code}, not 4774`);
  tell(name, `closed with ${code}; it holds no socket, and listens`);
}

/** The handset is woken and finds this version. */
export async function comesBack(stage: Stage, handset: Handset, version: number): Promise<void> {
  const { tell, expect, next } = stage;
  const { name, program } = handset;
  await isWoken(stage, handset);
  const isIt = (line: JsonLine) => line.event === 'notification' && line.version === version;
  await expect(`${name} is notified`, next([program], isIt));
  tell(name, `reconnected and got version ${version}`);
}

export async function isWoken(stage: Stage, handset: Handset): Promise<void> {
  const { tell, expect, check, next } = stage;
  const { name, program, protocol } = handset;
  const { line: woken } = await expect(`${name} is woken`, next([program], isEvent('woken')));
  tell(name, `woken over ${woken.protocol} from ${woken.from}`);
  check(woken.protocol === protocol, `${name} was woken over ${woken.protocol}, not ${protocol}`);
}
