// `POST /wpush/v1/<token>` (RFC 8030 section 5): a message for a web app, whose body only the web app can read.
import type { Answer } from '../../shared/http.js';
import { messagePath, receiptPath } from '../protocol/endpoint.js';
import { type Ids, newReceiptId, type ReceiptId } from '../protocol/ids.js';
import type { MessageOutcome } from '../store/messages.js';
import type { ProblemName } from './problems.js';
import { type PushHeaders, parsePushHeaders, receiptRelation } from './push-headers.js';
import type { Handler } from './resource.js';
import type { TakesMessage } from './take-message.js';
import type { ReadsKey } from './vapid.js';

export interface PushParts {
  ids: Ids;
  take: TakesMessage;
  readKey: ReadsKey;
  /** Why a device of ours is not known: it may be that none is, for now. */
  unknownDevice: () => 'recovering' | 'gone';
  /** What absolute URLs of this server start with. */
  baseUrl: () => string;
}

export function createPush(parts: PushParts): Handler {
  const { ids, take, readKey, baseUrl } = parts;
  return async ({ token, headers, body, lane }) => {
    const target = ids.parseToken(token);
    if (!target) return 'channel-not-found';
    const asked = parsePushHeaders(headers);
    if (typeof asked === 'string') return asked;
    const receipts = receiptOf(asked, parts);
    if (typeof receipts === 'string') return receipts;
    const { receipt } = receipts;
    if (body === 'too-large') return 'body-too-large';
    const shown = await readKey(headers);
    if (typeof shown === 'string') return shown;
    const { urgency, topic, ttlSeconds } = asked;
    const taken = await take({
      ...{ ...target, kind: 'push', urgency, topic, ttlSeconds, lane, receipt, key: shown.key },
      body: body.length > 0 ? body : undefined,
      // They describe a body; where there is none, there is nothing to describe.
      encoding: body.length > 0 ? asked.encoding : {},
    });
    if (taken.outcome !== 'stored') return refusalOf(taken.outcome, parts);
    const location = `${baseUrl()}${messagePath}${ids.messageTokenOf(target.device, taken.id)}`;
    const answer = created(location, taken.ttlSeconds, receiptUrl(receipt, parts));
    return { result: 'message-stored', answer, afterwards: taken.afterwards };
  };
}

/** The receipt subscription that a message is to tell its end to, if any. */
function receiptOf(
  { isAsync, receiptUrl: url }: PushHeaders,
  { ids, baseUrl }: PushParts,
): { receipt: ReceiptId | undefined } | ProblemName {
  if (url === undefined) return { receipt: isAsync ? newReceiptId() : undefined };
  const start = `${baseUrl()}${receiptPath}`;
  const whole = URL.canParse(url, start) ? new URL(url, start).href : '';
  const isOurs = whole.startsWith(start);
  const known = isOurs ? ids.parseReceiptToken(whole.slice(start.length)) : undefined;
  if (!known) return 'bad-receipt';
  return { receipt: isAsync ? known : undefined };
}

function receiptUrl(receipt: ReceiptId | undefined, { ids, baseUrl }: PushParts) {
  return receipt && `${baseUrl()}${receiptPath}${ids.receiptTokenOf(receipt)}`;
}

function created(location: string, ttlSeconds: number, receipt: string | undefined): Answer {
  const headers = { 'cache-control': 'no-store', location, ttl: String(ttlSeconds) };
  if (receipt === undefined) return { status: 201, headers, body: '' };
  const link = `<${receipt}>; rel="${receiptRelation}"`;
  const asynchronous = { link, 'preference-applied': 'respond-async' };
  return { status: 202, headers: { ...headers, ...asynchronous }, body: '' };
}

function refusalOf(
  outcome: Exclude<MessageOutcome['outcome'], 'stored'>,
  { unknownDevice }: PushParts,
): ProblemName {
  switch (outcome) {
    case 'unknown-device':
      return unknownDevice() === 'recovering' ? 'recovering' : 'channel-gone';
    case 'unknown-channel':
      return 'channel-gone';
    case 'key-missing':
      return 'authorization-missing';
    case 'wrong-kind':
      return 'takes-no-messages';
    case 'wrong-key':
      return outcome;
  }
}
