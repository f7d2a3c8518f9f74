// Every metric of the gateway. Labels come from closed sets: a configured network, never an address.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { createRegistry } from '../shared/metrics.js';
import type { Outcome, Protocol } from '../shared/wakeup/request.js';
import type { RefusalReason } from './policy/policy.js';

/** Sizes that are read when the metrics are. */
export interface Levels {
  replayGuard: () => number;
  results: () => number;
  connections: () => number;
  underWay: (protocol: Protocol) => number;
}

export interface Metrics {
  registry: Registry;
  wakeup(labels: { network: string; protocol: string; outcome: Outcome }): void;
  repeat(): void;
  refusal(reason: RefusalReason): void;
  deferral(reason: string): void;
  request(result: string): void;
  sent(protocol: Protocol, result: string, seconds: number): void;
  sendError(protocol: Protocol, code: string): void;
  connectionDropped(): void;
  reloaded(successful: boolean, nowMs: number): void;
  /** Connects the gauges to what they measure. */
  observe(levels: Levels): void;
}

export function createMetrics(): Metrics {
  const registry = createRegistry('reveille_gateway');
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `reveille_gateway_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, collect?: (this: Gauge) => void) =>
    new Gauge({ name: `reveille_gateway_${name}`, help, registers, ...(collect && { collect }) });

  const wakeups = counter('wakeups_total', 'Wakeups decided, by outcome', [
    'network',
    'protocol',
    'outcome',
  ]);
  const repeats = counter('repeats_total', 'Wakeups answered with the result of an earlier one');
  const refusals = counter('refusals_total', 'Wakeups refused, by the rule that refused', [
    'reason',
  ]);
  const deferrals = counter(
    'deferrals_total',
    'Wakeups put off: paced, or a limit reached (busy)',
    ['reason'],
  );
  const requests = counter('requests_total', 'Requests to the API: accepted, or why not', [
    'result',
  ]);
  const sends = counter('sends_total', 'Wakeups put on the wire, by what became of them', [
    'protocol',
    'result',
  ]);
  const sendErrors = counter('send_errors_total', 'System errors while sending, by code', [
    'protocol',
    'code',
  ]);
  const dropped = counter('connections_dropped_total', 'Connections refused at connectionsMax');
  const seconds = new Histogram({
    name: 'reveille_gateway_send_seconds',
    help: 'Time from deciding to send until the system has the bytes',
    labelNames: ['protocol'],
    buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 10],
    registers,
  });
  const reloadOk = gauge(
    'config_reload_successful',
    'Whether the last configuration was taken, 0 or 1',
  );
  const reloadTime = gauge(
    'config_reload_timestamp_seconds',
    'When a configuration was last taken',
  );

  return {
    registry,
    wakeup: (labels) => wakeups.inc(labels),
    repeat: () => repeats.inc(),
    refusal: (reason) => refusals.inc({ reason }),
    deferral: (reason) => deferrals.inc({ reason }),
    request: (result) => requests.inc({ result }),
    sent(protocol, result, time) {
      sends.inc({ protocol, result });
      seconds.observe({ protocol }, time);
    },
    sendError: (protocol, code) => sendErrors.inc({ protocol, code }),
    connectionDropped: () => dropped.inc(),
    reloaded(successful, nowMs) {
      reloadOk.set(successful ? 1 : 0);
      if (successful) reloadTime.set(nowMs / 1000);
    },
    observe(levels) {
      gauge('replay_guard_entries', 'Nonces remembered', function () {
        this.set(levels.replayGuard());
      });
      gauge('result_entries', 'Results remembered for repeated ids', function () {
        this.set(levels.results());
      });
      gauge('connections', 'Open connections of callers', function () {
        this.set(levels.connections());
      });
      new Gauge({
        name: 'reveille_gateway_sends_under_way',
        help: 'Wakeups being sent now',
        labelNames: ['protocol'],
        registers,
        collect() {
          for (const protocol of ['udp', 'tcp'] as const) {
            this.set({ protocol }, levels.underWay(protocol));
          }
        },
      });
    },
  };
}
