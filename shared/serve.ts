// A program that runs, and who steers it: signals, and the service manager where there is one.
import type { Clock } from './clock.js';
import { onSignals } from './lifecycle.js';
import type { Output } from './output.js';
import { connectServiceManager, type Environment } from './systemd.js';

/** What both servers are, once they are open. */
export interface Program {
  url: string;
  adminUrl: string;
  /** Tells whether the new configuration was taken. */
  reload(): boolean | Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Obeys signals until one ends the process, and says when the program is open. One that comes before: a reload waits
 * until then, and an end is one at once, for nothing is under way. Rejects when the program cannot be opened.
 */
export async function runProgram(
  opening: Promise<Program>,
  { env, output, clock }: { env: Environment; output: Pick<Output, 'print'>; clock: Clock },
): Promise<void> {
  const manager = connectServiceManager(env, clock);
  let program: Program | undefined;
  const servingAt = ({ url, adminUrl }: Program) => `serving ${url}, admin ${adminUrl}`;

  async function reload(opened: Program): Promise<void> {
    manager.reloading();
    const isTaken = await opened.reload();
    const serving = servingAt(opened);
    manager.ready(isTaken ? serving : `${serving}; reload failed, the log says why`);
  }

  onSignals({
    async stop() {
      manager.stopping();
      await program?.close();
    },
    // A program that cannot be opened ends, and whoever opens it says why.
    reload: () => opening.then(reload, () => {}),
  });
  program = await opening;
  output.print(`ready ${program.url} admin ${program.adminUrl}`);
  manager.ready(servingAt(program));
}
