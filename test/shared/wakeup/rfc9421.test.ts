// The Ed25519 vectors of RFC 9421 appendix B, byte for byte.
import t from 'tap';
import {
  readSignatures,
  type SignableMessage,
  signatureBase,
  signMessage,
  verifyMessage,
} from '../../../shared/wakeup/signature.js';
import { centralKey, centralPublic, messageOf, only } from './rfc-messages.js';

const b26Signature =
  'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==';
const b26Params =
  '("date" "@method" "@path" "@authority" "content-type" "content-length")' +
  ';created=1618884473;keyid="test-key-ed25519"';
const b26 = `POST /foo?param=Value&Pet=dog HTTP/1.1
Host: example.com
Date: Tue, 20 Apr 2021 02:07:55 GMT
Content-Type: application/json
Content-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
Content-Length: 18
Signature-Input: sig-b26=${b26Params}
Signature: sig-b26=:${b26Signature}:

{"hello": "world"}`;

const transformSignature = `Signature-Input: transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"
Signature: transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:`;

function verify(message: SignableMessage): Promise<boolean> {
  return verifyMessage(only(readSignatures(message.headers)), centralPublic.key, { message });
}

t.test('B.2.6: the signature base is the one the RFC prints', async (t) => {
  const { message } = messageOf(b26);
  const base = signatureBase(only(readSignatures(message.headers)).input, { message });
  t.equal(
    base,
    [
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@method": POST',
      '"@path": /foo',
      '"@authority": example.com',
      '"content-type": application/json',
      '"content-length": 18',
      `"@signature-params": ${b26Params}`,
    ].join('\n'),
  );
});

t.test('B.2.6: the signature verifies', async (t) => {
  t.equal(await verify(messageOf(b26).message), true);
});

t.test('B.2.6: signing gives the very bytes of the RFC', async (t) => {
  const { message } = messageOf(b26);
  const names = ['date', '@method', '@path', '@authority', 'content-type', 'content-length'];
  const signed = signMessage({
    components: names.map((name) => ({ name })),
    params: new Map<string, number | string>([
      ['created', 1618884473],
      ['keyid', 'test-key-ed25519'],
    ]),
    key: centralKey.key,
    context: { message },
  });
  t.equal(signed.input, b26Params);
  t.equal(signed.signature, `:${b26Signature}:`);
});

t.test('B.4: what intermediaries may do leaves the signature valid', async (t) => {
  const allowed = {
    'the message as it was signed': `GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.org
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: application/json
Accept: */*`,
    'a query parameter and a field are added': `GET /demo?name1=Value1&Name2=value2&param=added HTTP/1.1
Host: example.org
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: application/json
Accept: */*
Accept-Language: en-US,en;q=0.5`,
    'Date is removed, Referer added, the Accept lines joined': `GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.org
Referer: https://developer.example.org/demo
Accept: application/json, */*`,
    'fields change their order, the lines of Accept do not': `GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Accept: application/json
Host: example.org
Accept: */*
Date: Fri, 15 Jul 2022 14:24:55 GMT`,
  };
  for (const [name, text] of Object.entries(allowed)) {
    t.equal(await verify(messageOf(`${text}\n${transformSignature}`).message), true, name);
  }
});

t.test('B.4: what changes a covered component does not verify', async (t) => {
  const forbidden = {
    'another method and authority': `POST /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.com
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: application/json
Accept: */*`,
    'the lines of Accept in another order': `GET /demo?name1=Value1&Name2=value2 HTTP/1.1
Host: example.org
Date: Fri, 15 Jul 2022 14:24:55 GMT
Accept: */*
Accept: application/json`,
  };
  for (const [name, text] of Object.entries(forbidden)) {
    t.equal(await verify(messageOf(`${text}\n${transformSignature}`).message), false, name);
  }
});
