// Keys and messages out of the RFCs that the wakeup API stands on, for every test that needs fixed ones.
import { readPrivateKeys, readPublicKeys } from '../../../shared/wakeup/keys.js';
import { headerFields, type SignableMessage } from '../../../shared/wakeup/signature.js';

const privatePem = (base64: string) =>
  `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`;
const publicPem = (base64: string) =>
  `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`;

/** RFC 9421 appendix B.1.4, test-key-ed25519. */
export const rfc9421Private = privatePem(
  'MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF',
);
export const rfc9421Public = publicPem(
  'MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=',
);
export const rfc9421Keyid = 'poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U';

/** RFC 8037 appendix A.1; its thumbprint stands in A.3. */
export const rfc8037Private = privatePem(
  'MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g',
);
export const rfc8037Public = publicPem(
  'MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
);
export const rfc8037Keyid = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k';

/** The one item of a list; a test that finds another number of them is at fault itself. */
export function only<T>(items: readonly T[]): T {
  const [first] = items;
  if (first === undefined || items.length !== 1) throw new Error(`${items.length} items, not one`);
  return first;
}

export const centralKey = only(readPrivateKeys(rfc9421Private));
export const centralPublic = only(readPublicKeys(rfc9421Public));
export const gatewayKey = only(readPrivateKeys(rfc8037Private));
export const gatewayPublic = only(readPublicKeys(rfc8037Public));

/** A message as text, with LF for CRLF, as RFCs print it and a signature sees it. */
export function messageOf(text: string): { message: SignableMessage; body: Buffer } {
  const end = text.indexOf('\n\n');
  const [start = '', ...lines] = (end < 0 ? text.trimEnd() : text.slice(0, end)).split('\n');
  const headers = headerFields(
    lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
  const body = Buffer.from(end < 0 ? '' : text.slice(end + 2));
  const [first = '', second = ''] = start.split(' ');
  if (first.startsWith('HTTP/')) return { message: { headers, status: Number(second) }, body };
  const authority = headers.get('host')?.[0]?.trim().toLowerCase() ?? '';
  const mark = second.indexOf('?');
  const path = mark < 0 ? second : second.slice(0, mark);
  const query = mark < 0 ? '?' : second.slice(mark);
  return { message: { headers, method: first, authority, path, query }, body };
}
