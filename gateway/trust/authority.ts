// The names of this gateway as a signature covers them (RFC 9421 section 2.2.3).

export type Scheme = 'http' | 'https';

const defaultPort: Record<Scheme, string> = { http: ':80', https: ':443' };

/** Lower case, without the scheme's default port. */
export function normaliseAuthority(text: string, scheme: Scheme): string {
  const lower = text.trim().toLowerCase();
  const suffix = defaultPort[scheme];
  return lower.endsWith(suffix) ? lower.slice(0, -suffix.length) : lower;
}
