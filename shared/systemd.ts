// What a program and the service manager that started it tell each other: readiness, reloads, the watchdog
// (sd_notify(3)) and sockets that stay open over a restart (sd_listen_fds(3)). Does nothing under any other parent.
import { writeSync } from 'node:fs';
import type { Cancel, Clock } from './clock.js';

/** Variables of the environment; `launch` sets NOTIFY_FD and JOURNAL_FD. */
export type Environment = Record<string, string | undefined>;

/** Never throws: a service manager that does not listen changes nothing about the work. */
export interface ServiceManager {
  /** The program does its job; the text is what `systemctl status` shows. Starts the watchdog's pings. */
  ready(status: string): void;
  /** A reload has begun; `ready` ends it. */
  reloading(): void;
  /** The end has begun. The pings go on, so that a program that hangs in it is killed. */
  stopping(): void;
}

/** The service manager of this process. Pings come from the event loop, so that a hang ends them. */
export function connectServiceManager(env: Environment, clock: Clock): ServiceManager {
  const fd = descriptorIn(env, 'NOTIFY_FD');
  const pingMs = watchdogMs(env) / 2;
  let cancelPing: Cancel | undefined;

  function tell(...lines: string[]): void {
    if (fd === undefined) return;
    try {
      writeSync(fd, lines.map((line) => `${line}\n`).join(''));
    } catch {
      // It is being restarted or gone; a ping that is lost is made up for by the next one.
    }
  }

  function ping(): void {
    tell('WATCHDOG=1');
    cancelPing = clock.after(pingMs, ping);
  }

  return {
    ready(status) {
      tell('READY=1', `STATUS=${oneLine(status)}`);
      if (pingMs > 0 && cancelPing === undefined) ping();
    },
    reloading() {
      // The manager orders our messages and its own by this clock.
      tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    },
    stopping: () => tell('STOPPING=1', 'STATUS=stopping'),
  };
}

/** The first descriptor that sd_listen_fds(3) hands over. */
const firstListenFd = 3;

/** The listening socket the service manager holds for this process; `undefined` where it must open its own. */
export function listenFdOf(env: Environment): number | undefined {
  const isOurs = env.LISTEN_PID === String(process.pid);
  return isOurs && Number(env.LISTEN_FDS) >= 1 ? firstListenFd : undefined;
}

/** An inherited descriptor that a variable names. */
export function descriptorIn(env: Environment, variable: string): number | undefined {
  const text = env[variable];
  return text !== undefined && /^[0-9]{1,4}$/.test(text) ? Number(text) : undefined;
}

/** How long the manager waits for a ping before it kills this process; 0 where it does not watch. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Environment): number {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return 0;
  const usec = Number(WATCHDOG_USEC);
  return Number.isFinite(usec) && usec > 0 ? usec / 1000 : 0;
}

/** A line break would begin another assignment. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ');
}
