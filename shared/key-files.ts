// Reads the key and certificate files that a configuration names. What is wrong with one is said in words that
// an operator can act on, and never shows what the file holds.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { certificatesIn } from './certificates.js';
import { CodedError, messageOf } from './errors.js';
import { type NamedKey, readPrivateKeys, readPublicKeys } from './wakeup/keys.js';

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

/** The Ed25519 private keys of a file, the current one first. Throws `unreadable` or `bad-key`, naming the file. */
export function readPrivateKeyFile(file: string): [NamedKey, ...NamedKey[]] {
  const [first, ...others] = readPem(file, readPrivateKeys);
  if (!first) throw new CodedError('bad-key', `${file}: holds no key; make one with keygen`);
  return [first, ...others];
}

/** The Ed25519 public keys of a file: two while a peer changes from one to the other. */
export function readPublicKeyFile(file: string): NamedKey[] {
  return readPem(file, readPublicKeys);
}

/** A key and its certificate, proved to belong together. Throws `unreadable` or `bad-tls`. */
export function readTlsFiles({ keyFile, certFile, clientCaFile }: TlsFiles): TlsMaterial {
  const material: TlsMaterial = { key: readTextFile(keyFile), cert: readTextFile(certFile) };
  if (clientCaFile !== undefined) material.ca = readCertificateFile(clientCaFile);
  try {
    createSecureContext({ ...material });
  } catch (cause) {
    const files = [keyFile, certFile, clientCaFile].filter(Boolean).join(', ');
    const message = `${files}: not a PEM key with its certificate (${messageOf(cause)})`;
    throw new CodedError('bad-tls', message, { cause });
  }
  return material;
}

/** Certificates in PEM. Of a file that holds none TLS would trust every public authority, or nobody. Throws `bad-tls`. */
export function readCertificateFile(file: string): string {
  const pem = readTextFile(file);
  const problem = problemOf(() => {
    if (certificatesIn(pem).length === 0) throw new CodedError('bad-tls', 'there is none');
  });
  if (problem === undefined) return pem;
  throw new CodedError('bad-tls', `${file}: holds no certificate in PEM (${problem})`);
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

/** A file's bytes. Throws `unreadable`, naming the file and what to do. */
export function readBytesFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? messageOf(cause);
    const message = `${file}: cannot be read (${why}); put it there or correct the path`;
    throw new CodedError('unreadable', message, { cause });
  }
}

export function readTextFile(file: string): string {
  return readBytesFile(file).toString('utf8');
}

function readPem(file: string, read: (pem: string) => NamedKey[]): NamedKey[] {
  const pem = readTextFile(file);
  try {
    return read(pem);
  } catch (cause) {
    throw new CodedError('bad-key', `${file}: ${messageOf(cause)}`, { cause });
  }
}
