// A Prometheus of its own for one test: Debian's program, a folder that goes with the test, a port of loopback.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Teardown {
  teardown(fn: () => unknown): unknown;
}

export interface Prometheus {
  /** The values of an expression now, by their labels. */
  query(expr: string): Promise<{ metric: Record<string, string>; value: number }[]>;
  /** Resolves when a query's result passes the test. */
  until(expr: string, test: (values: readonly number[]) => boolean): Promise<void>;
  /** Resolves when an alert fires. */
  fires(
    alert: string,
  ): Promise<{ labels: Record<string, string>; annotations: Record<string, string> }>;
}

/** Scrapes and evaluates every second. `rules` is the content of a rule file. */
export async function startPrometheus(
  t: Teardown,
  options: { targets: Record<string, string[]>; rules: string },
): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'reveille-prometheus-'));
  const port = await freePort();
  writeFileSync(join(folder, 'rules.yml'), options.rules);
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(configOf(options.targets)));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await isReady(url, () => child.exitCode);
  return clientOf(url);
}

function configOf(targets: Record<string, string[]>) {
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: Object.entries(targets).map(([job_name, addresses]) => ({
      job_name,
      static_configs: [{ targets: addresses }],
    })),
  };
}

/** A port that was free a moment ago: Prometheus does not tell which one it got for port 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

async function isReady(url: string, exitCode: () => number | null): Promise<void> {
  for (;;) {
    if (exitCode() !== null) throw new Error(`prometheus ended with ${exitCode()}`);
    const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await pause();
  }
}

function clientOf(url: string): Prometheus {
  async function ask<T>(path: string): Promise<T> {
    const { data } = (await (await fetch(`${url}/api/v1/${path}`)).json()) as { data: T };
    return data;
  }
  const query: Prometheus['query'] = async (expr) => {
    const { result } = await ask<{
      result: { metric: Record<string, string>; value: [number, string] }[];
    }>(`query?query=${encodeURIComponent(expr)}`);
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  };
  return {
    query,
    async until(expr, test) {
      while (!test((await query(expr)).map(({ value }) => value))) await pause();
    },
    async fires(alert) {
      for (;;) {
        const { alerts } = await ask<{
          alerts: {
            state: string;
            labels: Record<string, string>;
            annotations: Record<string, string>;
          }[];
        }>('alerts');
        const found = alerts.find(
          ({ state, labels }) => state === 'firing' && labels.alertname === alert,
        );
        if (found) return found;
        await pause();
      }
    },
  };
}

/** It tells nobody when it has scraped, so that it is asked again and again. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

/** Runs promtool and returns its exit code and all it said. */
export function promtool(
  args: readonly string[],
  input = '',
): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { code: status, said: `${stdout}${stderr}` };
}
