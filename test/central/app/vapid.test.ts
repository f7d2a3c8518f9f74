// Who an app server is: each way to say it, and each way to fail.
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import webpush from 'web-push';
import { createVapid } from '../../../central/app/vapid.js';
import { parseVapidKey } from '../../../central/protocol/vapid-key.js';
import { createManualClock } from '../../support/manual-clock.js';
import { newVapidPair, tokenOf } from '../../support/vapid.js';

const audience = 'https://push.example';
const day = 86_400;
const clock = createManualClock();
const nowSeconds = Math.floor(clock.now() / 1000);
const read = createVapid({ audience: () => audience, clock });
const pair = newVapidPair();
const other = newVapidPair();
const good = { aud: audience, exp: nowSeconds + 3600, sub: 'mailto:ops@app.example' };

/** What is read of a token with these claims. */
async function readClaims(claims: object, { signedBy = pair, k = pair.key } = {}) {
  const token = await tokenOf({ ...good, ...claims }, signedBy.privateKey);
  return read({ authorization: `vapid t=${token}, k=${k}` });
}

t.test('a request without Authorization names no key', async (t) => {
  t.same(await read({}), { key: undefined });
  t.same(await read({ 'crypto-key': `p256ecdsa=${pair.key}` }), { key: undefined });
});

t.test('a token that is signed by its key names that key', async (t) => {
  t.same(await readClaims({}), { key: pair.key });
  t.same(await readClaims({ sub: undefined }), { key: pair.key }, 'sub is not demanded');
  t.same(await readClaims({ aud: [audience, 'https://other.example'] }), { key: pair.key });
});

t.test(
  'parameters come in any order, case and form, and unknown ones are overlooked',
  async (t) => {
    const token = await tokenOf(good, pair.privateKey);
    const padded = Buffer.from(pair.key, 'base64url').toString('base64');
    for (const authorization of [
      `vapid t=${token},k=${pair.key}`,
      `Vapid k=${pair.key}, t=${token}`,
      `VAPID  T = "${token}" ,  K = "${pair.key}"`,
      `vapid t=${token}, k=${padded}`,
      `vapid t=${token}, k=${pair.key}, x=1, y="2"`,
    ]) {
      t.same(
        await read({ authorization }),
        { key: pair.key },
        authorization.split(token).join('…'),
      );
    }
  },
);

t.test('senders of aesgcm give the token alone, with the key in Crypto-Key', async (t) => {
  const token = await tokenOf(good, pair.privateKey);
  for (const scheme of ['WebPush', 'Bearer', 'webpush', 'bearer']) {
    for (const cryptoKey of [
      `p256ecdsa=${pair.key}`,
      `dh=${other.key};p256ecdsa=${pair.key}`,
      `keyid="a";dh="${other.key}", p256ecdsa="${pair.key}"`,
    ]) {
      const headers = { authorization: `${scheme} ${token}`, 'crypto-key': cryptoKey };
      t.same(await read(headers), { key: pair.key }, `${scheme} ${cryptoKey}`);
    }
    t.equal(await read({ authorization: `${scheme} ${token}` }), 'authorization-unusable');
  }
});

t.test('what the web-push library signs is good, in both encodings', async (t) => {
  const { publicKey, privateKey } = webpush.generateVAPIDKeys();
  const real = createVapid({
    audience: () => audience,
    clock: { now: () => Date.now(), after: clock.after },
  });
  for (const encoding of ['aes128gcm', 'aesgcm'] as const) {
    const made = webpush.getVapidHeaders(
      audience,
      'mailto:ops@app.example',
      publicKey,
      privateKey,
      encoding,
    ) as { Authorization: string; 'Crypto-Key'?: string };
    const cryptoKey = made['Crypto-Key'];
    const headers = {
      authorization: made.Authorization,
      ...(cryptoKey === undefined ? {} : { 'crypto-key': cryptoKey }),
    };
    t.same(await real(headers), { key: publicKey }, encoding);
  }
});

t.test('a token for another server is refused', async (t) => {
  for (const aud of [
    'https://other.example',
    'http://push.example',
    `${audience}:8443`,
    `${audience}/`,
    `${audience}/wpush`,
    ['https://other.example'],
    undefined,
    7,
  ]) {
    t.equal(await readClaims({ aud }), 'audience-wrong', String(aud));
  }
});

t.test('a token that has expired is refused', async (t) => {
  t.same(await readClaims({ exp: nowSeconds + 1 }), { key: pair.key });
  for (const exp of [nowSeconds, nowSeconds - 1, 0, -1, undefined, 'soon', null]) {
    t.equal(await readClaims({ exp }), 'token-expired', String(exp));
  }
});

