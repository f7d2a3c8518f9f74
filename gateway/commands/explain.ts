// explain: whether the policy would let a wakeup through, and which rule decides. Sends nothing.

import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { createRules } from '../rules.js';
import { loadSettings } from '../settings.js';

export interface ExplainOptions {
  config: string;
  central: string;
  network: string;
  ip: string;
  port: string;
  protocol: string;
}

export function explain(options: ExplainOptions, env: NodeJS.ProcessEnv, output: Output): ExitCode {
  const loaded = loadSettings(options.config, env);
  if (!loaded.settings) return complainAll(output, loaded.problems);
  const { settings } = loaded;
  const central = settings.config.centrals.find(({ id }) => id === options.central);
  if (!central) {
    const ids = settings.config.centrals.map(({ id }) => id).join(', ');
    output.complain(`central ${options.central}: not in the configuration; there is ${ids}`);
    return exitCodes.failed;
  }
  const { policy, isDryRun } = createRules(settings, 'https');
  const scope = central.networks && new Set(central.networks);
  const verdict = policy.decide(
    { ...options, port: portOf(options.port), urgency: undefined },
    scope,
  );
  if (verdict.refused) {
    output.print(`refused: ${verdict.refused} (${verdict.rule})`);
    return exitCodes.refused;
  }
  output.print(`allowed: ${verdict.rule}`);
  if (isDryRun(verdict.target.network))
    output.complain('warning: dryRun is on, so that nothing would be sent');
  return exitCodes.ok;
}

/** A port as the API takes it: a number where the text is one, otherwise what the policy refuses. */
export function portOf(text: string): number | string {
  return /^[0-9]{1,6}$/.test(text) ? Number(text) : text;
}
