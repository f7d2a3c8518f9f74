// An app server of Web Push, as anybody writes one: the library `web-push` encrypts and signs. It sends with fetch,
// for the library itself sends over TLS alone.
import webPush, { type PushSubscription } from 'web-push';

export interface AppServer {
  /** Whoever subscribes with it can be sent to by nobody else (VAPID). */
  publicKey: string;
  send(subscription: PushSubscription, text: string): Promise<Sent>;
}

export interface Sent {
  status: number;
  /** Where it says what became of the message. */
  location: string;
  /** Of the body as it was sent. */
  bytes: number;
}

export function createAppServer(): AppServer {
  const keys = webPush.generateVAPIDKeys();
  const vapidDetails = { ...keys, subject: 'mailto:app@example.org' };
  return {
    publicKey: keys.publicKey,
    async send(subscription, text) {
      // A phone with KaiOS 2.5 reads this encoding alone.
      const contentEncoding = 'aesgcm';
      const options = { vapidDetails, contentEncoding, TTL: 60, urgency: 'high' } as const;
      const request = webPush.generateRequestDetails(subscription, text, options);
      const { endpoint, method, headers, body } = request;
      const response = await fetch(endpoint, { method, headers, body: Uint8Array.from(body) });
      const location = response.headers.get('location') ?? '';
      return { status: response.status, location, bytes: body.length };
    },
  };
}
