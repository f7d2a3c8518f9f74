// A message as an app server encrypts it with the library `web-push`, in the parts that a notification frame carries.
import webPush from 'web-push';
import type { EncryptedBody } from '../../handset/decryption.js';
import type { SubscriptionKeys } from '../../handset/push-keys.js';

export function encryptFor(
  { p256dh, auth }: SubscriptionKeys,
  text: string,
  encoding: 'aes128gcm' | 'aesgcm' = 'aes128gcm',
): EncryptedBody {
  const { cipherText: data, salt, localPublicKey } = webPush.encrypt(p256dh, auth, text, encoding);
  if (encoding === 'aes128gcm') return { data, encoding };
  // Bytes, whatever the types of the library say.
  const dh = Buffer.from(localPublicKey).toString('base64url');
  return { data, encoding, encryption: `salt=${salt}`, cryptoKey: `dh=${dh}` };
}

/** The notification frame that brings it. */
export function notificationOf(
  channelID: string,
  version: string,
  { data, encoding, encryption, cryptoKey }: EncryptedBody,
) {
  const headers = { encoding, encryption, crypto_key: cryptoKey };
  const frame = { messageType: 'notification', channelID, version, headers };
  return { ...frame, data: data.toString('base64url') };
}
