// An app and its server as a process beside a browser: the site that the browser opens, the web-push library that sends
// to what it subscribed, and in front of central what ends TLS, for that library speaks nothing else. Its parent
// calls it by messages (push-site.ts). Reads tls.key and tls.crt from the folder that is its argument.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import webpush, { WebPushError } from 'web-push';
import {
  type Asked,
  centralPort,
  type PushSiteAnswer,
  type PushSiteCall,
  type Sending,
  sitePort,
  tlsPort,
} from './push-site.js';
import { pages } from './push-site-pages.js';

/** Values that one side brings and the other takes, whichever comes first. */
function createMeeting<T>() {
  const values: T[] = [];
  const takers: ((value: T) => void)[] = [];
  return {
    bring(value: T): void {
      const taker = takers.shift();
      if (taker) taker(value);
      else values.push(value);
    },
    take(taker: (value: T) => void): void {
      const value = values.shift();
      if (value === undefined) takers.push(taker);
      else taker(value);
    },
    /** A taker that went away takes nothing. */
    leave(taker: (value: T) => void): void {
      const at = takers.indexOf(taker);
      if (at >= 0) takers.splice(at, 1);
    },
  };
}

const orders = createMeeting<object>();
const pushes = createMeeting<{ text: string | null }>();
const done = new Map<number, (result: { value?: unknown; error?: string }) => void>();
let lastOrder = 0;

const calls: Record<string, (argument: never) => Promise<unknown>> = {
  order({ name, argument }: { name: string; argument?: unknown }) {
    lastOrder += 1;
    const id = lastOrder;
    orders.bring({ id, name, argument });
    return new Promise((resolve, reject) => {
      done.set(id, ({ value, error }) => (error ? reject(new Error(error)) : resolve(value)));
    });
  },
  nextPush: () => new Promise<string | null>((resolve) => pushes.take(({ text }) => resolve(text))),
  async send({ subscription, payload, options }: Sending) {
    try {
      const sent = await webpush.sendNotification(subscription, payload, options);
      return { status: sent.statusCode, headers: sent.headers };
    } catch (error) {
      if (!(error instanceof WebPushError)) throw error;
      return { status: error.statusCode, headers: error.headers };
    }
  },
  async ask({ url, ...request }: Asked) {
    const response = await fetch(url, request);
    return { status: response.status, body: await response.text() };
  },
};

process.on('message', async ({ id, name, argument }: PushSiteCall) => {
  const answer = await calls[name]?.(argument as never).then(
    (value): PushSiteAnswer => ({ id, value }),
    (error: unknown): PushSiteAnswer => ({ id, error: String(error) }),
  );
  process.send?.(answer);
});
process.on('disconnect', () => process.exit(0));

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  if (request.method === 'POST') {
    const said = JSON.parse(body);
    if (request.url === '/push') pushes.bring(said);
    else done.get(said.id)?.(said);
    response.end();
  } else if (request.url === '/order') {
    // Held open until there is something to do.
    const give = (order: object) => response.end(JSON.stringify(order));
    orders.take(give);
    response.on('close', () => orders.leave(give));
  } else {
    const [type, text] = pages[request.url ?? ''] ?? [];
    response.writeHead(type ? 200 : 404, { 'content-type': type ?? 'text/plain' }).end(text);
  }
}

const [folder = ''] = process.argv.slice(2);
const site = createServer((request, response) => void serve(request, response));
const front = createTlsServer(
  { key: readFileSync(join(folder, 'tls.key')), cert: readFileSync(join(folder, 'tls.crt')) },
  (socket) => {
    const central = connect(centralPort, '127.0.0.1');
    // Either side may be killed by a test.
    socket.on('error', () => central.destroy()).pipe(central);
    central.on('error', () => socket.destroy()).pipe(socket);
  },
);
site.listen(sitePort, '127.0.0.1');
front.listen(tlsPort, '127.0.0.1');
await Promise.all([once(site, 'listening'), once(front, 'listening')]);
process.send?.({ id: 0 } satisfies PushSiteAnswer);
