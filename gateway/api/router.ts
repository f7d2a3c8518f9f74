// From a request of the listener to an answer. Under /v1 every request must be signed and every answer is,
// errors included; everything else here is open and says nothing that matters.
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import { type Answer, isJson, pathOf, readBody, text } from '../../shared/http.js';
import type { Log, LogFields } from '../../shared/log.js';
import { traces } from '../../shared/traces.js';
import {
  networksPath,
  requestBytesMax,
  signsPath,
  wakeupsPath,
} from '../../shared/wakeup/request.js';
import { headerFields, type SignableMessage } from '../../shared/wakeup/signature.js';
import type { Metrics } from '../metrics.js';
import type { Rules } from '../rules.js';
import type { Authenticate } from '../trust/authenticate.js';
import { normaliseAuthority, type Scheme } from '../trust/authority.js';
import { aboutPage } from './about.js';
import type { Handled, Handler } from './handler.js';
import { type ProblemType, problemAnswer } from './problems.js';
import { signedAnswer } from './signing.js';
import { statusAnswer } from './status.js';

export interface RouterOptions {
  handlers: { wakeups: Handler; networks: Handler; signs: Handler };
  authenticate: Authenticate;
  rules: () => Rules;
  scheme: Scheme;
  startMs: number;
  isDraining: () => boolean;
  isPaused: () => boolean;
  metrics: Metrics;
  clock: Clock;
  log: Log;
}

/** Answers a request; `undefined` when its sender has gone. Never rejects. */
export type Router = (request: IncomingMessage) => Promise<Answer | undefined>;

/** What became of a request, before it is counted, logged and signed. */
type Outcome = Handled & { label?: string; logged?: LogFields; headers?: Record<string, string> };

interface Route {
  method: 'GET' | 'POST';
  handle: Handler;
}

export function createRouter(options: RouterOptions): Router {
  const { handlers, authenticate, rules, scheme, startMs, isDraining, metrics, clock, log } =
    options;
  const routes = new Map<string, Route>([
    [wakeupsPath, { method: 'POST', handle: handlers.wakeups }],
    [networksPath, { method: 'GET', handle: handlers.networks }],
    [signsPath, { method: 'GET', handle: handlers.signs }],
  ]);

  const status = () => (isDraining() ? 'draining' : options.isPaused() ? 'paused' : 'ok');

  function openAnswer(request: IncomingMessage, path: string): Answer {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (path !== '/status' && path !== '/about') return text(404, 'not found\n');
    if (!isRead) {
      const refusal = text(405, 'use GET\n');
      return { ...refusal, headers: { ...refusal.headers, allow: 'GET, HEAD' } };
    }
    if (path === '/status') return statusAnswer(status());
    const networkCount = rules().networks.length;
    return aboutPage({ uptimeMs: clock.now() - startMs, networkCount });
  }

  async function outcomeOf(
    request: IncomingMessage,
    message: SignableMessage,
  ): Promise<Outcome | undefined> {
    if (isDraining()) return { problem: 'draining' };
    const route = routes.get(message.path ?? '');
    if (!route) return { problem: 'not-found' };
    if (request.method !== route.method) {
      return { problem: 'method-not-allowed', headers: { allow: route.method } };
    }
    if ((message.headers.get('host')?.length ?? 0) > 1) {
      return { problem: 'malformed-request', detail: 'there is more than one Host' };
    }
    const body = await readBody(request, requestBytesMax);
    if (body === 'aborted') return undefined;
    if (body === 'too-large') return { problem: 'body-too-large' };
    const identity = await authenticate({ message, body });
    if (!identity.central) return { problem: identity.problem };
    const { central, label, createdSeconds } = identity;
    metrics.accepted({ central: central.id, createdSeconds });
    const known = { label, logged: { central: central.id } };
    if (route.method === 'POST' && !isJson(request)) {
      return { problem: 'unsupported-media-type', ...known };
    }
    const handled = await route.handle({ central, rules: rules(), body });
    const logged = 'answer' in handled ? { ...known.logged, ...handled.logged } : known.logged;
    return { ...handled, label, logged };
  }

  async function signed(request: IncomingMessage, path: string): Promise<Answer | undefined> {
    const beganMs = clock.now();
    const message = signable(request, path, scheme);
    const outcome = await outcomeOf(request, message).catch((error: unknown): Outcome => {
      log(traces.taskFailed, { task: 'request', error: messageOf(error) });
      return { problem: 'internal' };
    });
    if (!outcome) return undefined;
    const nowMs = clock.now();
    const result: 'accepted' | ProblemType = 'problem' in outcome ? outcome.problem : 'accepted';
    metrics.request(result);
    const trace = result === 'accepted' ? traces.requestAccepted : traces.requestRefused;
    const route = routes.has(path) ? path : 'unknown';
    log(trace, { route, result, ...outcome.logged, tookMs: nowMs - beganMs });
    const answer =
      'answer' in outcome ? outcome.answer : problemAnswer(outcome.problem, nowMs, outcome);
    const { signingKey: key } = rules();
    return signedAnswer({ answer, request: message, acceptedLabel: outcome.label, key, nowMs });
  }

  return async (request) => {
    const path = pathOf(request);
    const isSigned = path === '/v1' || path.startsWith('/v1/');
    return isSigned ? signed(request, path) : openAnswer(request, path);
  };
}

/** A request as signatures see it (RFC 9421 section 2.2). */
function signable(request: IncomingMessage, path: string, scheme: Scheme): SignableMessage {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const host = request.headers.host;
  return {
    headers: headerFields(request.rawHeaders),
    method: request.method ?? '',
    path,
    query: mark < 0 ? '?' : url.slice(mark),
    ...(host !== undefined && { authority: normaliseAuthority(host, scheme) }),
  };
}
