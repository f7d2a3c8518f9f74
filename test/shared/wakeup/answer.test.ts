// What a request and its answer carry under our profile, and every way in which an answer is not accepted.
import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { contentDigest } from '../../../shared/wakeup/digest.js';
import { thumbprint } from '../../../shared/wakeup/keys.js';
import {
  answerComponents,
  freshnessProblem,
  requestComponents,
  signAnswer,
  signatureLabels,
  signatureParams,
  signRequest,
  verifyAnswer,
} from '../../../shared/wakeup/profile.js';
import {
  type Component,
  headerFields,
  readSignatures,
  type SignableMessage,
  signMessage,
} from '../../../shared/wakeup/signature.js';
import { centralKey, gatewayKey, gatewayPublic, only } from './rfc-messages.js';

const nowMs = 1_763_753_000_123;
const now = Math.floor(nowMs / 1000);
const newKey = () => {
  const { privateKey: key } = generateKeyPairSync('ed25519');
  return { key, keyid: thumbprint(key) };
};

function withFields(message: SignableMessage, fields: object): SignableMessage {
  const own = [...message.headers].flatMap(([name, lines]) =>
    lines.flatMap((line) => [name, line]),
  );
  return { ...message, headers: headerFields([...own, ...Object.entries(fields).flat()]) };
}

function signedRequest(keys = [centralKey]): SignableMessage {
  const body = Buffer.from('{"wakeups":[]}');
  const message: SignableMessage = {
    method: 'POST',
    authority: 'wakeup.operator.example:8443',
    path: '/v1/wakeups',
    query: '?',
    headers: headerFields([
      'content-type',
      'application/json',
      'content-digest',
      contentDigest(body),
    ]),
  };
  return withFields(message, signRequest(message, keys, nowMs));
}

const request = signedRequest();
const bare: SignableMessage = {
  status: 200,
  headers: headerFields([
    'content-type',
    'application/json',
    'content-digest',
    contentDigest(Buffer.from('{"results":[]}')),
  ]),
};

const goodParams: Record<string, string | number | undefined> = {
  created: now,
  expires: now + 60,
  keyid: gatewayKey.keyid,
  tag: 'wakeup',
};

