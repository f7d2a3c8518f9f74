// The rules of RFC 9421 for a signature base and for the two fields, one test each.
import { randomBytes } from 'node:crypto';
import { type InnerList, parseList } from 'structured-headers';
import t from 'tap';
import {
  coversAll,
  fieldValue,
  headerFields,
  readSignatures,
  type SignableMessage,
  type SignatureContext,
  signatureBase,
  signMessage,
  verifyMessage,
} from '../../../shared/wakeup/signature.js';
import { centralKey, centralPublic, messageOf, only } from './rfc-messages.js';

/** An inner list as a Signature-Input field writes it. */
const inputOf = (text: string) => only(parseList(text)) as InnerList;

/** The lines of a base before its last one, or the message of the error. */
function linesOf(cover: string, context: SignatureContext): string[] | string {
  try {
    return signatureBase(inputOf(`(${cover})`), context)
      .split('\n')
      .slice(0, -1);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const { message: request } = messageOf(`GET /path?a=b&c HTTP/1.1
Host: www.example.com
X-OWS-Header:   Leading and trailing whitespace.\t \t
Cache-Control: max-age=60
X-Empty-Header:
Cache-Control:    must-revalidate
X-NBSP: \u00a0kept
Example-Dict:  a=1,    b=2;x=1;y=2,   c=(a   b    c), d
Not-A-Dict: =;=
Line-Break: a\rb`);

t.test('B.2.1: nothing covered leaves the parameters alone', async (t) => {
  const params = '();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"';
  t.equal(signatureBase(inputOf(params), { message: request }), `"@signature-params": ${params}`);
});

t.test('2.5: the parameters keep the order in which they came', async (t) => {
  const params = '("@method");tag="a";created=1;x;y=?0;keyid="k"';
  const base = signatureBase(inputOf(params), { message: request });
  t.equal(base, `"@method": GET\n"@signature-params": ${params}`);
});

t.test('2.2: derived components are what the request line says', async (t) => {
  t.same(linesOf('"@method" "@authority" "@path" "@query"', { message: request }), [
    '"@method": GET',
    '"@authority": www.example.com',
    '"@path": /path',
    '"@query": ?a=b&c',
  ]);
  t.equal(linesOf('"@status"', { message: request }), '"@status" has no value');
});

t.test('2.2.7: no query is a question mark alone', async (t) => {
  const { message } = messageOf('GET /path HTTP/1.1\nHost: example.com');
  t.same(linesOf('"@query"', { message }), ['"@query": ?']);
});

t.test('2.2.9: the status of an answer has three digits', async (t) => {
  const answer = { headers: headerFields([]), status: 200 };
  t.same(linesOf('"@status"', { message: answer }), ['"@status": 200']);
  t.equal(linesOf('"@method"', { message: answer }), '"@method" has no value');
});

t.test('2.1: lines of a field are joined, white space around them goes', async (t) => {
  t.same(
    linesOf('"x-ows-header" "cache-control" "x-empty-header" "example-dict"', { message: request }),
    [
      '"x-ows-header": Leading and trailing whitespace.',
      '"cache-control": max-age=60, must-revalidate',
      '"x-empty-header": ',
      '"example-dict": a=1,    b=2;x=1;y=2,   c=(a   b    c), d',
    ],
  );
});

t.test('2.1: only spaces and tabs are white space of a field', async (t) => {
  t.equal(fieldValue(request.headers, 'x-nbsp'), '\u00a0kept');
});

t.test('2.1.2: a member of a dictionary is serialised anew', async (t) => {
  const members = ['a', 'd', 'b', 'c'].map((key) => `"example-dict";key="${key}"`).join(' ');
  t.same(linesOf(members, { message: request }), [
    '"example-dict";key="a": 1',
    '"example-dict";key="d": ?1',
    '"example-dict";key="b": 2;x=1;y=2',
    '"example-dict";key="c": (a b c)',
  ]);
});

t.test('2.4: ;req takes the value from the request', async (t) => {
  const answer: SignableMessage = {
    headers: headerFields(['cache-control', 'no-store']),
    status: 503,
  };
  const cover =
    '"@status" "cache-control" "@method";req "cache-control";req "example-dict";req;key="a"';
  t.same(linesOf(cover, { message: answer, request }), [
    '"@status": 503',
    '"cache-control": no-store',
    '"@method";req: GET',
    '"cache-control";req: max-age=60, must-revalidate',
    '"example-dict";req;key="a": 1',
  ]);
  t.equal(linesOf('"@method";req', { message: answer }), '"@method";req has no value');
});

t.test('what cannot be covered is refused with the component and the reason', async (t) => {
  const refused: Record<string, string> = {
    '"date"': '"date" has no value',
    '"@target-uri"': '"@target-uri" has no value',
    '"@signature-params"': '"@signature-params" has no value',
    '"@method";key="a"': '"@method";key="a" has no value',
    '"example-dict";key="e"': '"example-dict";key="e" has no value',
    '""': '"" has no value',
    '"@method" "@method"': '"@method" is covered twice',
    '"cache-control";bs': '"cache-control";bs: unknown parameter',
    '"cache-control";sf': '"cache-control";sf: unknown parameter',
    '"cache-control";tr': '"cache-control";tr: unknown parameter',
    '"@query-param";name="a"': '"@query-param";name="a": unknown parameter',
    '"@method";req=?0': '"@method";req=?0: unknown parameter',
    '"@method";req=1': '"@method";req=1: unknown parameter',
    '"example-dict";key=a': '"example-dict";key=a: unknown parameter',
    '"example-dict";key': '"example-dict";key: unknown parameter',
    '"Cache-Control"': 'a field name is not in lower case',
    'cache-control': 'a component name is not a string',
    '1': 'a component name is not a string',
    '"not-a-dict";key="a"': 'not-a-dict is no structured dictionary',
    '"line-break"': '"line-break" has a character that no signature base can hold',
    '"x-nbsp"': '"x-nbsp" has a character that no signature base can hold',
  };
  for (const [cover, reason] of Object.entries(refused)) {
    t.equal(linesOf(cover, { message: request, request }), reason, cover);
  }
});

t.test('2: a component is the same one whatever the order of its parameters', async (t) => {
  const twice = '"example-dict";req;key="a" "example-dict";key="a";req';
  t.equal(
    linesOf(twice, { message: request, request }),
    '"example-dict";key="a";req is covered twice',
  );
  const turned = inputOf('("signature";key="wakeup";req)');
  t.ok(coversAll(turned, [{ name: 'signature', params: { req: true, key: 'wakeup' } }]));
});

t.test(
  'a component with a parameter does not stand for the one without, nor the other way',
  async (t) => {
    t.notOk(coversAll(inputOf('("@method";req)'), [{ name: '@method' }]));
    t.notOk(coversAll(inputOf('("@method")'), [{ name: '@method', params: { req: true } }]));
    t.notOk(
      coversAll(inputOf('("signature";key="a")'), [{ name: 'signature', params: { key: 'b' } }]),
    );
    t.ok(coversAll(inputOf('("b" "a")'), [{ name: 'a' }]));
  },
);

t.test('4: the labels of both fields must fit together', async (t) => {
  const read = (input: string, signature: string) => () =>
    readSignatures(headerFields(['Signature-Input', input, 'Signature', signature]));
  const malformed = (message: string) => ({ code: 'signature-malformed', message });
  t.throws(
    read('a=()', 'b=:AA==:'),
    malformed('label a is not in both fields with the right type'),
  );
  t.throws(read('a=()', 'a="AA"'), malformed('label a is not in both fields with the right type'));
  t.throws(
    read('a=()', 'a=(:AA==:)'),
    malformed('label a is not in both fields with the right type'),
  );
  t.throws(read('a=1', 'a=:AA==:'), malformed('label a is not in both fields with the right type'));
  t.throws(read('a=(', 'a=:AA==:'), malformed('Signature-Input is no structured dictionary'));
  t.throws(read('a=()', 'a=:A'), malformed('Signature is no structured dictionary'));
  t.throws(read('a=()', 'a=:A===:'), malformed('Signature is no structured dictionary'));
  t.same(
    read('a=()', 'a=:AA==:, b=:AA==:')().map(({ label }) => label),
    ['a'],
  );
});

t.test('4: a message with only one of the fields, or neither, carries no signature', async (t) => {
  t.same(readSignatures(headerFields([])), []);
  t.same(readSignatures(headerFields(['Signature', 'a=:AA==:'])), []);
  t.same(readSignatures(headerFields(['Signature-Input', 'a=()'])), []);
});

t.test('4.3: several signatures may stand in several lines', async (t) => {
  const lines = ['Signature-Input', 'a=("@method")', 'signature-input', 'b=()'];
  const found = readSignatures(headerFields([...lines, 'SIGNATURE', 'b=:AQ==:, a=:AA==:']));
  t.same(
    found.map(({ label, signature }) => [label, signature[0]]),
    [
      ['a', 0],
      ['b', 1],
    ],
  );
});

t.test('bytes that are no Ed25519 signature do not verify, whatever their length', async (t) => {
  const input = inputOf('("@method")');
  for (const length of [0, 1, 63, 64, 65, 4096]) {
    const found = { label: 'a', input, signature: randomBytes(length) };
    t.equal(
      await verifyMessage(found, centralPublic.key, { message: request }),
      false,
      `${length}`,
    );
  }
});

t.test('each bit of a signature counts', async (t) => {
  const signed = signMessage({
    components: [{ name: '@method' }],
    params: new Map(),
    key: centralKey.key,
    context: { message: request },
  });
  const bytes = Buffer.from(signed.signature.slice(1, -1), 'base64');
  for (let bit = 0; bit < 512; bit += 7) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const found = { label: 'a', input: inputOf(signed.input), signature: flipped };
    if (await verifyMessage(found, centralPublic.key, { message: request })) t.fail(`bit ${bit}`);
  }
});
