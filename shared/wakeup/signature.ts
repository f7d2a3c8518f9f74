// HTTP Message Signatures (RFC 9421) with Ed25519: the signature base, and the two header fields.
// It knows nothing of freshness, nonces or who may do what: that is the profile's and the verifier's business.
import { type KeyObject, sign, verify } from 'node:crypto';
import {
  type BareItem,
  type InnerList,
  type Item,
  isInnerList,
  parseDictionary,
  serializeInnerList,
  serializeItem,
} from 'structured-headers';
import { CodedError } from '../errors.js';

/** Field lines by lower-case name, in the order they came. */
export type HeaderFields = ReadonlyMap<string, readonly string[]>;

/** A message as far as a signature can see it (RFC 9421 section 2). Requests have a method, responses a status. */
export interface SignableMessage {
  headers: HeaderFields;
  method?: string;
  /** Lower case, without the scheme's default port (RFC 9421 section 2.2.3). */
  authority?: string;
  /** As on the request line, never empty. */
  path?: string;
  /** With its leading `?`, which stands alone when there is no query (section 2.2.7). */
  query?: string;
  status?: number;
}

export interface Component {
  name: string;
  /** `req: true` takes the value from the request a response answers; `key` names a dictionary member. */
  params?: { req?: true; key?: string };
}

/** One labelled signature of a message: what it covers, its parameters and its bytes. */
export interface MessageSignature {
  label: string;
  input: InnerList;
  signature: Buffer;
}

export type SignatureProblem = 'signature-malformed' | 'component-missing';

export interface SignatureContext {
  message: SignableMessage;
  /** The request that `message` answers, where a component has `;req`. */
  request?: SignableMessage;
}

const derived: Record<string, (message: SignableMessage) => string | undefined> = {
  '@method': (message) => message.method,
  '@authority': (message) => message.authority,
  '@path': (message) => message.path,
  '@query': (message) => message.query,
  '@status': (message) => message.status?.toString(),
};

/** The field lines of a node:http message; duplicates are kept, which `message.headers` would drop. */
export function headerFields(rawHeaders: readonly string[]): HeaderFields {
  const fields = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const lines = fields.get(name);
    if (lines) lines.push(rawHeaders[i + 1] ?? '');
    else fields.set(name, [rawHeaders[i + 1] ?? '']);
  }
  return fields;
}

/** All field lines of a name as one value (RFC 9421 section 2.1), or `undefined` when there is none. */
export function fieldValue(headers: HeaderFields, name: string): string | undefined {
  return headers.get(name)?.map(withoutOuterSpace).join(', ');
}

/** Without the white space of RFC 9110 section 5.6.3 around it; `trim` would take more away. */
function withoutOuterSpace(line: string): string {
  const isSpace = (i: number) => line[i] === ' ' || line[i] === '\t';
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(start)) start += 1;
  while (start < end && isSpace(end - 1)) end -= 1;
  return line.slice(start, end);
}

/** The signature base (RFC 9421 section 2.5). Throws a `SignatureProblem` when a component has no value. */
export function signatureBase(input: InnerList, context: SignatureContext): string {
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const item of input[0]) {
    const identifier = serializeItem(item);
    const identity = identityOf(item);
    if (seen.has(identity)) throw malformed(`${identifier} is covered twice`);
    seen.add(identity);
    lines.push(`${identifier}: ${componentValue(item, identifier, context)}`);
  }
  lines.push(`"@signature-params": ${serializeInnerList(input)}`);
  return lines.join('\n');
}

