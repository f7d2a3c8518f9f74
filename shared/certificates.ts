// What is to be said of a listener's certificates: when they end, and whether they name its host.
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

const blockPattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const dayMs = 86_400_000;
/** Long enough to renew a certificate by hand. */
const renewalDays = 30;

/** The certificates of a PEM file, the own one first. */
export function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(blockPattern) ?? []).map((block) => new X509Certificate(block));
}

/** When the first certificate of a chain ends, in Unix milliseconds. */
export function notAfterMs(chain: readonly X509Certificate[]): number {
  return Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));
}

/**
 * Callers refuse an own certificate that has ended, so that a start with it would only look like one. The others of
 * a chain may be ones that nobody needs.
 */
export function expiryProblem(pem: string, nowMs: number): string | undefined {
  const endMs = notAfterMs(certificatesIn(pem).slice(0, 1));
  return endMs <= nowMs
    ? `certFile ended on ${dateOf(endMs)}; put a new certificate there`
    : undefined;
}

export function certificateWarnings(
  pem: string,
  { nowMs, authorities }: { nowMs: number; authorities: readonly string[] },
): string[] {
  const chain = certificatesIn(pem);
  const [own, ...others] = chain;
  if (!own) return [];
  const warnings: string[] = [];
  const beginMs = Date.parse(own.validFrom);
  if (beginMs > nowMs) {
    warnings.push(`is not valid before ${dateOf(beginMs)}; compare the clock of this host`);
  }
  warnings.push(...endWarnings([own], nowMs));
  warnings.push(...endWarnings(others, nowMs).map((end) => `a further certificate in it ${end}`));
  const unnamed = authorities.filter((authority) => !isNamed(own, authority));
  if (unnamed.length > 0) {
    const names = own.subjectAltName ?? 'nothing';
    warnings.push(`names ${names} but not ${unnamed.join(', ')} of authorities; callers refuse it`);
  }
  return warnings.map((warning) => `tls.certFile: ${warning}`);
}

/** What is to be said of the one that ends first. */
function endWarnings(certificates: readonly X509Certificate[], nowMs: number): string[] {
  const endMs = notAfterMs(certificates);
  if (endMs <= nowMs) return [`ended on ${dateOf(endMs)}; renew it`];
  const days = Math.floor((endMs - nowMs) / dayMs);
  return days < renewalDays ? [`ends on ${dateOf(endMs)}, in ${days} days; renew it`] : [];
}

/** Whether a certificate is for `host` or `host:port`. */
function isNamed(certificate: X509Certificate, authority: string): boolean {
  const host = authority.replace(/:[0-9]+$/, '').replace(/^\[|\]$/g, '');
  // A name in the subject alone is none (RFC 9525).
  const name =
    isIP(host) > 0 ? certificate.checkIP(host) : certificate.checkHost(host, { subject: 'never' });
  return name !== undefined;
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
