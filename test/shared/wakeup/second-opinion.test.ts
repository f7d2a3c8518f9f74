// http-message-signatures as a second opinion: both read the same messages in the same way.
import fc from 'fast-check';
import { createSigner, createVerifier, httpbis } from 'http-message-signatures';
import t from 'tap';
import { contentDigest } from '../../../shared/wakeup/digest.js';
import {
  answerComponents,
  requestComponents,
  signAnswer,
  signRequest,
  verifyAnswer,
} from '../../../shared/wakeup/profile.js';
import {
  type Component,
  headerFields,
  readSignatures,
  type SignableMessage,
  verifyMessage,
} from '../../../shared/wakeup/signature.js';
import { centralKey, centralPublic, gatewayKey, gatewayPublic, only } from './rfc-messages.js';

type Fields = Record<string, string>;
interface TheirRequest {
  method: string;
  url: string;
  headers: Fields;
}
interface TheirResponse {
  status: number;
  headers: Fields;
}

const fieldsOf = (headers: Fields) => headerFields(Object.entries(headers).flat());

/** A request as we see it: the authority as the wire has it, the query with its mark. */
function ourRequest({ method, url, headers }: TheirRequest): SignableMessage {
  const { host, pathname, search } = new URL(url);
  const query = search || '?';
  return { method, authority: host, path: pathname, query, headers: fieldsOf(headers) };
}

const ourAnswer = ({ status, headers }: TheirResponse): SignableMessage => ({
  status,
  headers: fieldsOf(headers),
});

/** A component as their list of fields writes it. */
const theirName = ({ name, params }: Component) =>
  params?.key === undefined ? name : `"${name}";req;key="${params.key}"`;

const signerOf = (named: typeof centralKey) => ({
  id: named.keyid,
  alg: 'ed25519',
  sign: createSigner(named.key, 'ed25519').sign,
});

const theirVerifier = (named: typeof centralKey) => ({
  keyLookup: async () => ({
    id: named.keyid,
    algs: ['ed25519'],
    verify: createVerifier(named.key, 'ed25519'),
  }),
});

/** Their verdict; an error of theirs is a refusal too. */
async function theyAccept(message: TheirRequest | TheirResponse, request?: TheirRequest) {
  const key = theirVerifier(request ? gatewayPublic : centralPublic);
  try {
    return 'status' in message
      ? (await httpbis.verifyMessage(key, message, request)) === true
      : (await httpbis.verifyMessage(key, message)) === true;
  } catch {
    return false;
  }
}

async function weAccept(theirs: TheirRequest): Promise<boolean> {
  const message = ourRequest(theirs);
  try {
    const found = only(readSignatures(message.headers));
    return await verifyMessage(found, centralPublic.key, { message });
  } catch {
    return false;
  }
}

const bodyFields = (body: string): Fields => ({
  'content-type': 'application/json',
  'content-digest': contentDigest(Buffer.from(body)),
});

const requests = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  url: fc.constantFrom(
    'https://wakeup.operator.example:8443/v1/wakeups',
    'https://wakeup.operator.example/v1/networks',
    'https://[2001:db8::1]:8443/v1/wakeups?a=b&c',
    'http://10.0.0.1/?x=%20%C3%BC',
  ),
  headers: fc.string({ maxLength: 40 }).map(bodyFields),
});

function signedByUs(theirs: TheirRequest): TheirRequest {
  const fields = signRequest(ourRequest(theirs), [centralKey], Date.now());
  return { ...theirs, headers: { ...theirs.headers, ...fields } };
}

async function signedByThem(theirs: TheirRequest): Promise<TheirRequest> {
  const signed = await httpbis.signMessage(
    {
      key: signerOf(centralKey),
      name: 'wakeup',
      fields: requestComponents(theirs.method).map(theirName),
      params: ['created', 'expires', 'nonce', 'keyid', 'alg', 'tag'],
      paramValues: { nonce: 'bm9uY2Utbm9uY2Utbm8', tag: 'wakeup' },
    },
    theirs,
  );
  return signed as TheirRequest;
}

t.test('a request that we sign verifies there', async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (theirs) => theyAccept(signedByUs(theirs))),
    { numRuns: 40 },
  );
});

