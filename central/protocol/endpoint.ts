// URLs that app servers hold: endpoints, which `register` hands to the app, and what stands below them.
import type { MessageKind } from './messages.js';

/** The path of an endpoint, by what the device behind it takes beside versions; the token follows. */
export const endpointPaths: Record<MessageKind, string> = {
  text: '/v1/notify/',
  push: '/wpush/v1/',
};

/** A message that was taken (RFC 8030 section 5: the push message resource). */
export const messagePath = '/wpush/v1/messages/';
/** What became of messages (RFC 8030 section 5.1: the receipt subscription resource). */
export const receiptPath = '/wpush/v1/receipts/';

/** What a path names, and the token in it. */
export interface Place {
  resource: MessageKind | 'message' | 'receipt';
  token: string;
}

/** The longer paths first: a token has no slash. */
const places: readonly (readonly [path: string, resource: Place['resource']])[] = [
  [messagePath, 'message'],
  [receiptPath, 'receipt'],
  [endpointPaths.push, 'push'],
  [endpointPaths.text, 'text'],
];

export function endpointUrl(publicUrl: string, kind: MessageKind, token: string): string {
  return `${publicUrl}${endpointPaths[kind]}${token}`;
}

/** What a request's path names; `undefined` when that is nothing of an app server's. */
export function placeIn(path: string): Place | undefined {
  const found = places.find(([start]) => path.startsWith(start));
  return found && { resource: found[1], token: path.slice(found[0].length) };
}
