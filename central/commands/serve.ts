// serve: runs central until a signal ends it.
import { systemClock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import { openJournal } from '../../shared/journal.js';
import { createLog } from '../../shared/log.js';
import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { runProgram } from '../../shared/serve.js';
import { listenFdOf } from '../../shared/systemd.js';
import { createCentral } from '../central.js';
import { loadSettings } from '../settings.js';

/** Resolves to an exit code when central cannot start; to nothing while it runs. */
export async function serve(
  file: string,
  env: NodeJS.ProcessEnv,
  output: Output,
): Promise<ExitCode | undefined> {
  const load = () => loadSettings(file, env);
  const loaded = load();
  if (!loaded.settings) return complainAll(output, loaded.problems);
  const { settings } = loaded;
  const log = createLog(settings.config.log.level, openJournal(env, 'reveille-central'));
  try {
    const central = createCentral({ settings, load, log, listenFd: listenFdOf(env) });
    await runProgram(central, { env, output, clock: systemClock });
    return undefined;
  } catch (error) {
    const help = 'look at listen, admin and store';
    output.complain(`cannot start: ${messageOf(error)}; ${help}`);
    return exitCodes.failed;
  }
}
