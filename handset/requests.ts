// Questions to the server that somebody waits for: register and unregister. Each waits for a connection, is asked
// again after a loss, and ends with its answer, a refusal, or no answer in time.
import type { Cancel, Clock } from '../shared/clock.js';
import { CodedError } from '../shared/errors.js';
import type { RequestKind } from './messages.js';

interface Request {
  kind: RequestKind;
  channelID: string;
  promise: Promise<string>;
  resolve: (pushEndpoint: string) => void;
  reject: (error: CodedError) => void;
  /** Present from the moment it was sent on the present connection. */
  cancel?: Cancel;
}

export interface Requests {
  /** Asks once: the same question asked while it is open shares the answer. Resolves to the endpoint, if there is one. */
  ask(kind: RequestKind, channelID: string): Promise<string>;
  isOpen(kind: RequestKind, channelID: string): boolean;
  areOpen(): boolean;
  /** Sends what was not sent on this connection, in the order it was asked; the time for an answer starts here. */
  flush(send: (kind: RequestKind, channelID: string) => void): void;
  answer(kind: RequestKind, channelID: string, pushEndpoint?: string): boolean;
  /** A refusal need not name the channel: then it is about the oldest question of its kind. */
  refuse(kind: RequestKind, channelID: string | undefined, error: CodedError): boolean;
  /** The connection is gone: what was sent is to be sent again. */
  connectionLost(): void;
  rejectAll(error: CodedError): void;
}

export function createRequests(options: { clock: Clock; timeoutMs: number }): Requests {
  const { clock, timeoutMs } = options;
  // At most one of each kind a channel, so that the bound on channels bounds this map.
  const open = new Map<string, Request>();

  function end(request: Request | undefined): request is Request {
    if (!request) return false;
    request.cancel?.();
    open.delete(keyOf(request.kind, request.channelID));
    return true;
  }

  function late(request: Request): void {
    end(request);
    const question = `${request.kind} ${request.channelID}`;
    request.reject(new CodedError('timeout', `no answer to ${question} within ${timeoutMs} ms`));
  }

  return {
    ask(kind, channelID) {
      const key = keyOf(kind, channelID);
      const known = open.get(key);
      if (known) return known.promise;
      const request = createRequest(kind, channelID);
      open.set(key, request);
      return request.promise;
    },
    areOpen: () => open.size > 0,
    isOpen: (kind, channelID) => open.has(keyOf(kind, channelID)),
    flush(send) {
      for (const request of open.values()) {
        if (request.cancel) continue;
        request.cancel = clock.after(timeoutMs, () => late(request));
        send(request.kind, request.channelID);
      }
    },
    answer(kind, channelID, pushEndpoint = '') {
      const request = open.get(keyOf(kind, channelID));
      if (!end(request)) return false;
      request.resolve(pushEndpoint);
      return true;
    },
    refuse(kind, channelID, error) {
      const isMeant = (request: Request) => request.kind === kind && request.cancel !== undefined;
      const request =
        channelID === undefined
          ? [...open.values()].find(isMeant)
          : open.get(keyOf(kind, channelID));
      if (!end(request)) return false;
      request.reject(error);
      return true;
    },
    connectionLost() {
      for (const request of open.values()) {
        request.cancel?.();
        delete request.cancel;
      }
    },
    rejectAll(error) {
      for (const request of [...open.values()]) {
        end(request);
        request.reject(error);
      }
    },
  };
}

function keyOf(kind: RequestKind, channelID: string): string {
  return `${kind} ${channelID}`;
}

function createRequest(kind: RequestKind, channelID: string): Request {
  let resolve: Request['resolve'] = () => {};
  let reject: Request['reject'] = () => {};
  const promise = new Promise<string>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  return { kind, channelID, promise, resolve, reject };
}
