// What app servers and browsers find on central's listener, beside the devices' upgrades.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../shared/errors.js';
import { type Answer, pathOf, problem, readBody, send } from '../../shared/http.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { PeerOf } from '../peer.js';
import { placeIn } from '../protocol/endpoint.js';
import type { WakeupLane } from '../store/store.js';
import type { Body, Notified } from './notify.js';
import type { TakesRequest } from './request-rate.js';

export type Page = () => Promise<Answer> | Answer;

// App servers may be web pages of any origin: an endpoint URL is itself the permission to use it.
const cors = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'retry-after',
};
const preflight = {
  ...cors,
  'access-control-allow-methods': 'PUT, OPTIONS',
  'access-control-allow-headers': 'content-type, ttl, urgency, topic',
  'access-control-max-age': '86400',
};

/** Answers requests; never throws. */
export function createRouter(options: {
  notify: (token: string, body: Body, lane: WakeupLane) => Promise<Notified>;
  peerOf: PeerOf;
  takesRequest: TakesRequest;
  /** False beyond the rate from which on an app server's versions wake after those of the others. */
  isPrompt: TakesRequest;
  pages: Record<string, Page>;
  bodyBytesMax: number;
  log: Log;
}) {
  const { notify, peerOf, takesRequest, isPrompt, pages, bodyBytesMax, log } = options;

  async function put(token: string, request: IncomingMessage): Promise<Notified | undefined> {
    const peer = peerOf(request);
    const lane = isPrompt(peer) ? 'prompt' : 'bulk';
    const body = takesRequest(peer) ? await readBody(request, bodyBytesMax) : unread(request);
    // The peer is gone: there is nobody to answer and nothing was promised.
    if (body === 'aborted') return undefined;
    const notified = await notify(token, body, lane);
    return { ...notified, answer: withHeaders(notified.answer, cors) };
  }

  async function route(request: IncomingMessage): Promise<Notified | undefined> {
    const path = pathOf(request);
    const place = placeIn(path);
    if (place?.resource === 'text') {
      const { token } = place;
      if (request.method === 'PUT') return put(token, request);
      const isPreflight = request.method === 'OPTIONS';
      const answer = isPreflight ? empty(204, preflight) : notAllowed('PUT, OPTIONS', cors);
      return { answer };
    }
    const page = pages[path];
    if (!page) return { answer: notFound() };
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    return { answer: isRead ? await page() : notAllowed('GET, HEAD') };
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    route(request)
      .then((routed) => {
        if (!routed) return;
        send(response, routed.answer);
        routed.afterwards?.();
      })
      .catch((error: unknown) => {
        log(traces.taskFailed, { task: 'request', error: messageOf(error) });
        response.destroy();
      });
  };
}

/** What the peer goes on writing is read and dropped, so that it reads our answer instead of a reset. */
function unread(request: IncomingMessage): 'too-many-requests' {
  request.resume();
  return 'too-many-requests';
}

function notFound(): Answer {
  const detail = 'There is PUT /v1/notify/<token>, GET /about and GET /status.';
  return problem({ status: 404, type: 'not-found', title: 'Not found', detail });
}

function notAllowed(allow: string, headers: Record<string, string> = {}): Answer {
  const title = 'Method not allowed';
  const allowed = { allow, ...headers };
  return problem({
    status: 405,
    type: 'method-not-allowed',
    title,
    detail: `Use ${allow}.`,
    headers: allowed,
  });
}

function empty(status: number, headers: Record<string, string>): Answer {
  return { status, headers, body: '' };
}

function withHeaders(answer: Answer, headers: Record<string, string>): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