t.test('a request that they sign verifies here', async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (theirs) => weAccept(await signedByThem(theirs))),
    { numRuns: 40 },
  );
});

const mutations = fc.oneof(
  fc.record({ what: fc.constant('method' as const), to: fc.constantFrom('GET', 'POST', 'PUT') }),
  fc.record({
    what: fc.constant('url' as const),
    to: fc.constantFrom(
      'https://wakeup.operator.example:8443/v1/wakeups',
      'https://wakeup.operator.example:8444/v1/wakeups',
      'https://wakeup.operator.example/v1/networks?',
      'https://wakeup.operator.example/v1/networks?x',
      'http://10.0.0.1/?x=%20%C3%BC',
    ),
  }),
  fc.record({
    what: fc.constantFrom('content-type', 'content-digest', 'signature', 'signature-input'),
    at: fc.nat(400),
    to: fc.constantFrom('', ' ', 'a', 'A', '0', '"', ';', ',', '='),
  }),
  fc.record({
    what: fc.constantFrom('content-type', 'content-digest', 'x-not-covered'),
    to: fc.constantFrom('a', '', ' application/json ', 'application/json'),
  }),
);

function mutated(theirs: TheirRequest, change: { what: string; to: string; at?: number }) {
  if (change.what === 'method' || change.what === 'url') {
    return { ...theirs, [change.what]: change.to };
  }
  const old = theirs.headers[change.what] ?? '';
  const at = change.at === undefined ? 0 : change.at % (old.length || 1);
  const value =
    change.at === undefined ? change.to : old.slice(0, at) + change.to + old.slice(at + 1);
  return { ...theirs, headers: { ...theirs.headers, [change.what]: value } };
}

t.test('a changed message gets the same verdict from both', async (t) => {
  const verdicts = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(requests, mutations, async (theirs, change) => {
      const message = mutated(signedByUs(theirs), change);
      const [ours, other] = [await weAccept(message), await theyAccept(message)];
      verdicts[ours ? 'accepted' : 'refused'] += 1;
      return ours === other;
    }),
    { numRuns: 300 },
  );
  t.ok(verdicts.accepted > 0 && verdicts.refused > 0, 'both verdicts occur');
});

const answers = fc.record({
  status: fc.constantFrom(200, 400, 401, 403, 409, 413, 503),
  headers: fc.string({ maxLength: 40 }).map(bodyFields),
});

t.test('an answer that we sign verifies there, bound to its request', async () => {
  await fc.assert(
    fc.asyncProperty(requests, answers, async (unsigned, theirs) => {
      const theirRequest = signedByUs(unsigned);
      const fields = signAnswer({
        message: ourAnswer(theirs),
        request: ourRequest(theirRequest),
        requestLabel: 'wakeup',
        key: gatewayKey,
        nowMs: Date.now(),
      });
      const answer = { ...theirs, headers: { ...theirs.headers, ...fields } };
      const other = signedByUs({ ...unsigned, url: 'https://other.example/' });
      return (await theyAccept(answer, theirRequest)) && !(await theyAccept(answer, other));
    }),
    { numRuns: 30 },
  );
});

t.test('an answer that they sign is accepted here, and only for its request', async () => {
  await fc.assert(
    fc.asyncProperty(requests, answers, async (unsigned, theirs) => {
      const theirRequest = signedByUs(unsigned);
      const signed = await httpbis.signMessage(
        {
          key: signerOf(gatewayKey),
          name: 'wakeup',
          fields: answerComponents('wakeup').map(theirName),
          params: ['created', 'expires', 'keyid', 'tag'],
          paramValues: { expires: new Date(Date.now() + 30_000), tag: 'wakeup' },
        },
        theirs,
        theirRequest,
      );
      const message = ourAnswer(signed as TheirResponse);
      const accepts = (request: TheirRequest) =>
        verifyAnswer({
          message,
          request: ourRequest(request),
          keys: [gatewayPublic],
          nowMs: Date.now(),
        });
      return (await accepts(theirRequest)) && !(await accepts(signedByUs(unsigned)));
    }),
    { numRuns: 30 },
  );
});
