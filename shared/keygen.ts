// New keys in new files: what both `keygen` commands write. Nothing that exists is ever overwritten.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from './errors.js';

export interface NewFile {
  name: string;
  content: string | Uint8Array;
  /** Permissions, such as 0o600 for what only its owner may read. */
  mode: number;
}

/** A new Ed25519 pair: `<name>.key.pem` (PKCS#8, for its owner alone) and `<name>.pub.pem` (SPKI). */
export function newKeyPair(name: string): NewFile[] {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return [
    {
      name: `${name}.key.pem`,
      content: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      mode: 0o600,
    },
    {
      name: `${name}.pub.pem`,
      content: publicKey.export({ type: 'spki', format: 'pem' }),
      mode: 0o644,
    },
  ];
}

/**
 * Writes files into a folder, which is made when it is not there, and returns their paths.
 * Throws `file-exists` before anything is written when one of them is already there.
 */
export function writeNewFiles(folder: string, files: readonly NewFile[]): string[] {
  const paths = files.map(({ name }) => join(folder, name));
  for (const path of paths) {
    if (existsSync(path)) {
      throw new CodedError('file-exists', `${path} exists; move it away or choose another folder`);
    }
  }
  mkdirSync(folder, { recursive: true });
  files.forEach(({ content, mode }, i) => {
    // `wx` refuses a file that another process made since the check above.
    writeFileSync(paths[i] ?? '', content, { mode, flag: 'wx' });
  });
  return paths;
}

/** Writes a new Ed25519 pair into a folder and returns the two paths. Throws `file-exists`. */
export function writeKeyPair(folder: string, name: string): string[] {
  return writeNewFiles(folder, newKeyPair(name));
}
