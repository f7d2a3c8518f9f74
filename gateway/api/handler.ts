// What a route of the API is: it gets a request whose sender is known, and one snapshot of the rules.
import type { Answer } from '../../shared/http.js';
import type { LogFields } from '../../shared/log.js';
import type { Rules } from '../rules.js';
import type { Central } from '../trust/keyring.js';
import type { ProblemType } from './problems.js';

export interface Call {
  central: Central;
  rules: Rules;
  body: Uint8Array;
}

export type Handled =
  | { answer: Answer; logged?: LogFields }
  | { problem: ProblemType; detail?: string };

export type Handler = (call: Call) => Promise<Handled>;
