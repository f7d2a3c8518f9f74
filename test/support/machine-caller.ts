// A central inside a throw-away machine: listens on handset addresses, asks a gateway to wake them, and prints
// the answer and what was heard as JSON. Its options are its argument, as JSON.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../shared/clock.js';
import { readPrivateKeys } from '../../shared/wakeup/keys.js';
import { createCaller, wakeup } from './gateway-caller.js';

export interface MachineCall {
  url: string;
  keyFile: string;
  caFile: string;
  /** The address the call comes from. */
  from?: string;
  wakeups: { ip: string; port: number }[];
  limitMs?: number;
}

export interface MachineAnswer {
  /** Why there was no answer. */
  error?: string;
  status?: number;
  problem?: string;
  outcomes?: string[];
  reasons?: string[];
  heard: string[];
}

const call = JSON.parse(process.argv[2] ?? '') as MachineCall;
const heard: string[] = [];

async function listenAt(ip: string, port: number): Promise<() => void> {
  const socket = createSocket('udp4');
  socket.bind(port, ip);
  await once(socket, 'listening');
  socket.on('message', (message) => heard.push(message.toString()));
  return () => socket.close();
}

async function answer(): Promise<Omit<MachineAnswer, 'heard'>> {
  const tls = { ca: readFileSync(call.caFile, 'utf8'), localAddress: call.from };
  const keys = readPrivateKeys(readFileSync(call.keyFile, 'utf8'));
  const caller = createCaller({ url: call.url, keys, clock: systemClock, tls });
  const body = JSON.stringify({ wakeups: call.wakeups.map(wakeup) });
  for (;;) {
    const { status, problem, json } = await caller.send({ body });
    if (problem === 'signature-before-start') {
      // What was signed before a start is refused for some seconds after it; central tries again, too.
      await setTimeout(250);
      continue;
    }
    const results = (json?.results ?? []) as { outcome: string; reason?: string }[];
    return {
      status,
      ...(problem !== undefined && { problem }),
      outcomes: results.map(({ outcome }) => outcome),
      reasons: results.map(({ reason }) => reason ?? ''),
    };
  }
}

async function answerInTime(): Promise<Omit<MachineAnswer, 'heard'>> {
  const late = setTimeout(call.limitMs ?? 30_000, { error: 'no answer' });
  return Promise.race([answer(), late]).catch((error: unknown) => ({ error: String(error) }));
}

const closers = await Promise.all(call.wakeups.map(({ ip, port }) => listenAt(ip, port)));
const answered = await answerInTime();
// A datagram on lo is there when its sender has been answered; one turn reads what has come.
await setTimeout(50);
for (const close of closers) close();
process.stdout.write(JSON.stringify({ ...answered, heard } satisfies MachineAnswer), () =>
  process.exit(0),
);
