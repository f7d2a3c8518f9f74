// serve: runs central until a signal ends it.
import { messageOf } from '../../shared/errors.js';
import { onSignals } from '../../shared/lifecycle.js';
import { createLog } from '../../shared/log.js';
import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { createCentral } from '../central.js';
import { loadSettings } from '../settings.js';

/** Resolves to an exit code when central cannot start; to nothing while it runs. */
export async function serve(
  file: string,
  env: NodeJS.ProcessEnv,
  output: Output,
): Promise<ExitCode | undefined> {
  const load = () => loadSettings(file, env);
  const { settings, problems } = { problems: [], ...load() };
  if (!settings) return complainAll(output, problems);
  const log = createLog(settings.config.log.level);
  try {
    const central = await createCentral({ settings, load, log });
    onSignals({ stop: central.close, reload: async () => void (await central.reload()) });
    output.print(`ready ${central.url} admin ${central.adminUrl}`);
    return undefined;
  } catch (error) {
    const help = 'look at listen, admin and store';
    output.complain(`cannot start: ${messageOf(error)}; ${help}`);
    return exitCodes.failed;
  }
}
