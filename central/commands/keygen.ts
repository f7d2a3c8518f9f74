// keygen: the pair that signs requests to gateways, and the secret behind uaids and endpoint URLs.
import { randomBytes } from 'node:crypto';
import { messageOf } from '../../shared/errors.js';
import { newKeyPair, writeNewFiles } from '../../shared/keygen.js';
import { type ExitCode, exitCodes, type Output } from '../../shared/output.js';
import { secretKeyBytes } from '../protocol/ids.js';

export function keygen(folder: string, output: Output): ExitCode {
  const secret = { name: 'secret.key', content: randomBytes(secretKeyBytes), mode: 0o600 };
  try {
    for (const path of writeNewFiles(folder, [...newKeyPair('central'), secret]))
      output.print(path);
    return exitCodes.ok;
  } catch (error) {
    output.complain(messageOf(error));
    return exitCodes.failed;
  }
}
