// A site that a browser subscribes at, and its app server: a process in a namespace (push-site-program.ts), called
// from outside.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PushSubscription, RequestOptions } from 'web-push';
import type { Namespace } from './carrier-namespaces.js';

/** Ports of 127.0.0.1 in the namespace; there is nobody else in it. */
export const sitePort = 8000;
export const centralPort = 8080;
/** Where app servers reach central. */
export const tlsPort = 8443;

/** How long a browser on a busy machine may take for anything. */
const patienceMs = 90_000;

export interface Sending {
  subscription: PushSubscription;
  payload?: string | undefined;
  options: RequestOptions;
}

export interface Asked {
  url: string;
  method?: string;
  body?: string;
}

export interface PushSiteCall {
  id: number;
  name: string;
  argument?: unknown;
}

export interface PushSiteAnswer {
  id: number;
  value?: unknown;
  error?: string;
}

export interface PushSite {
  url: string;
  /** Has the open page do what its script knows by this name; resolves to what that came to. */
  order<T>(name: 'subscribe' | 'subscription' | 'unsubscribe', argument?: string): Promise<T>;
  /** The text of the next push that the worker told of; `null` for one without. */
  nextPush(): Promise<string | null>;
  /** Sends with the web-push library. */
  send(sending: Sending): Promise<{ status: number; headers: Record<string, string> }>;
  /** Any other request to central. */
  ask(asked: Asked): Promise<{ status: number; body: string }>;
}

const program = fileURLToPath(new URL('./push-site-program.js', import.meta.url));

/** Starts the process; `folder` has tls.key and tls.crt for 127.0.0.1. */
export async function startPushSite(
  t: { teardown(fn: () => unknown): unknown },
  { folder, namespace }: { folder: string; namespace: Namespace },
): Promise<PushSite> {
  const [command = '', ...args] = [...namespace.via, process.execPath, program, folder];
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    NODE_EXTRA_CA_CERTS: join(folder, 'tls.crt'),
  };
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env });
  t.teardown(() => child.kill('SIGKILL'));
  const { ready, call } = callsOf(child);
  await ready;
  return {
    url: `http://127.0.0.1:${sitePort}/`,
    order: <T>(name: string, argument?: string) => call<T>('order', { name, argument }),
    nextPush: () => call('nextPush'),
    send: (sending) => call('send', sending),
    ask: (asked) => call('ask', asked),
  };
}

function callsOf(child: ChildProcess) {
  const waiting = new Map<number, (answer: PushSiteAnswer) => void>();
  let lastId = 0;
  child.on('message', (answer: PushSiteAnswer) => waiting.get(answer.id)?.(answer));

  function answerTo<T>(id: number, name: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const take = (answer: Omit<PushSiteAnswer, 'id'>) => {
        clearTimeout(timer);
        waiting.delete(id);
        if (answer.error !== undefined) reject(new Error(`${name}: ${answer.error}`));
        else resolve(answer.value as T);
      };
      const timer = setTimeout(() => take({ error: `nothing in ${patienceMs} ms` }), patienceMs);
      waiting.set(id, take);
    });
  }

  return {
    /** The first message says that it listens. */
    ready: answerTo(0, 'start'),
    call<T>(name: string, argument?: unknown): Promise<T> {
      lastId += 1;
      const answer = answerTo<T>(lastId, name);
      child.send({ id: lastId, name, argument } satisfies PushSiteCall);
      return answer;
    },
  };
}