/** An answer signed with anything but the usual, to see it refused. */
function answerWith(options: {
  params?: Record<string, string | number | undefined>;
  components?: readonly Component[];
  key?: typeof gatewayKey;
  to?: SignableMessage;
}): SignableMessage {
  const { params = {}, components = answerComponents('wakeup'), key = gatewayKey } = options;
  const list = Object.entries({ ...goodParams, ...params });
  const fields = signMessage({
    components,
    params: new Map(list.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    key: key.key,
    context: { message: bare, request: options.to ?? request },
  });
  return withFields(bare, {
    'signature-input': `wakeup=${fields.input}`,
    signature: `wakeup=${fields.signature}`,
  });
}

const accepts = (message: SignableMessage, to = request, at = nowMs) =>
  verifyAnswer({ message, request: to, keys: [gatewayPublic], nowMs: at });

const goodAnswer = () =>
  withFields(
    bare,
    signAnswer({ message: bare, request, requestLabel: 'wakeup', key: gatewayKey, nowMs }),
  );

t.test('a request covers what design demands, a GET without content-type', async (t) => {
  const names = (method: string) => requestComponents(method).map(({ name }) => name);
  const always = ['@method', '@authority', '@path', '@query'];
  t.same(names('POST'), [...always, 'content-type', 'content-digest']);
  t.same(names('GET'), [...always, 'content-digest']);
});

t.test('a request carries created, expires, a nonce of 128 bits, keyid and tag', async (t) => {
  const params = signatureParams(only(readSignatures(request.headers)));
  t.match(params, { created: now, expires: now + 60, keyid: centralKey.keyid, tag: 'wakeup' });
  t.equal(Buffer.from(params.nonce ?? '', 'base64url').length, 16);
  const again = signatureParams(only(readSignatures(signedRequest().headers)));
  t.not(again.nonce, params.nonce, 'a nonce is never used twice');
});

t.test('during a rotation a request carries one signature for each key', async (t) => {
  const next = newKey();
  const found = readSignatures(signedRequest([centralKey, next]).headers);
  t.same(
    found.map((one) => [one.label, signatureParams(one).keyid]),
    [
      ['wakeup', centralKey.keyid],
      ['wakeup2', next.keyid],
    ],
  );
});

t.test('an answer to a signed request is accepted', async (t) => {
  t.equal(await accepts(goodAnswer()), true);
  t.equal(await accepts(answerWith({})), true, 'the tests below start from a good one');
  t.equal(await accepts(answerWith({ params: { alg: 'ed25519', nonce: 'n', more: 1 } })), true);
});

t.test('an answer bound to any of the labels of its request is accepted', async (t) => {
  const twice = signedRequest([centralKey, newKey()]);
  for (const label of ['wakeup', 'wakeup2']) {
    const answer = answerWith({ components: answerComponents(label), to: twice });
    t.equal(await accepts(answer, twice), true, label);
  }
});

t.test('an answer may cover more, and its components in any order', async (t) => {
  const components = [
    ...answerComponents('wakeup'),
    { name: '@path', params: { req: true as const } },
  ];
  t.equal(await accepts(answerWith({ components: components.reverse() })), true);
});

t.test('an answer with one covered thing changed is not accepted', async (t) => {
  const answer = goodAnswer();
  const changed: Record<string, SignableMessage> = {
    status: { ...answer, status: 201 },
    'no status': { headers: answer.headers },
  };
  for (const name of ['content-type', 'content-digest', 'signature-input', 'signature']) {
    const lines = answer.headers.get(name) ?? [];
    changed[`no ${name}`] = { ...answer, headers: new Map([...answer.headers, [name, []]]) };
    changed[`${name} twice`] = {
      ...answer,
      headers: new Map([...answer.headers, [name, [...lines, 'wakeup']]]),
    };
    const headers = new Map(answer.headers);
    headers.delete(name);
    changed[`${name} removed`] = { ...answer, headers };
  }
  for (const [name, message] of Object.entries(changed)) {
    t.equal(await accepts(message), false, name);
  }
});

t.test('each flipped character of a covered value is noticed', async (t) => {
  const answer = goodAnswer();
  for (const name of ['content-type', 'content-digest']) {
    const [value = ''] = answer.headers.get(name) ?? [];
    for (let i = 0; i < value.length; i++) {
      const flipped = value.slice(0, i) + (value[i] === 'x' ? 'y' : 'x') + value.slice(i + 1);
      const headers = new Map([...answer.headers, [name, [flipped]]]);
      if (await accepts({ ...answer, headers })) t.fail(`${name} at ${i}`);
    }
  }
});

t.test('an answer that leaves out something it must cover is not accepted', async (t) => {
  const all = answerComponents('wakeup');
  for (const left of all) {
    const components = all.filter((component) => component !== left);
    t.equal(await accepts(answerWith({ components })), false, left.name);
  }
  const unbound = { name: 'signature', params: { req: true as const } };
  const components = [...answerComponents(undefined), unbound];
  t.equal(await accepts(answerWith({ components })), false, 'the field instead of its member');
});

t.test('an answer without one of the parameters is not accepted', async (t) => {
  for (const name of Object.keys(goodParams)) {
    const params = { [name]: undefined };
    t.equal(await accepts(answerWith({ params })), false, name);
  }
});

t.test('an answer with a parameter of another value or type is not accepted', async (t) => {
  const bad: Record<string, string | number>[] = [
    { tag: 'wakeup2' },
    { tag: '' },
    { tag: 1 },
    { keyid: centralKey.keyid },
    { keyid: 'nobody' },
    { keyid: 7 },
    { alg: 'rsa-pss-sha512' },
    { alg: 'hmac-sha256' },
    { alg: '' },
    { alg: 1 },
    { created: String(now) },
    { created: now + 0.5 },
    { expires: String(now + 60) },
    { expires: now + 0.5 },
  ];
  for (const params of bad) {
    t.equal(await accepts(answerWith({ params })), false, JSON.stringify(params));
  }
});

t.test('an answer by another key is not accepted, also under the pinned name', async (t) => {
  const other = newKey();
  t.equal(await accepts(answerWith({ key: other, params: { keyid: other.keyid } })), false);
  t.equal(await accepts(answerWith({ key: other })), false);
  t.equal(await accepts(answerWith({ key: centralKey })), false, 'reflected to central');
  const none = verifyAnswer({ message: goodAnswer(), request, keys: [], nowMs });
  t.equal(await none, false, 'no key is pinned');
});

t.test('an answer to another request is not accepted', async (t) => {
  const other = signedRequest();
  t.equal(await accepts(answerWith({ to: other }), other), true);
  t.equal(await accepts(answerWith({ to: other })), false, 'same label, other signature');
  const twice = signedRequest([centralKey, newKey()]);
  const second = answerWith({ to: twice, components: answerComponents('wakeup2') });
  t.equal(await accepts(second), false, 'a label that this request does not have');
  const unsigned: SignableMessage = { ...request, headers: headerFields([]) };
  t.equal(await accepts(goodAnswer(), unsigned), false, 'the request was not signed at all');
});

t.test('an answer is fresh from 5 s before to 30 s after it was made', async (t) => {
  const answer = goodAnswer();
  const verdicts: [number, boolean][] = [
    [-6, false],
    [-5, true],
    [0, true],
    [30, true],
    [31, false],
    [86_400, false],
  ];
  for (const [seconds, accepted] of verdicts) {
    t.equal(await accepts(answer, request, nowMs + seconds * 1000), accepted, `${seconds} s`);
  }
});

t.test('freshness names what is wrong', async (t) => {
  const verdicts: [number | undefined, number | undefined, string | undefined][] = [
    [now, now + 60, undefined],
    [now - 30, now + 1, undefined],
    [now + 5, now + 65, undefined],
    [undefined, now + 60, 'incomplete'],
    [now, undefined, 'incomplete'],
    [now, now + 61, 'incomplete'],
    [now - 31, now + 29, 'stale'],
    [now, now, 'stale'],
    [now - 10, now - 1, 'stale'],
    [now, now - 60, 'stale'],
    [now + 6, now + 66, 'future'],
    [-1, 1, 'stale'],
    [999_999_999_999_999, 999_999_999_999_999, 'future'],
  ];
  for (const [created, expires, verdict] of verdicts) {
    t.equal(freshnessProblem(created, expires, nowMs), verdict, `${created} to ${expires}`);
  }
});

t.test('one good signature is enough, behind others of any kind', async (t) => {
  const good = goodAnswer();
  const input = good.headers.get('signature-input')?.[0]?.slice('wakeup='.length);
  const signature = good.headers.get('signature')?.[0]?.slice('wakeup='.length);
  const params = `created=${now};expires=${now + 60};keyid="${gatewayKey.keyid}";tag="wakeup"`;
  const must = '"@status" "content-type" "content-digest" "signature";req;key="wakeup"';
  const others: Record<string, string> = {
    'of a proxy': `();created=${now};keyid="proxy";tag="cdn"`,
    'that covers a field this answer lacks': `(${must} "date");${params}`,
    'that covers a component twice': `(${must} "@status");${params}`,
    'with an unknown component parameter': `(${must} "content-type";bs);${params}`,
    'with bytes that do not verify': `(${must});${params}`,
  };
  for (const [name, other] of Object.entries(others)) {
    const message = withFields(bare, {
      'signature-input': `other=${other}, wakeup=${input}`,
      signature: `other=:AAAA:, wakeup=${signature}`,
    });
    t.equal(await accepts(message), true, `behind one ${name}`);
    const alone = withFields(bare, {
      'signature-input': `other=${other}`,
      signature: 'other=:AAAA:',
    });
    t.equal(await accepts(alone), false, `alone, one ${name}`);
  }
});

t.test('no more than four signatures with our tag are looked at', async (t) => {
  const good = goodAnswer();
  const fill = (count: number, value: string) =>
    Array.from({ length: count }, (_, i) => `x${i}=${value}, `).join('');
  const behind = (count: number) =>
    withFields(bare, {
      'signature-input': `${fill(count, '();tag="wakeup"')}${good.headers.get('signature-input')?.[0]}`,
      signature: `${fill(count, ':AAAA:')}${good.headers.get('signature')?.[0]}`,
    });
  t.equal(await accepts(behind(3)), true);
  t.equal(await accepts(behind(4)), false);
});

t.test(
  'signature fields that cannot be read make an answer unacceptable, not an error',
  async (t) => {
    for (const fields of [
      { 'signature-input': 'wakeup=(', signature: 'wakeup=:AAAA:' },
      { 'signature-input': 'wakeup=()', signature: 'other=:AAAA:' },
      { 'signature-input': 'wakeup', signature: 'wakeup' },
      { 'signature-input': '\u00ff', signature: '\u00ff' },
      {},
    ]) {
      t.equal(await accepts(withFields(bare, fields)), false, JSON.stringify(fields));
    }
  },
);

t.test('the labels of a message can be had without an error', async (t) => {
  t.same(signatureLabels(request.headers), ['wakeup']);
  t.same(signatureLabels(headerFields([])), []);
  t.same(signatureLabels(headerFields(['signature-input', '(', 'signature', 'a'])), []);
});

t.test('signatures with another tag before ours do not hide it', async (t) => {
  const foreign = answerWith({ params: { tag: 'other' } });
  const named = (fields: SignableMessage, name: string, labels: string[]) =>
    labels.map((label) => String(fields.headers.get(name)).replace('wakeup=', `${label}=`));
  const all = (name: string) =>
    [...named(foreign, name, ['a', 'b', 'c', 'd']), String(goodAnswer().headers.get(name))].join();
  const many = { 'signature-input': all('signature-input'), signature: all('signature') };
  t.ok(await accepts(withFields(bare, many)));
});
