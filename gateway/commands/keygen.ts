// keygen: the key pair that signs answers, and the name central knows it by.
import { messageOf } from '../../shared/errors.js';
import { writeKeyPair } from '../../shared/keygen.js';
import { type ExitCode, exitCodes, type Output } from '../../shared/output.js';

export function keygen(folder: string, output: Output): ExitCode {
  try {
    for (const path of writeKeyPair(folder, 'gateway')) output.print(path);
    return exitCodes.ok;
  } catch (error) {
    output.complain(messageOf(error));
    return exitCodes.failed;
  }
}
