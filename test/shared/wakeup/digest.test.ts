// Content-Digest against the examples of RFC 9530 and everything it may carry.
import { createHash } from 'node:crypto';
import t from 'tap';
import { checkContentDigest, contentDigest } from '../../../shared/wakeup/digest.js';

const body = Buffer.from('{"hello": "world"}');
const sha256 = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:';
const sha512 =
  'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:';

t.test('the digests of the RFCs are made', async (t) => {
  t.equal(contentDigest(body), sha256);
  t.equal(
    contentDigest(Buffer.from('{"hello": "world"}\n')),
    'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:',
    'RFC 9530 appendix B.1, with its line feed',
  );
  t.equal(
    contentDigest(Buffer.alloc(0)),
    'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
    'the empty body has one too',
  );
});

t.test('one digest we know is enough, and each one we know must match', async (t) => {
  const other256 = contentDigest(Buffer.from('other'));
  const verdicts: [string | undefined, string][] = [
    [sha256, 'ok'],
    [sha512, 'ok'],
    [`${sha256}, ${sha512}`, 'ok'],
    [`md5=:AAAA:, sha=:AAAA:, ${sha256}`, 'ok'],
    [`constructor=:AAAA:, ${sha256}`, 'ok'],
    [`${sha256};reason="why"`, 'ok'],
    [other256, 'mismatch'],
    [`${sha512}, ${other256}`, 'mismatch'],
    [`${sha256.replace('sha-256', 'sha-512')}`, 'mismatch'],
    ['sha-256=::', 'mismatch'],
    ['sha-256=:AAAA:', 'mismatch'],
    ['sha-256="X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="', 'mismatch'],
    [`sha-256=(${sha256.slice(8)})`, 'mismatch'],
    ['sha-256', 'mismatch'],
    [undefined, 'missing'],
    ['', 'missing'],
    ['md5=:CY9rzUYh03PK3k6DJie09g==:', 'missing'],
    [`SHA-256=${sha256.slice(8)}`, 'missing'],
    ['sha-256=:X48E9', 'missing'],
    ['sha-256=:****:', 'missing'],
    ['X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=', 'missing'],
  ];
  for (const [field, verdict] of verdicts) {
    t.equal(checkContentDigest(field, body), verdict, field ?? 'no field');
  }
});

t.test('one flipped bit of the body is a mismatch', async (t) => {
  for (let i = 0; i < body.length; i++) {
    const flipped = Buffer.from(body);
    flipped[i] = (flipped[i] ?? 0) ^ 1;
    t.equal(checkContentDigest(sha256, flipped), 'mismatch');
  }
});

t.test('the field value is the SHA-256 of the bytes, whatever they are', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const expected = createHash('sha256').update(bytes).digest('base64');
  t.equal(contentDigest(bytes), `sha-256=:${expected}:`);
  t.equal(checkContentDigest(contentDigest(bytes), bytes), 'ok');
});
