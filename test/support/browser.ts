// Chromium without a window, driven over two pipes by its own protocol (DevTools): no port, no library.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

interface Teardown {
  teardown(fn: () => unknown): unknown;
}

type Params = Record<string, unknown>;
type Listener = (params: Params) => void;

export interface PageOptions {
  width: number;
  height: number;
  scheme?: 'light' | 'dark';
  /** A telephone: touch, and the viewport its meta element asks for. */
  isMobile?: boolean;
  isScriptOff?: boolean;
}

export interface Page {
  /** Loads a URL; resolves when it and all it needs is there. */
  open(url: string): Promise<void>;
  /** The value of an expression in the page. */
  value<T>(expression: string): Promise<T>;
  /** Resolves once an expression is true in the page. */
  until(expression: string): Promise<void>;
  /** The page as PNG; as tall as it is, or as the window is. */
  screenshot(extent: 'window' | 'whole'): Promise<Buffer>;
  /** What the page and the browser complained of: errors, warnings, violations of a policy. */
  complaints: string[];
  /** Every URL that was asked for, whatever became of it. */
  requests: string[];
  /** Those of them that the page's policy kept from being sent. */
  refused: string[];
  close(): Promise<void>;
}

export interface Browser {
  page(options: PageOptions): Promise<Page>;
}

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--hide-scrollbars',
  // Whatever a page asks for by name is not looked up.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  '--remote-debugging-pipe',
];

/** Starts a browser with an empty profile; it ends with the test. */
export async function openBrowser(t: Teardown): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'reveille-chromium-'));
  // Its own group, so that its helpers end with it.
  const child = spawn('chromium', [...flags, `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const gone = once(child, 'exit');
  t.teardown(async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await gone;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const connection = connect(child);
  return { page: (options) => openPage(connection, options) };
}

interface Connection {
  send(method: string, params?: Params, sessionId?: string): Promise<Params>;
  on(sessionId: string, method: string, listener: Listener): void;
}

interface Message {
  id?: number;
  method?: string;
  params?: Params;
  result?: Params;
  error?: { message: string };
  sessionId?: string;
}

/** Messages are JSON, each ended by a zero byte; 3 is the browser's input, 4 its output. */
function connect(child: ChildProcess): Connection {
  const input = child.stdio[3] as Writable;
  const output = child.stdio[4] as Readable;
  const waiting = new Map<
    number,
    { resolve: (result: Params) => void; reject: (e: Error) => void }
  >();
  const listeners = new Map<string, Listener[]>();
  let rest = '';
  let lastId = 0;

  function take({ id, method, params = {}, result = {}, error, sessionId }: Message): void {
    if (id === undefined) {
      for (const listener of listeners.get(`${sessionId} ${method}`) ?? []) listener(params);
      return;
    }
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (error) waiter?.reject(new Error(error.message));
    else waiter?.resolve(result);
  }

  output.setEncoding('utf8');
  output.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\0');
    rest = parts.pop() ?? '';
    for (const part of parts) take(JSON.parse(part) as Message);
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser ended'));
  });

  return {
    send(method, params = {}, sessionId) {
      lastId += 1;
      const id = lastId;
      const message = { id, method, params, ...(sessionId && { sessionId }) };
      input.write(`${JSON.stringify(message)}\0`);
      return new Promise((resolve, reject) => void waiting.set(id, { resolve, reject }));
    },
    on(sessionId, method, listener) {
      const key = `${sessionId} ${method}`;
      listeners.set(key, [...(listeners.get(key) ?? []), listener]);
    },
  };
}

async function openPage(connection: Connection, options: PageOptions): Promise<Page> {
  const { width, height, scheme = 'light', isMobile = false, isScriptOff = false } = options;
  const { targetId } = await connection.send('Target.createTarget', { url: 'about:blank' });
  const attached = await connection.send('Target.attachToTarget', { targetId, flatten: true });
  const sessionId = String(attached.sessionId);
  const send = (method: string, params?: Params) => connection.send(method, params, sessionId);
  const on = (method: string, listener: Listener) => connection.on(sessionId, method, listener);

  const complaints: string[] = [];
  const requests: string[] = [];
  const refused: string[] = [];
  const urls = new Map<unknown, string>();
  on(
    'Runtime.consoleAPICalled',
    ({ type, args }) => void complaints.push(`${type} ${JSON.stringify(args)}`),
  );
  on('Runtime.exceptionThrown', (thrown) => void complaints.push(JSON.stringify(thrown)));
  on('Log.entryAdded', ({ entry }) => void complaints.push(JSON.stringify(entry)));
  on('Network.requestWillBeSent', ({ request, requestId }) => {
    const url = String((request as Params).url);
    urls.set(requestId, url);
    requests.push(url);
  });
  on('Network.loadingFailed', ({ blockedReason, requestId }) => {
    if (blockedReason === 'csp') refused.push(urls.get(requestId) ?? '');
  });

  await Promise.all(
    ['Page', 'Runtime', 'Log', 'Network'].map((domain) => send(`${domain}.enable`)),
  );
  await send('Emulation.setDeviceMetricsOverride', {
    width,
    height,
    deviceScaleFactor: 1,
    mobile: isMobile,
  });
  const features = [{ name: 'prefers-color-scheme', value: scheme }];
  await send('Emulation.setEmulatedMedia', { features });
  await send('Emulation.setScriptExecutionDisabled', { value: isScriptOff });

  async function value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: T }).value;
  }

  return {
    complaints,
    requests,
    refused,
    value,
    async open(url) {
      const loaded = new Promise<void>((resolve) => on('Page.loadEventFired', () => resolve()));
      await send('Page.navigate', { url });
      await loaded;
    },
    async until(expression) {
      // While a page is being replaced by the next one, much of it is missing.
      const isTrue = `(() => { try { return ${expression} } catch { return false } })()`;
      while (!(await value<boolean>(isTrue)))
        await new Promise((resolve) => setTimeout(resolve, 50));
    },
    async screenshot(extent) {
      const size = await send('Page.getLayoutMetrics');
      const { height: whole } = size.cssContentSize as { height: number };
      const tall = extent === 'whole' ? Math.ceil(whole) : height;
      const clip = { x: 0, y: 0, width, height: tall, scale: 1 };
      const { data } = await send('Page.captureScreenshot', { clip, captureBeyondViewport: true });
      return Buffer.from(String(data), 'base64');
    },
    async close() {
      await connection.send('Target.closeTarget', { targetId });
    },
  };
}
