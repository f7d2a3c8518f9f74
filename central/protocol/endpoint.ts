// Endpoint URLs: what `register` hands to the app and app servers PUT to.

/** The document's path of an endpoint; the token follows. */
export const notifyPath = '/v1/notify/';

export function endpointUrl(publicUrl: string, token: string): string {
  return `${publicUrl}${notifyPath}${token}`;
}

/** The token of a request's path, or `undefined` when the path is no endpoint. */
export function tokenIn(path: string): string | undefined {
  return path.startsWith(notifyPath) ? path.slice(notifyPath.length) : undefined;
}
