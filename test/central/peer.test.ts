// Who a peer is: addresses of real connections, and lists that real proxies and liars send.
import { once } from 'node:events';
import { createServer, type OutgoingHttpHeaders, request } from 'node:http';
import t, { type Test } from 'tap';
import { createPeerOf } from '../../central/peer.js';
import { hostPort, prefix } from '../../shared/address.js';
import { listen } from '../../shared/http.js';

interface Asking {
  trusted?: string[];
  host?: string;
  localAddress?: string;
  forwarded?: string | string[];
}

/** Who the server takes the asking one for. */
async function peerOf(t: Test, asking: Asking): Promise<string> {
  const { trusted = [], host = '127.0.0.1', localAddress, forwarded } = asking;
  const find = createPeerOf(trusted.map(prefix));
  const server = createServer((request, response) => response.end(find(request)));
  t.teardown(() => server.close());
  const { port } = new URL(await listen(server, { host, port: 0 }, 'http'));
  const headers: OutgoingHttpHeaders = forwarded ? { 'x-forwarded-for': forwarded } : {};
  const asked = request(`http://${hostPort(host, Number(port))}/`, {
    ...{ agent: false, headers },
    ...(localAddress && { localAddress }),
  }).end();
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

t.test('the peer is the other end of TCP', async (t) => {
  t.equal(await peerOf(t, {}), '127.0.0.1');
  t.equal(await peerOf(t, { host: '::1' }), '::1');
  t.equal(await peerOf(t, { host: '::ffff:127.0.0.1' }), '127.0.0.1', 'mapped, made plain');
});

t.test('whom nobody trusts cannot say who he is', async (t) => {
  const forwarded = '203.0.113.1';
  t.equal(await peerOf(t, { forwarded }), '127.0.0.1');
  const from = (localAddress: string) =>
    peerOf(t, { forwarded, localAddress, trusted: ['127.0.0.2/32'] });
  t.equal(await from('127.0.0.3'), '127.0.0.3');
  t.equal(await from('127.0.0.2'), forwarded);
});

t.test('behind trusted proxies it is the last address that is none of theirs', async (t) => {
  const trusted = ['127.0.0.0/8', '10.0.0.0/8', 'fd00::/8'];
  const cases: [forwarded: string | string[] | undefined, peer: string][] = [
    [undefined, '127.0.0.1'],
    ['203.0.113.1', '203.0.113.1'],
    ['198.51.100.9, 203.0.113.1', '203.0.113.1'],
    ['198.51.100.9,203.0.113.1 ,10.0.0.1, fd00::1', '203.0.113.1'],
    [['198.51.100.9', '203.0.113.1'], '203.0.113.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:203.0.113.1', '203.0.113.1'],
    ['::ffff:cb00:7101', '203.0.113.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['203.0.113.1:4711', '203.0.113.1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    // Nobody else: the farthest proxy is all that is known.
    ['10.0.0.2, 10.0.0.1', '10.0.0.2'],
    // What is no address ends the list.
    ['203.0.113.1, unknown, 10.0.0.1', '10.0.0.1'],
    ['203.0.113.1, , 10.0.0.1', '10.0.0.1'],
    ['unknown', '127.0.0.1'],
    ['0177.0.0.1', '127.0.0.1'],
    [',,,', '127.0.0.1'],
  ];
  for (const [forwarded, peer] of cases) {
    const asking = forwarded === undefined ? { trusted } : { trusted, forwarded };
    t.equal(await peerOf(t, asking), peer, String(forwarded));
  }
});
