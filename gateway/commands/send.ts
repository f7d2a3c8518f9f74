// send: one test wakeup from this host, through the policy, with the sender's own result.
import { systemClock } from '../../shared/clock.js';
import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { wakeupPayload } from '../../shared/wakeup/datagram.js';
import type { Protocol } from '../../shared/wakeup/request.js';
import type { GatewayConfig } from '../config.js';
import type { Target } from '../policy/policy.js';
import { createRules } from '../rules.js';
import type { Sender, SendResult } from '../senders/sender.js';
import { createTcpSender } from '../senders/tcp.js';
import { createUdpSender } from '../senders/udp.js';
import { loadSettings } from '../settings.js';
import { portOf } from './explain.js';
import { whyPaused } from './paused.js';

export interface SendOptions {
  config: string;
  network?: string;
  ip: string;
  port: string;
  protocol: string;
}

export async function sendOne(
  options: SendOptions,
  env: NodeJS.ProcessEnv,
  output: Output,
): Promise<ExitCode> {
  const loaded = loadSettings(options.config, env);
  if (!loaded.settings) return complainAll(output, loaded.problems);
  const { config } = loaded.settings;
  const { policy, isDryRun } = createRules(loaded.settings, 'https');
  const network =
    options.network ?? policy.networkHolding(options.ip) ?? config.networks[0]?.key ?? '';
  const claim = { ...options, network, port: portOf(options.port), urgency: undefined };
  const verdict = policy.decide(claim, undefined);
  if (!verdict.target) {
    output.print(`refused: ${verdict.refused} (${verdict.rule})`);
    return exitCodes.refused;
  }
  if (isDryRun(verdict.target.network)) {
    output.print('refused: dry-run (dryRun is on; set it to false to send)');
    return exitCodes.refused;
  }
  const paused = await whyPaused(loaded.settings, verdict.target.network);
  if (paused !== undefined) {
    output.print(`refused: paused (${paused})`);
    return exitCodes.refused;
  }
  return report(await sendTo(verdict.target, config), verdict.target, output);
}

async function sendTo(target: Target, config: GatewayConfig): Promise<SendResult> {
  const senders: Record<Protocol, () => Sender> = {
    udp: () => createUdpSender({ clock: systemClock, ...config }),
    tcp: () => createTcpSender({ clock: systemClock, ...config }),
  };
  const sender = senders[target.protocol]();
  const attempt = sender.begin(target, wakeupPayload(target.address.text, target.port));
  const result = attempt === 'busy' ? { result: 'timeout' as const } : await attempt.done;
  await sender.close(0);
  return result;
}

function report(result: SendResult, target: Target, output: Output): ExitCode {
  if (result.result === 'sent') {
    output.print(`sent: ${target.protocol} wakeup in network ${target.network}`);
    return exitCodes.ok;
  }
  const why =
    result.result === 'failed'
      ? `${result.code}; see that this host has a route and may send`
      : 'no connection within tcpDeadlineMs; see that the handset listens';
  output.complain(`failed: ${why}`);
  return exitCodes.failed;
}
