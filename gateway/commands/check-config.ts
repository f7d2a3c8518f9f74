// check-config: every problem of a configuration and of the files it names, or `ok`. Errors refuse a start or a
// reload; warnings do not, and stand beside the ok.

import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { loadSettings } from '../settings.js';

export function checkConfig(file: string, env: NodeJS.ProcessEnv, output: Output): ExitCode {
  const loaded = loadSettings(file, env);
  if (!loaded.settings) {
    return complainAll(
      output,
      loaded.problems.map((problem) => `error: ${problem}`),
    );
  }
  for (const warning of loaded.settings.warnings) output.complain(`warning: ${warning}`);
  output.print('ok');
  return exitCodes.ok;
}
