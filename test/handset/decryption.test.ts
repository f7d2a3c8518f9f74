import { randomUUID } from 'node:crypto';
import t from 'tap';
import { decrypt, type EncryptedBody } from '../../handset/decryption.js';
import {
  areChannelKeys,
  type ChannelKeys,
  createKeyring,
  isPublicKey,
  subscriptionKeys,
} from '../../handset/push-keys.js';
import { CodedError } from '../../shared/errors.js';
import { encryptFor } from '../support/web-push-encryption.js';

const newKeys = (): ChannelKeys => createKeyring({}).of(randomUUID());

/** RFC 8291 section 5 and appendix A. */
const rfc8291 = {
  keys: {
    privateKey: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94',
    auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  },
  p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  data: [
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_',
    'yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  ].join(''),
  text: 'When I grow up, I want to be a watermelon',
};

function isUnreadable(body: EncryptedBody, keys: ChannelKeys): boolean {
  const found = decrypt(body, keys);
  return found instanceof CodedError && found.code === 'not-decrypted';
}

t.test('reads the example of RFC 8291', async (t) => {
  const data = Buffer.from(rfc8291.data, 'base64url');
  t.equal(String(decrypt({ data, encoding: 'aes128gcm' }, rfc8291.keys)), rfc8291.text);
  t.same(subscriptionKeys(rfc8291.keys), { p256dh: rfc8291.p256dh, auth: rfc8291.keys.auth });
});

t.test('reads what web-push encrypts, in both encodings', async (t) => {
  const keys = newKeys();
  for (const encoding of ['aes128gcm', 'aesgcm'] as const) {
    for (const text of ['', 'Grüße ☎', 'x'.repeat(3000)]) {
      const body = encryptFor(subscriptionKeys(keys), text, encoding);
      t.equal(String(decrypt(body, keys)), text, `${encoding}, ${text.length}`);
    }
  }
});

t.test('finds the key that aesgcm means among those that are named', async (t) => {
  const keys = newKeys();
  const body = encryptFor(subscriptionKeys(keys), 'hello', 'aesgcm');
  const { encryption = '', cryptoKey = '' } = body;
  const other = subscriptionKeys(newKeys()).p256dh;
  const forms: [string, string][] = [
    [encryption, `${cryptoKey};p256ecdsa=${other}`],
    [encryption, `p256ecdsa=${other},${cryptoKey}`],
    [`keyid=a; ${encryption}; rs=4096`, `keyid=b; dh=${other}, keyid=a; ${cryptoKey}`],
    [`keyid="a";${encryption.replace('=', '="')}"`, `keyid="a";${cryptoKey.replace('=', '="')}"`],
    [`keyid=p256dh;${encryption}`, cryptoKey],
  ];
  for (const [encryption, cryptoKey] of forms) {
    t.equal(String(decrypt({ ...body, encryption, cryptoKey }, keys)), 'hello', cryptoKey);
  }
});

t.test('says so when a body cannot be read, and never throws', async (t) => {
  const keys = newKeys();
  for (const encoding of ['aes128gcm', 'aesgcm'] as const) {
    const body = encryptFor(subscriptionKeys(keys), 'hello', encoding);
    t.ok(isUnreadable(body, newKeys()), 'with the keys of another channel');
    for (let length = 0; length < body.data.length; length++) {
      const data = body.data.subarray(0, length);
      t.ok(isUnreadable({ ...body, data }, keys), `${encoding}, ${length} bytes`);
    }
    for (const at of [0, 22, body.data.length - 1]) {
      const data = Buffer.from(body.data);
      data.writeUInt8(data.readUInt8(at) ^ 0x80, at);
      t.ok(isUnreadable({ ...body, data }, keys), `${encoding}, byte ${at} damaged`);
    }
    for (const other of [{}, { encoding: 'gzip' }, { encoding: '' }]) {
      t.ok(isUnreadable({ data: body.data, ...other }, keys));
    }
  }
  const body = encryptFor(subscriptionKeys(keys), 'hello', 'aesgcm');
  for (const cryptoKey of ['', 'dh=', 'dh', 'dh=AAAA', ',;=,', `dh=${'A'.repeat(87)}`]) {
    t.ok(isUnreadable({ ...body, cryptoKey }, keys), cryptoKey);
  }
  for (const encryption of ['', 'salt=', 'salt=AAAA', 'rs=18', ';;;', 'salt']) {
    t.ok(isUnreadable({ ...body, encryption }, keys), encryption);
  }
});

t.test('keys of channels keep their form', async (t) => {
  for (let i = 0; i < 300; i++) {
    const keys = newKeys();
    t.match(keys, { privateKey: /^[\w-]{43}$/, auth: /^[\w-]{22}$/ });
    t.ok(areChannelKeys(keys) && isPublicKey(subscriptionKeys(keys).p256dh));
  }
});

t.test('takes a public key with or without padding, and nothing that is none', async (t) => {
  const { p256dh } = rfc8291;
  t.ok(isPublicKey(p256dh) && isPublicKey(`${p256dh}=`));
  const point = Buffer.from(p256dh, 'base64url');
  const off = Buffer.from(point);
  off.writeUInt8(point.readUInt8(64) ^ 1, 64);
  const compressed = Buffer.concat([Buffer.of(2), point.subarray(1, 33)]);
  const hybrid = Buffer.concat([Buffer.of(6), point.subarray(1)]);
  for (const bytes of [off, compressed, hybrid, point.subarray(1), Buffer.alloc(65)]) {
    t.notOk(isPublicKey(bytes.toString('base64url')));
  }
  t.notOk(isPublicKey('') || isPublicKey(`${p256dh}==`) || isPublicKey(p256dh.replace(/.$/, '+')));
});
