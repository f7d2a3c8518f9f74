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

/** Says that a program is ready and obeys signals until one ends the process. */
export function runProgram(
  program: Program,
  { env, output, clock }: { env: Environment; output: Pick<Output, 'print'>; clock: Clock },
): void {
  const manager = connectServiceManager(env, clock);
  const { url, adminUrl } = program;
  const serving = `serving ${url}, admin ${adminUrl}`;
  onSignals({
    stop() {
      manager.stopping();
      return program.close();
    },
    async reload() {
      manager.reloading();
      const isTaken = await program.reload();
      manager.ready(isTaken ? serving : `${serving}; reload failed, the log says why`);
    },
  });
  output.print(`ready ${url} admin ${adminUrl}`);
  manager.ready(serving);
}
