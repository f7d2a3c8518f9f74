// What app servers and browsers find on central's listener, beside the devices' upgrades.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { subscriberOf } from '../../shared/address.js';
import { CodedError, messageOf } from '../../shared/errors.js';
import { type Answer, pathOf, problem, readBody, send } from '../../shared/http.js';
import type { Log } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import type { PeerOf } from '../peer.js';
import { type Place, placeIn } from '../protocol/endpoint.js';
import { type AppResult, answerOf, type ProblemName } from './problems.js';
import type { TakesRequest } from './request-rate.js';
import type { Body, Done, Method, Resource } from './resource.js';

export type Page = () => Promise<Answer> | Answer;

// App servers may be web pages of any origin: the URL is itself the permission to use it.
const cors = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'location, ttl, link, preference-applied, retry-after',
};
const preflight = {
  'access-control-allow-headers':
    'authorization, content-encoding, content-type, crypto-key, encryption, link, prefer, push-receipt, topic, ttl, urgency',
  'access-control-max-age': '86400',
};

/** Answers requests; never throws. */
export function createRouter(options: {
  resources: Record<Place['resource'], Resource>;
  peerOf: PeerOf;
  takesRequest: TakesRequest;
  /** False beyond the rate from which on what an app server sends wakes after what others sent. */
  isPrompt: TakesRequest;
  pages: Record<string, Page>;
  count: (result: AppResult) => void;
  log: Log;
}) {
  const { resources, peerOf, takesRequest, isPrompt, pages, count, log } = options;

  async function use(
    { resource, token }: Place,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Routed | undefined> {
    const { methods, bodyBytesMax } = resources[resource];
    if (request.method === 'OPTIONS') {
      const allow = { 'access-control-allow-methods': allowed(methods) };
      return { answer: empty(204, { ...preflight, ...allow }) };
    }
    const handler = methods[methodOf(request)];
    if (!handler) return { answer: notAllowed(allowed(methods)) };
    const peer = peerOf(request);
    if (!takesRequest(peer)) {
      // What the peer goes on writing is read and dropped, so that it reads our answer instead of a reset.
      request.resume();
      return settled('too-many-requests');
    }
    // Who only reads has sent nothing that could wait.
    const lane = !takesBody(request) || isPrompt(peer) ? 'prompt' : 'bulk';
    const body = takesBody(request) ? await readBody(request, bodyBytesMax) : nothing;
    // The peer is gone: there is nobody to answer and nothing was promised.
    if (body === 'aborted') return undefined;
    const { headers } = request;
    // Behind another request on its connection it has no socket yet, and nobody would tell that the peer has left.
    const onOver = (fn: () => void) =>
      void (response.destroyed || !response.socket ? fn() : response.once('close', fn));
    const who = { lane, subscriber: subscriberOf(peer) } as const;
    const asked = { token, headers, query: queryOf(request), body, ...who, onOver };
    return settled(await handler(asked).catch(storeProblem));
  }

  function settled(outcome: Done | ProblemName): Routed {
    const isRefused = typeof outcome === 'string';
    count(isRefused ? outcome : outcome.result);
    return isRefused ? { answer: answerOf(outcome) } : outcome;
  }

  function storeProblem(error: unknown): ProblemName {
    const isOfStore = error instanceof CodedError && storeCodes.includes(error.code);
    if (!isOfStore) throw error;
    log(traces.storeFailed, { error: messageOf(error) });
    return 'store-down';
  }

  async function route(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Routed | undefined> {
    const path = pathOf(request);
    const place = placeIn(path);
    if (place) {
      const routed = await use(place, request, response);
      return routed && { ...routed, answer: withHeaders(routed.answer, cors) };
    }
    const page = pages[path];
    if (!page) return { answer: notFound() };
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    return { answer: isRead ? await page() : notAllowed('GET, HEAD') };
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    route(request, response)
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

/** An answer, and what is to be done once it is on its way. */
type Routed = Pick<Done, 'answer' | 'afterwards'>;

const nothing: Body = Buffer.alloc(0);
const storeCodes: readonly string[] = ['store-failed', 'store-busy'];

/** A HEAD is a GET whose body is not sent. */
function methodOf({ method }: IncomingMessage): Method {
  return (method === 'HEAD' ? 'GET' : method) as Method;
}

function takesBody({ method }: IncomingMessage): boolean {
  return method === 'PUT' || method === 'POST';
}

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const mark = url.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark));
}

/** The methods of a resource as `Allow` and a preflight name them. */
function allowed(methods: Resource['methods']): string {
  const named = Object.keys(methods).flatMap((method) =>
    method === 'GET' ? ['GET', 'HEAD'] : method,
  );
  return [...named, 'OPTIONS'].join(', ');
}

function notFound(): Answer {
  const detail =
    'There is PUT /v1/notify/<token>, POST /wpush/v1/<token>, GET /about and GET /status.';
  return problem({ status: 404, type: 'not-found', title: 'Not found', detail });
}

function notAllowed(allow: string): Answer {
  const title = 'Method not allowed';
  const detail = `Use ${allow}.`;
  return problem({
    ...{ status: 405, type: 'method-not-allowed', title, detail },
    headers: { allow },
  });
}

function empty(status: number, headers: Record<string, string>): Answer {
  return { status, headers, body: '' };
}

function withHeaders(answer: Answer, headers: Record<string, string>): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
