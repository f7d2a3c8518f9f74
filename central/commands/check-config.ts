// check-config: every problem of a configuration and of the files it names, or `ok`.
import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { loadSettings } from '../settings.js';

export function checkConfig(file: string, env: NodeJS.ProcessEnv, output: Output): ExitCode {
  const loaded = loadSettings(file, env);
  if (!loaded.settings) return complainAll(output, loaded.problems);
  output.print('ok');
  return exitCodes.ok;
}