/** The signatures of a message, by its Signature-Input and Signature fields (RFC 9421 section 4). */
export function readSignatures(headers: HeaderFields): MessageSignature[] {
  const inputField = fieldValue(headers, 'signature-input');
  const signatureField = fieldValue(headers, 'signature');
  if (inputField === undefined || signatureField === undefined) return [];
  const inputs = dictionary(inputField, 'Signature-Input');
  const signatures = dictionary(signatureField, 'Signature');
  const found: MessageSignature[] = [];
  for (const [label, input] of inputs) {
    const bytes = signatures.get(label)?.[0];
    // Section 4.2: each member must be present in both fields.
    if (!isInnerList(input) || !(bytes instanceof ArrayBuffer)) {
      throw malformed(`label ${label} is not in both fields with the right type`);
    }
    found.push({ label, input, signature: Buffer.from(bytes) });
  }
  return found;
}

/** Signs with Ed25519 and returns the member values of the two fields under a label. */
export function signMessage(options: {
  components: readonly Component[];
  params: ReadonlyMap<string, BareItem>;
  key: KeyObject;
  context: SignatureContext;
}): { input: string; signature: string } {
  const list: InnerList = [options.components.map(itemOf), new Map(options.params)];
  const base = signatureBase(list, options.context);
  const signature = sign(null, Buffer.from(base), options.key);
  return { input: serializeInnerList(list), signature: `:${signature.toString('base64')}:` };
}

/** Whether the bytes are this key's signature of this message. Off the main thread, for it takes 130 µs. */
export function verifyMessage(
  found: MessageSignature,
  key: KeyObject,
  context: SignatureContext,
): Promise<boolean> {
  const base = Buffer.from(signatureBase(found.input, context));
  return new Promise((resolve, reject) => {
    verify(null, base, key, found.signature, (error, valid) => {
      if (error) reject(error);
      else resolve(valid);
    });
  });
}

/** Whether a signature covers all these components, in any order and with more beside them. */
export function coversAll(input: InnerList, components: readonly Component[]): boolean {
  const covered = new Set(input[0].map(identityOf));
  return components.every((component) => covered.has(identityOf(itemOf(component))));
}

/** One text for a component: the order of its parameters does not make it another one (section 2). */
function identityOf([name, params]: Item): string {
  const sorted = [...params].sort(([a], [b]) => (a < b ? -1 : 1));
  return serializeItem([name, new Map(sorted)]);
}

function itemOf(component: Component): Item {
  const params = new Map<string, BareItem>();
  if (component.params?.req) params.set('req', true);
  if (component.params?.key !== undefined) params.set('key', component.params.key);
  return [component.name, params];
}

function componentValue(item: Item, identifier: string, context: SignatureContext): string {
  const [name, params] = item;
  if (typeof name !== 'string') throw malformed('a component name is not a string');
  for (const [param, value] of params) {
    const isKnown = param === 'req' ? value === true : param === 'key' && typeof value === 'string';
    if (!isKnown) throw malformed(`${identifier}: unknown parameter`);
  }
  const source = params.has('req') ? context.request : context.message;
  const value = source && valueIn(source, name, params.get('key'));
  if (value === undefined) throw new CodedError('component-missing', `${identifier} has no value`);
  // Section 2.5: the base is ASCII in lines, so that its bytes can be read in one way only.
  if (/[^\t\x20-\x7e]/.test(value)) {
    throw malformed(`${identifier} has a character that no signature base can hold`);
  }
  return value;
}

function valueIn(source: SignableMessage, name: string, key: unknown): string | undefined {
  if (name.startsWith('@')) return key === undefined ? derived[name]?.(source) : undefined;
  if (name !== name.toLowerCase()) throw malformed('a field name is not in lower case');
  const field = fieldValue(source.headers, name);
  if (typeof key !== 'string' || field === undefined) return field;
  const member = dictionary(field, name).get(key);
  if (member === undefined) return undefined;
  return isInnerList(member) ? serializeInnerList(member) : serializeItem(member);
}

function dictionary(field: string, name: string): Map<string, Item | InnerList> {
  try {
    return parseDictionary(field);
  } catch (cause) {
    throw malformed(`${name} is no structured dictionary`, cause);
  }
}

function malformed(detail: string, cause?: unknown): CodedError<SignatureProblem> {
  return new CodedError('signature-malformed', detail, { cause });
}
