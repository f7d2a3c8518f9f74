// Content-Digest (RFC 9530): over the raw bytes of a body, before anything reads them.
import { createHash, timingSafeEqual } from 'node:crypto';
import { parseDictionary } from 'structured-headers';

// RFC 9530 section 5: only these two are fit for use; md5, sha and the like are ignored when present.
const algorithms: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
]);

/** The field value for a body: `sha-256=:…:`. */
export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

/** Compares a Content-Digest field value with a body. Every digest we know must match, and there must be one. */
export function checkContentDigest(
  field: string | undefined,
  body: Uint8Array,
): 'ok' | 'missing' | 'mismatch' {
  if (field === undefined) return 'missing';
  let known = 0;
  try {
    for (const [name, [value]] of parseDictionary(field)) {
      const algorithm = algorithms.get(name);
      if (algorithm === undefined) continue;
      if (!(value instanceof ArrayBuffer)) return 'mismatch';
      const actual = createHash(algorithm).update(body).digest();
      const claimed = Buffer.from(value);
      if (claimed.length !== actual.length || !timingSafeEqual(claimed, actual)) return 'mismatch';
      known += 1;
    }
  } catch {
    // A field that is no structured dictionary carries no digest at all.
    return 'missing';
  }
  return known > 0 ? 'ok' : 'missing';
}
