// The keys and certificates in force, by name and end date. It holds nothing secret: thumbprints and dates.
import type { X509Certificate } from 'node:crypto';
import { certificatesIn, notAfterMs } from '../../shared/certificates.js';
import type { Settings } from '../settings.js';

export interface CertificateFact {
  use: 'server' | 'client-ca';
  /** Common names, the own certificate first. */
  names: string[];
  /** When the first of them ends. */
  notAfterMs: number;
  /** When nobody can connect any more: the own certificate has ended, or every client CA has. */
  usableUntilMs: number;
}

export interface KeyFact {
  /** `gateway` signs our answers; the others belong to centrals. */
  role: 'gateway' | 'central';
  /** The central's id; empty for our own. */
  central: string;
  /** RFC 7638 thumbprints; two while one replaces the other. */
  keyids: string[];
  /** When the operator wants it replaced: a bare key has no end of its own. */
  renewByMs?: number;
}

export interface Credentials {
  certificates: CertificateFact[];
  keys: KeyFact[];
}

export function credentialsOf({ config, tls, signingKey, centralKeys }: Settings): Credentials {
  const own: KeyFact = { role: 'gateway', central: '', keyids: [signingKey.keyid] };
  return {
    certificates: [
      ...certificateFacts('server', tls?.cert),
      ...certificateFacts('client-ca', tls?.ca),
    ],
    keys: [
      { ...own, ...renewal(config.keyRenewBy) },
      ...config.centrals.map(({ id, keyRenewBy }) => ({
        role: 'central' as const,
        central: id,
        keyids: (centralKeys.get(id) ?? []).map(({ keyid }) => keyid),
        ...renewal(keyRenewBy),
      })),
    ],
  };
}

function renewal(date: Date | undefined): { renewByMs?: number } {
  return date ? { renewByMs: date.getTime() } : {};
}

function certificateFacts(use: CertificateFact['use'], pem = ''): CertificateFact[] {
  const certificates = readCertificates(pem);
  const [own] = certificates;
  if (!own) return [];
  const usableUntilMs =
    use === 'server'
      ? notAfterMs([own])
      : Math.max(...certificates.map((certificate) => notAfterMs([certificate])));
  const names = certificates.map(commonName);
  return [{ use, names, notAfterMs: notAfterMs(certificates), usableUntilMs }];
}

function readCertificates(pem: string): X509Certificate[] {
  try {
    return certificatesIn(pem);
  } catch {
    // TLS has taken the file. What only a page cannot read must not keep a gateway from starting.
    return [];
  }
}

function commonName({ subject, subjectAltName }: X509Certificate): string {
  return /^CN=(.+)$/m.exec(subject)?.[1] ?? subjectAltName ?? '';
}
