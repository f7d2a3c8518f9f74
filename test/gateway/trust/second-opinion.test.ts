// Another implementation of RFC 9421 as a witness: what it signs verifies here, and what is signed here
// verifies there.
import { createPublicKey, sign, verify } from 'node:crypto';
import { httpbis } from 'http-message-signatures';
import t from 'tap';
import { contentDigest } from '../../../shared/wakeup/digest.js';
import type { WireRequest } from '../../support/gateway-caller.js';
import { type RunningGateway, startGateway } from '../../support/gateway-setup.js';

const params = ['created', 'expires', 'nonce', 'keyid', 'alg', 'tag'];
const bodyless = ['@method', '@authority', '@path', '@query', 'content-digest'];

/** A request signed by the other implementation. */
async function signedElsewhere(
  { caller, clock, folder }: RunningGateway,
  wire: Pick<WireRequest, 'method' | 'target' | 'body'>,
): Promise<WireRequest> {
  const { keyid, key } = folder.centralKey;
  const isGet = wire.method === 'GET';
  const headers: Record<string, string> = {
    host: caller.authority,
    'content-digest': contentDigest(wire.body),
    ...(!isGet && { 'content-type': 'application/json' }),
  };
  const signed = await httpbis.signMessage(
    {
      key: { id: keyid, alg: 'ed25519', sign: async (data) => sign(null, data, key) },
      name: 'elsewhere',
      params,
      fields: isGet ? bodyless : [...bodyless, 'content-type'],
      paramValues: {
        created: new Date(clock.now()),
        expires: new Date(clock.now() + 30_000),
        nonce: `nonce-of-the-other-${wire.method}-one`,
        tag: 'wakeup',
      },
    },
    { method: wire.method, url: `http://${caller.authority}${wire.target}`, headers },
  );
  const written = Object.entries(signed.headers).map(([name, value]) => [
    name.toLowerCase(),
    value,
  ]);
  return { ...wire, headers: Object.fromEntries(written) };
}

t.test('a request that the other implementation signs is accepted here', async (t) => {
  const running = await startGateway(t);
  const post = { method: 'POST', target: '/v1/wakeups', body: Buffer.from('{"wakeups":[]}') };
  t.equal((await running.caller.sendWire(await signedElsewhere(running, post))).status, 200);
  const get = { method: 'GET', target: '/v1/networks?of=all', body: Buffer.alloc(0) };
  t.equal((await running.caller.sendWire(await signedElsewhere(running, get))).status, 200);
  const spoilt = await signedElsewhere(running, { ...post, method: 'POST', target: '/v1/wakeups' });
  spoilt.target = '/v1/wakeups?x';
  t.match((await running.caller.sendWire(spoilt)).problem, /nonce-replayed|signature-invalid/);
});

t.test('requests and answers that are signed here verify there', async (t) => {
  const { caller, folder } = await startGateway(t);
  const verifierOf = (key: Parameters<typeof verify>[2]) => ({
    keyLookup: async () => ({
      verify: async (data: Buffer, signature: Buffer) => verify(null, data, key, signature),
    }),
    // The clock of the test stands in the past; times have tests of their own.
    notAfter: new Date(8e15),
    tolerance: 10 ** 10,
  });
  const answer = await caller.send({ target: '/v1/wakeups?x=1' });
  t.equal(answer.status, 200);
  const { method, target, headers } = answer.request;
  const request = { method, url: `http://${caller.authority}${target}`, headers };
  t.equal(
    await httpbis.verifyMessage(verifierOf(createPublicKey(folder.centralKey.key)), request),
    true,
  );
  const response = {
    status: answer.status,
    headers: Object.fromEntries(
      [...answer.headers].map(([name, lines]) => [name, lines.join(', ')]),
    ),
  };
  const [gatewayKey] = folder.gatewayKeys;
  if (!gatewayKey) throw new Error('no key');
  t.equal(await httpbis.verifyMessage(verifierOf(gatewayKey.key), response, request), true);
  const other = {
    ...request,
    headers: { ...headers, signature: String(headers.signature).replace(/:.{4}/, ':AAAA') },
  };
  t.not(await httpbis.verifyMessage(verifierOf(gatewayKey.key), response, other), true);
});
