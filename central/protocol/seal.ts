// Texts that only this server can make: what is sealed cannot be guessed, changed or made up.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  timingSafeEqual,
} from 'node:crypto';

const macBytes = 16;
const sealedCharsMax = 1024;

export function keyFor(secret: Uint8Array, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `reveille ${use}`, 32));
}

/**
 * Deterministic authenticated encryption (Rogaway and Shrimpton, Eurocrypt 2006, the SIV construction; RFC 5297
 * is its AES-CMAC form): a MAC of the plaintext serves as the IV of AES-256-CTR and as the proof.
 */
export function createSeal(secret: Uint8Array, purpose: string) {
  const macKey = keyFor(secret, `${purpose} mac`);
  const cipherKey = keyFor(secret, `${purpose} cipher`);
  const macOf = (plain: Uint8Array) =>
    createHmac('sha256', macKey).update(plain).digest().subarray(0, macBytes);

  return {
    seal(plain: Uint8Array): string {
      const mac = macOf(plain);
      const sealed = createCipheriv('aes-256-ctr', cipherKey, mac).update(plain);
      return Buffer.concat([mac, sealed]).toString('base64url');
    },
    open(text: string): Buffer | undefined {
      if (text.length > sealedCharsMax) return undefined;
      const bytes = Buffer.from(text, 'base64url');
      // One text per plaintext: a decoder that overlooks stray characters must not make aliases.
      if (bytes.length <= macBytes || bytes.toString('base64url') !== text) return undefined;
      const mac = bytes.subarray(0, macBytes);
      const plain = createDecipheriv('aes-256-ctr', cipherKey, mac).update(
        bytes.subarray(macBytes),
      );
      return timingSafeEqual(macOf(plain), mac) ? plain : undefined;
    },
  };
}