t.test('a token that is valid for more than 24 hours is refused', async (t) => {
  t.same(await readClaims({ exp: nowSeconds + day }), { key: pair.key });
  for (const exp of [nowSeconds + day + 1, nowSeconds + 365 * day, (nowSeconds + 3600) * 1000]) {
    t.equal(await readClaims({ exp }), 'token-too-long', String(exp));
  }
});

t.test('a token that another key signed is refused', async (t) => {
  t.equal(await readClaims({}, { signedBy: other }), 'signature-invalid');
  t.equal(await readClaims({}, { k: other.key }), 'signature-invalid');
});

t.test('a token that was changed is refused', async (t) => {
  const [head, , signature] = (await tokenOf(good, pair.privateKey)).split('.');
  const claims = Buffer.from(JSON.stringify({ ...good, sub: 'mailto:x@y.example' }));
  const token = [head, claims.toString('base64url'), signature].join('.');
  const authorization = `vapid t=${token}, k=${pair.key}`;
  t.equal(await read({ authorization }), 'signature-invalid');
});

t.test('no other algorithm than ES256 is taken', async (t) => {
  const point = Buffer.from(pair.key, 'base64url');
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const unsigned = [{ typ: 'JWT', alg: 'none' }, good]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const tokens = [
    await tokenOf(good, point, 'HS256'),
    await tokenOf(good, p384, 'ES384'),
    `${unsigned}.`,
  ];
  for (const token of tokens) {
    const authorization = `vapid t=${token}, k=${pair.key}`;
    t.equal(await read({ authorization }), 'signature-invalid');
  }
});

t.test('an Authorization that cannot be read is told as that', async (t) => {
  const token = await tokenOf(good, pair.privateKey);
  const notOnCurve = Buffer.concat([Buffer.of(4), Buffer.alloc(64, 1)]).toString('base64url');
  for (const authorization of [
    '',
    'vapid',
    `vapid t=${token}`,
    `vapid k=${pair.key}`,
    `vapid t=, k=${pair.key}`,
    `vapid t=x, k=${pair.key}`,
    `vapid t=a.b.c, k=${pair.key}`,
    `vapid t=${token}, k=${pair.key.slice(1)}`,
    `vapid t=${token}, k=${notOnCurve}`,
    `vapid t=${token}, t=${token}, k=${pair.key}x`,
    `vapid ${token} ${pair.key}`,
    `Basic ${token}`,
    `Digest t=${token}, k=${pair.key}`,
    token,
  ]) {
    const told = authorization.split(token).join('…').slice(0, 60);
    t.equal(await read({ authorization }), 'authorization-unusable', told);
  }
});

t.test('any Authorization is read or refused', async () => {
  const token = await tokenOf(good, pair.privateKey);
  const pieces = fc.constantFrom('vapid ', 't=', 'k=', token, pair.key, ',', ' ', '"', '.', '=');
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 12 }).map((all) => all.join('')),
  );
  await fc.assert(
    fc.asyncProperty(texts, async (authorization) => {
      const found = await read({ authorization, 'crypto-key': authorization });
      return typeof found === 'string' || found.key === pair.key;
    }),
  );
});

t.test('a key is 65 bytes of a point on P-256, however its base64 is written', async (t) => {
  const bytes = Buffer.from(pair.key, 'base64url');
  t.equal(parseVapidKey(pair.key), pair.key);
  t.equal(parseVapidKey(`${pair.key}=`), pair.key);
  t.equal(parseVapidKey(bytes.toString('base64')), pair.key);
  const compressed = Buffer.concat([Buffer.of(2), bytes.subarray(1, 33)]);
  const bad = [
    ...['', ' ', 'x', pair.key.slice(1), `${pair.key}A`, `${pair.key}==`, ` ${pair.key}`],
    ...[compressed.toString('base64url'), Buffer.alloc(65).toString('base64url')],
    Buffer.concat([Buffer.of(4), Buffer.alloc(64, 0xff)]).toString('base64url'),
    Buffer.concat([Buffer.of(5), bytes.subarray(1)]).toString('base64url'),
    ...[undefined, null, 5, {}, [pair.key]],
  ];
  for (const value of bad) t.equal(parseVapidKey(value), undefined, String(value));
});

t.test('a header that would take long to read is refused unread', async (t) => {
  for (const filling of ['\t', '"', '=', ',', ';', 'k=', '<']) {
    const authorization = `vapid t=x${filling.repeat(4_100)}`;
    t.equal(await read({ authorization }), 'authorization-unusable', filling);
    const long = { authorization: 'WebPush x', 'crypto-key': filling.repeat(4_100) };
    t.equal(await read(long), 'authorization-unusable', filling);
  }
});
