// Reads the key and certificate files that the configuration names. What is wrong with one is said in words
// that an operator can act on, and never shows what the file holds.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { CodedError, messageOf } from '../shared/errors.js';
import { type NamedKey, readPrivateKeys, readPublicKeys } from '../shared/wakeup/keys.js';

export interface TlsFiles {
  keyFile: string;
  certFile: string;
  clientCaFile?: string | undefined;
}

export interface TlsMaterial {
  key: string;
  cert: string;
  /** The certificates that a client's own must be signed by. */
  ca?: string;
}

/** The key that signs answers: the first one of the file. */
export function readSigningKey(file: string): NamedKey {
  const [first] = readPem(file, readPrivateKeys);
  if (!first) throw new CodedError('bad-key', `${file}: holds no key; make one with keygen`);
  return first;
}

/** The public keys of one central: two while it changes from one to the other. */
export function readCentralKeys(file: string): NamedKey[] {
  return readPem(file, readPublicKeys);
}

/** The listener's key and certificate, proved to belong together. */
export function readTls({ keyFile, certFile, clientCaFile }: TlsFiles): TlsMaterial {
  const material: TlsMaterial = { key: readText(keyFile), cert: readText(certFile) };
  if (clientCaFile !== undefined) material.ca = readText(clientCaFile);
  try {
    createSecureContext({ ...material });
  } catch (cause) {
    const files = [keyFile, certFile, clientCaFile].filter(Boolean).join(', ');
    const message = `${files}: not a PEM key with its certificate (${messageOf(cause)})`;
    throw new CodedError('bad-tls', message, { cause });
  }
  return material;
}

/** What reading throws, as a sentence; `undefined` when it succeeds. */
export function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function readPem(file: string, read: (pem: string) => NamedKey[]): NamedKey[] {
  const pem = readText(file);
  try {
    return read(pem);
  } catch (cause) {
    throw new CodedError('bad-key', `${file}: ${messageOf(cause)}`, { cause });
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? messageOf(cause);
    const message = `${file}: cannot be read (${why}); put it there or correct the path`;
    throw new CodedError('unreadable', message, { cause });
  }
}
