// What the header fields of a Web Push request ask for (RFC 8030 section 5), read once.
import type { IncomingHttpHeaders } from 'node:http';
import { type Urgency, urgencies } from '../../shared/wakeup/request.js';
import type { BodyEncoding } from '../protocol/messages.js';
import { parsePrefer } from './prefer.js';
import type { ProblemName } from './problems.js';

export interface PushHeaders {
  ttlSeconds: number;
  urgency: Urgency;
  topic: string | undefined;
  encoding: BodyEncoding;
  /** It wants a receipt, in a new subscription or in the one of this URL. */
  isAsync: boolean;
  receiptUrl: string | undefined;
}

/** RFC 8030 section 9.2: the relation of a receipt subscription. */
export const receiptRelation = 'urn:ietf:params:push:receipt';

const topicPattern = /^[A-Za-z0-9_-]{1,32}$/;
/** The longest header that is read or kept beside a body: a salt or a key takes 90 characters, a receipt URL 150. */
const headerCharsMax = 1_024;

export function parsePushHeaders(headers: IncomingHttpHeaders): PushHeaders | ProblemName {
  const ttlSeconds = parseTtl(headers.ttl);
  if (ttlSeconds === undefined) return 'bad-ttl';
  const urgency = parseUrgency(headers.urgency);
  if (urgency === undefined) return 'bad-urgency';
  const topic = headers.topic?.toString();
  if (topic !== undefined && !topicPattern.test(topic)) return 'bad-topic';
  const encoding = parseEncoding(headers);
  if (encoding === undefined) return 'bad-encoding';
  const { isAsync } = parsePrefer(headers.prefer);
  const receiptUrl = headers['push-receipt']?.toString() ?? receiptLinkOf(headers.link);
  return { ttlSeconds, urgency, topic, encoding, isAsync, receiptUrl };
}

/** The target of a Link header field with the relation of receipts (RFC 8288 section 3). */
function receiptLinkOf(header: string | string[] | undefined): string | undefined {
  const text = String(header ?? '');
  // A search for brackets that never close takes the square of their number.
  if (text.length > headerCharsMax) return undefined;
  const links = [...text.matchAll(/<([^<>]*)>([^<]*)/g)];
  const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i;
  return links.find(([, , parameters = '']) => {
    const [, quoted, plain = ''] = rel.exec(parameters) ?? [];
    return (quoted ?? plain).split(/\s+/).includes(receiptRelation);
  })?.[1];
}

/** Reads a time to live, in seconds; `undefined` for what is none. */
export function parseTtl(value: unknown): number | undefined {
  return typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : undefined;
}

function parseUrgency(value: string | string[] = 'normal'): Urgency | undefined {
  const word = value.toString().toLowerCase();
  return urgencies.find((known) => known === word);
}

/** Passed on nearly as it is: only the device reads it. */
function parseEncoding(headers: IncomingHttpHeaders): BodyEncoding | undefined {
  const encoding = headers['content-encoding'] ?? '';
  const encryption = headers.encryption?.toString() ?? '';
  const cryptoKey = headers['crypto-key']?.toString() ?? '';
  const fields = [encoding, encryption, cryptoKey];
  if (fields.some((field) => field.length > headerCharsMax)) return undefined;
  return {
    ...(encoding && { encoding }),
    ...(encryption && { encryption: bare('salt', encryption) }),
    ...(cryptoKey && { cryptoKey: bare('dh', cryptoKey) }),
  };
}

/** A parameter without the quotes and the padding that libraries write around its base64url, and Firefox refuses. */
function bare(name: string, field: string): string {
  return field.replace(/[^;,]+/g, (parameter) => {
    const valueAt = parameter.indexOf('=') + 1;
    const key = parameter.slice(0, valueAt);
    if (key.trim().toLowerCase() !== `${name}=`) return parameter;
    return key + parameter.slice(valueAt).replace(/["=]/g, '');
  });
}
