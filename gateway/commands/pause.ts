// pause and resume: the operator's kill switch, thrown in the running gateway through its admin listener.
import { loadConfig } from '../../shared/config.js';
import { messageOf } from '../../shared/errors.js';
import { urlHere } from '../../shared/http.js';
import { complainAll, type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { adminSchema, envPrefix } from '../config.js';
import type { PauseAction, PauseAnswer, PauseRequest } from '../pause-routes.js';

export interface PauseOptions {
  config: string;
  /** Such as 214-07; by default everything. */
  network?: string;
}

const timeoutMs = 10_000;

export async function throwSwitch(
  action: PauseAction,
  { config: file, network }: PauseOptions,
  { env, output }: { env: NodeJS.ProcessEnv; output: Output },
): Promise<ExitCode> {
  // Of the file only this key is read: the switch must work while an editor is open on the rest.
  const name = `${envPrefix}ADMIN`;
  const loaded = loadConfig({
    schemaFor: adminSchema,
    file,
    envPrefix,
    env: { [name]: env[name] },
  });
  if (!loaded.config) return complainAll(output, loaded.problems);
  const url = `${urlHere(loaded.config.admin)}/${action}`;
  const request: PauseRequest = network === undefined ? {} : { network };
  try {
    const response = await post(url, request);
    const answer: unknown = await response.json();
    if (response.ok) return report(action, network, { answer: answer as PauseAnswer, output });
    const { detail = `it answered ${response.status}` } = answer as { detail?: string };
    output.complain(`cannot ${action} ${network ?? 'everything'}: ${detail}`);
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    output.complain(
      `${url}: no answer (${messageOf(cause)}); does the gateway run with this file?`,
    );
  }
  return exitCodes.failed;
}

function post(url: string, request: PauseRequest): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(timeoutMs),
  });
}

function report(
  action: PauseAction,
  network: string | undefined,
  { answer, output }: { answer: PauseAnswer; output: Output },
): ExitCode {
  output.print(`${action}d: ${network ?? 'everything'}`);
  if (action === 'resume' && network !== undefined && answer.all !== null) {
    output.complain(
      `warning: everything is paused since ${answer.all}; run resume without --network`,
    );
  }
  if (answer.problem === undefined) return exitCodes.ok;
  output.complain(`warning: a restart will not remember this: ${answer.problem}`);
  return exitCodes.failed;
}
