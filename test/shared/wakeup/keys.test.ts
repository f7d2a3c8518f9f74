// Keys in PEM files: which are taken, under which name, and what an operator is told about the others.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import t from 'tap';
import { readPrivateKeys, readPublicKeys, thumbprint } from '../../../shared/wakeup/keys.js';
import {
  only,
  rfc8037Keyid,
  rfc8037Private,
  rfc8037Public,
  rfc9421Keyid,
  rfc9421Private,
  rfc9421Public,
} from './rfc-messages.js';

const pemOf = (key: KeyObject) =>
  key.export({ format: 'pem', type: key.type === 'public' ? 'spki' : 'pkcs8' }).toString();
const bad = (message: string) => ({ code: 'bad-key', message });

t.test('a keyid is the thumbprint of RFC 7638, of RFC 8037 for the key type', async (t) => {
  t.equal(only(readPublicKeys(rfc8037Public)).keyid, rfc8037Keyid, 'RFC 8037 appendix A.3');
  t.equal(only(readPublicKeys(rfc9421Public)).keyid, rfc9421Keyid);
});

t.test('both halves of a pair have the same keyid', async (t) => {
  t.equal(only(readPrivateKeys(rfc8037Private)).keyid, rfc8037Keyid);
  t.equal(only(readPrivateKeys(rfc9421Private)).keyid, rfc9421Keyid);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  t.equal(thumbprint(privateKey), thumbprint(publicKey));
});

t.test(
  'a file may hold two keys during a rotation, in their order, with text around them',
  async (t) => {
    const both = `new\n${rfc8037Public}\nold since May - see the runbook\n${rfc9421Public}`;
    t.same(
      readPublicKeys(both).map(({ keyid }) => keyid),
      [rfc8037Keyid, rfc9421Keyid],
    );
    const pair = `${rfc9421Private}${rfc9421Public}`;
    t.equal(only(readPrivateKeys(pair)).key.type, 'private');
    t.equal(only(readPublicKeys(pair)).key.type, 'public');
  },
);

t.test('line ends of any system do', async (t) => {
  t.equal(only(readPublicKeys(rfc8037Public.replaceAll('\n', '\r\n'))).keyid, rfc8037Keyid);
});

t.test('a key of another type is refused by its name', async (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const x25519 = generateKeyPairSync('x25519');
  const ed448 = generateKeyPairSync('ed448');
  for (const [type, pair] of Object.entries({ rsa, ec, x25519, ed448 })) {
    const refused = bad(`is a ${type} key; only Ed25519 is used here`);
    t.throws(() => readPublicKeys(pemOf(pair.publicKey)), refused);
    t.throws(() => readPrivateKeys(pemOf(pair.privateKey)), refused);
    t.throws(() => readPublicKeys(rfc8037Public + pemOf(pair.publicKey)), refused, 'as the second');
  }
});

t.test('a file without such a key says which block it should hold', async (t) => {
  const noPublic = bad('holds no PEM block "BEGIN PUBLIC KEY"; make one with keygen');
  const noPrivate = bad('holds no PEM block "BEGIN PRIVATE KEY"; make one with keygen');
  const { privateKey } = generateKeyPairSync('ed25519');
  const encrypted = privateKey.export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-128-cbc',
    passphrase: 'x',
  });
  for (const text of ['', 'garbage', '\0\u0001', '-----BEGIN', '{"kty":"OKP"}']) {
    t.throws(() => readPublicKeys(text), noPublic);
    t.throws(() => readPrivateKeys(text), noPrivate);
  }
  t.throws(
    () => readPublicKeys(rfc9421Private),
    noPublic,
    'the private half in place of the public',
  );
  t.throws(() => readPrivateKeys(rfc9421Public), noPrivate);
  t.throws(() => readPrivateKeys(encrypted.toString()), noPrivate, 'an encrypted key');
});

t.test('a block that is damaged is never passed over, also beside a good one', async (t) => {
  const broken = [
    rfc8037Public.replace('MCow', 'MCox'),
    rfc8037Public.replace(/\nMCow.*\n/, '\n\n'),
    rfc8037Public.replace(/\nMCow.*\n/, '\nnot base64 at all\n'),
    rfc8037Public.replace('-----END PUBLIC KEY-----', ''),
    rfc8037Public.replace('MCow', 'MC-w'),
    rfc8037Public.replace('END PUBLIC KEY', 'END PUBLIC KE'),
  ];
  const refused = bad('is no readable PEM key; make one with keygen');
  for (const text of broken) {
    t.throws(() => readPublicKeys(text), refused, text);
    t.throws(() => readPublicKeys(`${text}${rfc9421Public}`), refused, `${text} before a good one`);
    t.throws(() => readPublicKeys(`${rfc9421Public}${text}`), refused, `${text} after a good one`);
  }
});

t.test('an error never shows the key', async (t) => {
  const secret = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
  try {
    readPrivateKeys(rfc8037Private.replace('MC4C', 'MC5C'));
    t.fail('it was read');
  } catch (error) {
    t.notMatch(String(error), secret.slice(0, 8));
  }
});
