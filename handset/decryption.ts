// Reads what an app server encrypted for one channel (RFC 8291, and the aesgcm draft of older app servers). The one
// place that knows the encryption library.
import ece from 'http_ece';
import { CodedError, messageOf } from '../shared/errors.js';
import { agreementKey, type ChannelKeys } from './push-keys.js';

/** As it came; everything but the data may be missing or wrong. */
export interface EncryptedBody {
  data: Buffer;
  /** The `Content-Encoding` of the app server's request. */
  encoding?: string;
  /** Of aesgcm only: the fields `Encryption` and `Crypto-Key`. */
  encryption?: string;
  cryptoKey?: string;
}

/** What stands before the first record: salt, record size, and the sender's key with its length (RFC 8188). */
const aes128gcmHeaderBytes = 16 + 4 + 1 + 65;

/** Returns the plaintext, or an error with code `not-decrypted`. Never throws. */
export function decrypt(body: EncryptedBody, keys: ChannelKeys): Buffer | CodedError {
  const privateKey = agreementKey(keys);
  const authSecret = Buffer.from(keys.auth, 'base64url');
  try {
    if (body.encoding === 'aes128gcm') {
      // The library takes a body without a record for an empty text, which nobody has vouched for.
      if (body.data.length <= aes128gcmHeaderBytes) return unreadable('truncated');
      return ece.decrypt(body.data, { version: 'aes128gcm', privateKey, authSecret });
    }
    if (body.encoding !== 'aesgcm') return unreadable(`encoding ${body.encoding ?? 'not told'}`);
    if (body.data.length === 0) return unreadable('truncated');
    const { salt, rs, dh } = aesgcmParameters(body);
    return ece.decrypt(body.data, { version: 'aesgcm', privateKey, authSecret, salt, rs, dh });
  } catch (cause) {
    return unreadable(messageOf(cause), cause);
  }
}

/** draft-ietf-httpbis-encryption-encoding-03: several keys may be named, and `keyid` says which one is meant. */
function aesgcmParameters({ encryption = '', cryptoKey = '' }: EncryptedBody) {
  const [{ keyid, salt, rs } = {}] = readParameters(encryption);
  const keys = readParameters(cryptoKey).filter(({ dh }) => dh !== undefined);
  const { dh } = keys.find((one) => one.keyid === keyid) ?? keys[0] ?? {};
  return { salt, rs, dh };
}

/** `a=1;b="2",a=3` as one record for each part between commas. */
function readParameters(field: string): Record<string, string | undefined>[] {
  return field.split(',').map((part) =>
    Object.fromEntries(
      part.split(';').map((parameter) => {
        const [name = '', ...value] = parameter.split('=');
        return [name.trim().toLowerCase(), value.join('=').trim().replace(/^"|"$/g, '')];
      }),
    ),
  );
}

function unreadable(problem: string, cause?: unknown): CodedError<'not-decrypted'> {
  return new CodedError('not-decrypted', `cannot be decrypted: ${problem}`, { cause });
}
