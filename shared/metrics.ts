// The registry of a program: its own metrics beside prom-client's process metrics.
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { version } from './version.js';

// Gauges whose names end in _total: Prometheus' own linter refuses them, and their breakdowns by type remain.
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

export type Reading = readonly [labels: Record<string, string>, value: number | undefined];
type Readings = number | Iterable<Reading>;

/** Makes gauges that are read at each scrape: what is gone from a configuration is gone there too. */
export function levelsOf(registry: Registry, prefix: string) {
  return (
    name: string,
    help: string,
    read: () => Readings | Promise<Readings>,
    labelNames: string[] = [],
  ): void => {
    new Gauge({
      name: `${prefix}_${name}`,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const value = await read();
        const readings: Iterable<Reading> = typeof value === 'number' ? [[{}, value]] : value;
        this.reset();
        for (const [labels, reading] of readings) {
          if (reading !== undefined) this.set(labels, reading);
        }
      },
    });
  };
}

/** A registry with the process metrics and `<prefix>_build_info`. */
export function createRegistry(prefix: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  new Gauge({
    name: `${prefix}_build_info`,
    help: 'The version that runs; always 1',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  return registry;
}
