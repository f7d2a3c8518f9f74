// The test vectors of the wakeup API as its page prints them: what others build against is what we do.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { wakeupMac, wakeupPayload } from '../../../shared/wakeup/datagram.js';
import { checkContentDigest } from '../../../shared/wakeup/digest.js';
import { readPrivateKeys, readPublicKeys } from '../../../shared/wakeup/keys.js';
import {
  answerComponents,
  freshnessProblem,
  requestComponents,
  signatureParams,
  signatureTag,
  verifyAnswer,
} from '../../../shared/wakeup/profile.js';
import { outcomes, parseResults, parseWakeups } from '../../../shared/wakeup/request.js';
import {
  coversAll,
  fieldValue,
  readSignatures,
  signatureBase,
  signMessage,
  verifyMessage,
} from '../../../shared/wakeup/signature.js';
import { messageOf, only } from './rfc-messages.js';

const docs = new URL('../../../../docs/wakeup-api.md', import.meta.url);
const page = readFileSync(docs, 'utf8').split('## Test vectors\n')[1] ?? '';

/** The one block of the section whose fence says so. */
function block(info: string): string {
  const [, ...found] = page.split(`\`\`\`${info}\n`);
  return only(found).split(/\n```$/m, 1)[0] ?? '';
}

const central = block('pem central');
const gateway = block('pem gateway');
const centralKey = only(readPrivateKeys(central));
const gatewayKey = only(readPrivateKeys(gateway));
const request = messageOf(block('http request'));
const answer = messageOf(block('http answer'));
const signedRequest = only(readSignatures(request.message.headers));
const signedAnswer = only(readSignatures(answer.message.headers));
const requestContext = { message: request.message };
const answerContext = { message: answer.message, request: request.message };
const atMs = (signatureParams(signedRequest).created ?? 0) * 1000;

t.test('the keys are pairs, and the page names them right', async (t) => {
  for (const [pem, { keyid }] of [
    [central, centralKey],
    [gateway, gatewayKey],
  ] as const) {
    t.equal(only(readPublicKeys(pem)).keyid, keyid);
    t.ok(page.includes(`Its keyid is \`${keyid}\``));
  }
  t.equal(signatureParams(signedRequest).keyid, centralKey.keyid);
  t.equal(signatureParams(signedAnswer).keyid, gatewayKey.keyid);
});

t.test('bodies have the length and the digest that their headers say', async (t) => {
  for (const { message, body } of [request, answer]) {
    t.equal(fieldValue(message.headers, 'content-length'), String(body.length));
    t.equal(checkContentDigest(fieldValue(message.headers, 'content-digest'), body), 'ok');
  }
});

t.test('the signature bases are those printed', async (t) => {
  t.equal(signatureBase(signedRequest.input, requestContext), block('base request'));
  t.equal(signatureBase(signedAnswer.input, answerContext), block('base answer'));
});

t.test('the request verifies, covers what it must and carries every parameter', async (t) => {
  const [key] = readPublicKeys(central);
  t.ok(key && (await verifyMessage(signedRequest, key.key, requestContext)));
  t.ok(coversAll(signedRequest.input, requestComponents('POST')));
  const params = signatureParams(signedRequest);
  t.equal(params.tag, signatureTag);
  t.equal(Buffer.from(params.nonce ?? '', 'base64url').length, 16);
});

t.test('it is fresh for as long as the page says', async (t) => {
  const { created, expires } = signatureParams(signedRequest);
  t.match(page, `Both sign at ${created} (${new Date(atMs).toISOString().replace('.000', '')})`);
  t.match(page, `${Number(created) + 31} or later`);
  t.match(page, `${Number(created) - 6} or before`);
  const problemAt = (seconds: number) => freshnessProblem(created, expires, atMs + seconds * 1000);
  t.same([-6, -5, 0, 30, 31].map(problemAt), ['future', undefined, undefined, undefined, 'stale']);
});

t.test('the answer is accepted for this request and by the gateway’s key only', async (t) => {
  const accepted = (keys: (typeof centralKey)[]) =>
    verifyAnswer({ ...answerContext, keys, nowMs: atMs });
  t.equal(await accepted(readPublicKeys(gateway)), true);
  t.equal(await accepted(readPublicKeys(central)), false);
});

t.test('signing again gives the very bytes of the page', async (t) => {
  const pairs = [
    {
      of: request,
      signed: signMessage({
        components: requestComponents('POST'),
        params: signedRequest.input[1],
        key: centralKey.key,
        context: requestContext,
      }),
    },
    {
      of: answer,
      signed: signMessage({
        components: answerComponents('wakeup'),
        params: signedAnswer.input[1],
        key: gatewayKey.key,
        context: answerContext,
      }),
    },
  ];
  for (const { of, signed } of pairs) {
    t.equal(fieldValue(of.message.headers, 'signature-input'), `wakeup=${signed.input}`);
    t.equal(fieldValue(of.message.headers, 'signature'), `wakeup=${signed.signature}`);
  }
});

t.test('the bodies are what both ends read', async (t) => {
  const ids = parseWakeups(request.body).map(({ id }) => id);
  const results = parseResults(answer.body);
  t.same(
    results.map(({ id }) => id),
    ids,
  );
  t.ok(results.every(({ outcome }) => outcomes.includes(outcome)));
});

t.test('the datagrams are those of the three kinds of wakeups', async (t) => {
  const { ip, port } = parseWakeups(request.body)[0] as { ip: string; port: number };
  const bytes = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => i));
  const auth = { counter: 1, mac: wakeupMac(bytes(32), { ip, port, counter: 1 }) };
  const wakeups = [{}, { nonce: bytes(16).toString('base64url') }, { auth }];
  t.equal(
    block('datagram'),
    wakeups.map((words) => wakeupPayload(ip, port, words).toString()).join('\n'),
  );
});
