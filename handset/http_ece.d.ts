// What is used of the library, which comes without types.
declare module 'http_ece' {
  import type { ECDH } from 'node:crypto';

  interface Parameters {
    version: 'aes128gcm' | 'aesgcm';
    privateKey: ECDH;
    authSecret: Buffer;
    /** Of aesgcm only, as are the following: in base64url. */
    salt?: string | undefined;
    rs?: string | undefined;
    /** The sender's public key. */
    dh?: string | undefined;
  }

  const ece: { decrypt(body: Buffer, parameters: Parameters): Buffer };
  export default ece;
}
