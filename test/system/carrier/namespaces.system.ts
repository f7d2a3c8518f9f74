// The ground the carrier stands on: whatever ends a run, the next one finds the machine as it was.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import {
  createNamespace,
  namespaceNames,
  removeAbandonedNamespaces,
  removeOwnNamespaces,
} from '../../support/carrier-namespaces.js';

const module = new URL('../../support/carrier-namespaces.js', import.meta.url);
/** A run that makes a namespace, has a process in it say its name, and goes on until it is killed. */
const otherRun = `
  import { spawn } from 'node:child_process';
  import { createNamespace } from '${module}';
  const { name, via } = createNamespace('other');
  const [command, ...args] = [...via, 'sh', '-c', 'echo ' + name + '; exec sleep 600'];
  spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
`;

t.test('what a killed run has left is removed, and what another has stays', async (t) => {
  t.teardown(removeOwnNamespaces);
  const own = createNamespace('own');
  const run = spawn(process.execPath, ['--input-type=module', '-e', otherRun]);
  // The pipe is closed by the last that holds it: the process in the namespace.
  const closed = once(run, 'close');
  const [line] = await once(run.stdout, 'data');
  const name = String(line).trim();
  removeAbandonedNamespaces();
  t.ok(namespaceNames().includes(name), 'a run that goes on keeps its namespace');

  run.kill('SIGKILL');
  await once(run, 'exit');
  removeAbandonedNamespaces();
  t.notOk(namespaceNames().includes(name), 'one that was killed does not');
  await closed;
  t.ok(namespaceNames().includes(own.name));

  removeOwnNamespaces();
  t.notOk(namespaceNames().includes(own.name));
});
