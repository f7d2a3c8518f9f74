// Nothing that a device or an app server can send ends central: hand-picked and random inputs against one running
// process, each answered as documented, and afterwards it still serves.
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { maskedFrame, opcodes, openRawDevice } from '../support/raw-device.js';
import {
  createPathFolder,
  startCentralProgram,
  writeCentralConfig,
} from '../support/running-path.js';
import type { RunningProgram } from '../support/running-program.js';
import { connectDevice, put } from '../support/test-device.js';

/** What a device sends after its hello, and the statuses it hears: of its answer, of `pong`, or of nothing. */
const deviceInputs: [frame: string, status: number | 'pong' | 'nothing'][] = [
  ['', 450],
  [' ', 450],
  ['null', 450],
  ['true', 450],
  ['0', 450],
  ['-1e999', 450],
  ['"hello"', 450],
  ['[]', 450],
  ['[{"messageType":"hello"}]', 450],
  ['{', 450],
  ['{"messageType":"hello"', 450],
  ['{"messageType":"hello"}{}', 450],
  ['PING\n', 450],
  ['PONG', 450],
  ['\u0000', 450],
  ['\ufeff{}', 'pong'],
  ['['.repeat(10_000), 450],
  ['{"a":'.repeat(4_000), 450],
  ['{ }', 'pong'],
  ['{"__proto__":{}}', 405],
  ['{"messageType":"__proto__"}', 405],
  ['{"messageType":"toString"}', 405],
  ['{"messageType":{"toString":1}}', 405],
  ['{"messageType":null}', 405],
  ['{"messagetype":"hello"}', 405],
  [`{"messageType":"${'x'.repeat(20_000)}"}`, 405],
  ['{"messageType":"hello","uaid":5}', 200],
  ['{"messageType":"hello","uaid":{"length":43}}', 200],
  [`{"messageType":"hello","uaid":"${'A'.repeat(10_000)}"}`, 200],
  ['{"messageType":"hello","uaid":"\\ud800"}', 200],
  ['{"messageType":"hello","channelIDs":5}', 457],
  ['{"messageType":"hello","channelIDs":{"length":1e9}}', 457],
  ['{"messageType":"hello","channelIDs":[null,5,{},[],""]}', 200],
  ['{"messageType":"hello","wakeup_hostport":null,"mobilenetwork":null}', 200],
  ['{"messageType":"hello","wakeup_hostport":[],"mobilenetwork":"x"}', 200],
  ['{"messageType":"hello","wakeup_hostport":{"ip":{},"port":1e999}}', 200],
  ['{"messageType":"hello","wakeup_hostport":{"ip":"::ffff:1.2.3.4%eth0","port":-1}}', 200],
  ['{"messageType":"hello","mobilenetwork":{"mcc":"__proto__","mnc":"constructor"}}', 200],
  ['{"messageType":"hello","protocol":["udp"]}', 200],
  ['{"messageType":"register"}', 457],
  ['{"messageType":"register","channelID":null}', 457],
  ['{"messageType":"register","channelID":{}}', 457],
  ['{"messageType":"register","channelID":"\\u0000"}', 457],
  ['{"messageType":"register","channelID":"\\ud800"}', 457],
  [`{"messageType":"register","channelID":"${'x'.repeat(129)}"}`, 457],
  ['{"messageType":"register","channelID":"__proto__"}', 200],
  ['{"messageType":"register","channelID":"\'; DROP TABLE channel; --"}', 200],
  ['{"messageType":"register","channelID":"🙂"}', 200],
  ['{"messageType":"unregister"}', 457],
  ['{"messageType":"unregister","channelID":"never-registered"}', 202],
  ['{"messageType":"ack"}', 457],
  ['{"messageType":"ack","updates":null}', 457],
  ['{"messageType":"ack","updates":[null]}', 457],
  ['{"messageType":"ack","updates":[[]]}', 457],
  ['{"messageType":"ack","updates":[{"channelID":"c","version":-1}]}', 'nothing'],
  ['{"messageType":"ack","updates":[{"channelID":"c","version":1e999}]}', 'nothing'],
  ['{"messageType":"ack","updates":[{"channelID":"c","version":"9007199254740993"}]}', 'nothing'],
  ['{"messageType":"ack","updates":[{"channelID":"c","version":{}}]}', 'nothing'],
];

/** Bytes on the device's TCP connection after the upgrade, and the close code they end it with. */
const deviceBytes: [name: string, bytes: Buffer, code: number][] = [
  ['a frame that is not masked', Buffer.from([0x81, 0x02, 0x7b, 0x7d]), 1002],
  ['a reserved bit', maskedFrame(0x40 | opcodes.text, Buffer.from('{}')), 1002],
  ['a reserved opcode', maskedFrame(11, Buffer.from('{}')), 1002],
  ['a continuation of nothing', maskedFrame(0, Buffer.from('{}')), 1002],
  ['a fragmented ping', Buffer.from([0x09, 0x80, 0, 0, 0, 0]), 1002],
  ['a ping of 126 bytes', maskedFrame(opcodes.ping, Buffer.alloc(126)), 1002],
  ['a close of one byte', maskedFrame(opcodes.close, Buffer.alloc(1)), 1002],
  ['a close with code 999', maskedFrame(opcodes.close, Buffer.from([0x03, 0xe7])), 1002],
  ['a close with code 1005', maskedFrame(opcodes.close, Buffer.from([0x03, 0xed])), 1002],
  ['a length of 2^63', Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), 1009],
  ['a length of 2^53', Buffer.from([0x81, 0xff, 0, 0x20, 0, 0, 0, 0, 0, 0]), 1009],
  ['text that is not UTF-8', maskedFrame(opcodes.text, Buffer.from([0xc0, 0x80])), 1007],
  ['a binary frame', maskedFrame(opcodes.binary, Buffer.from('{}')), 1003],
];

/** What an app server sends as it stands on the wire, `%` for a good endpoint's path; and the status. */
const appInputs: [request: string, status: number][] = [
  ['GET % HTTP/1.1\r\nHost: x\r\n\r\n', 405],
  ['POST % HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n', 405],
  ['DELETE % HTTP/1.1\r\nHost: x\r\n\r\n', 405],
  ['OPTIONS % HTTP/1.1\r\nHost: x\r\n\r\n', 204],
  ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['GET //about HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['GET /__proto__ HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['GET /constructor HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['GET http://x/about HTTP/1.1\r\nHost: x\r\n\r\n', 200],
  ['PUT /v1/notify/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nversion=1', 404],
  ['PUT /v1/notify/__proto__ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nversion=1', 404],
  ['PUT %x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nversion=1', 404],
  ['PUT %/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nversion=1', 404],
  [`PUT /v1/notify/${'A'.repeat(8_000)} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`, 404],
  ['PUT % HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n', 404],
  ['PUT % HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ...[
    'version=',
    'version=-1',
    'version=1.0',
    'version=1e3',
    'version=0x10',
    'version=+1',
    'version=%20',
    'version=NaN',
    'version=9007199254740992',
    'version=99999999999999999999',
    'version=1&version=2',
    'version=1&a=b',
    'Version=1',
    '{"version":1}',
    'version',
    '=1',
    '&',
    'version=%',
    'version=%00',
    'a[version]=1',
    'version[]=1',
    '__proto__=1',
  ].map((body): [string, number] => [
    `PUT % HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body.replaceAll('%', '\u0001')}`,
    404,
  ]),
  ['PUT %?version=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nversion=0', 200],
  [`PUT % HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5_000)}`, 413],
  [
    `PUT % HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n${'x'.repeat(5_000)}\r\n0\r\n\r\n`,
    413,
  ],
  [
    'PUT % HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nvers\r\n5\r\nion=0\r\n0\r\n\r\n',
    200,
  ],
  ['PUT % HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  ['PUT % HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
  ['PUT % HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx', 400],
  ['PUT % HTTP/1.1\r\nContent-Length: 0\r\n\r\n', 400],
  [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['GET / HTTP/9.9\r\nHost: x\r\n\r\n', 400],
  ['\u0000\u0001\u0002\r\n\r\n', 400],
  ['\u0016\u0003\u0001\u0002\u0000\u0001', 400],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
];

t.test('no input of a device or an app server ends central', async (t) => {
  const folder = await createPathFolder(t);
  writeCentralConfig(folder, [], { log: { level: 'warn' } });
  const central = await startCentralProgram(t, folder);
  const owner = await connectDevice(t, central.url);
  await owner.hello();
  const endpoint = await owner.register('target');

  await t.test('frames of a device, each answered as documented', async (t) => {
    for (const [frame, expected] of deviceInputs) {
      const device = await connectDevice(t, central.url);
      await device.hello();
      device.send(frame);
      if (expected === 'nothing') device.send('{}');
      const answer = await device.receive();
      const shown = frame.slice(0, 60);
      if (typeof expected === 'number') t.equal(answer.status, expected, shown);
      else t.same(answer, {}, shown);
      device.socket.close();
    }
  });

  await t.test('frames of a device before its hello', async (t) => {
    for (const [frame] of deviceInputs) {
      const device = await connectDevice(t, central.url);
      device.send(frame);
      const { status } = await device.receive();
      t.ok([200, 450, 457, 459, undefined].includes(status as number), frame.slice(0, 60));
      device.socket.close();
    }
  });

  await t.test('bytes that break RFC 6455', async (t) => {
    for (const [name, bytes, code] of deviceBytes) {
      const device = openRawDevice(t, central.url);
      await device.answered;
      device.write(bytes);
      let frame = await device.receive();
      while (frame.opcode !== opcodes.close) frame = await device.receive();
      t.equal(frame.payload.readUInt16BE(), code, name);
      t.equal(await device.ended, 'fin');
      device.tcp.destroy();
    }
  });

  await t.test('requests of an app server, each answered as documented', async (t) => {
    const { pathname } = new URL(endpoint);
    for (const [request, expected] of appInputs) {
      const bytes = request.replace(' % ', ` ${pathname} `).replace(' %', ` ${pathname}`);
      const status = await exchange(central, bytes.replaceAll('\u0001', '%'));
      t.equal(status, expected, request.slice(0, 90));
    }
  });

  await t.test('random JSON, text and bytes of a device', async (t) => {
    await fc.assert(
      fc.asyncProperty(conversation, (frames) => converse(t, central, frames)),
      {
        numRuns: 40,
      },
    );
  });

  await t.test('random bodies, paths and bytes of an app server', async () => {
    const request = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ maxLength: 100 }).map((body) => putRequest(new URL(endpoint).pathname, body)),
      fc.webPath().map((path) => putRequest(`/v1/notify${path}`, 'version=1')),
    );
    await fc.assert(
      fc.asyncProperty(request, async (bytes) => {
        const status = await exchange(central, bytes, 'and-end');
        return status === 'closed' || (status >= 200 && status < 500);
      }),
      { numRuns: 150 },
    );
  });

  t.ok(central.isAlive());
  t.same(
    central.rows.filter(({ level, text }) => text !== undefined || level === 'error'),
    [],
    'nothing was an error of ours',
  );
  const device = await connectDevice(t, central.url);
  t.equal((await device.hello()).status, 200);
  const another = await device.register('still-there');
  t.equal((await put(another, 1)).status, 200);
  t.match(await device.receive(), { updates: [{ channelID: 'still-there', version: '1' }] });
  t.equal(await central.kill('SIGTERM'), 0);
});

const almostMessage = fc
  .record(
    {
      messageType: fc.oneof(
        fc.constantFrom('hello', 'register', 'unregister', 'ack', 'ping'),
        fc.anything(),
      ),
      uaid: fc.anything(),
      channelID: fc.oneof(fc.string(), fc.anything()),
      channelIDs: fc.oneof(fc.array(fc.oneof(fc.string(), fc.anything())), fc.anything()),
      updates: fc.oneof(
        fc.array(fc.record({ channelID: fc.anything(), version: fc.anything() })),
        fc.anything(),
      ),
      wakeup_hostport: fc.oneof(
        fc.record({ ip: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), port: fc.anything() }),
        fc.anything(),
      ),
      mobilenetwork: fc.anything(),
      protocol: fc.anything(),
    },
    { requiredKeys: [] },
  )
  .map((value) => textOf(value));
const conversation = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: almostMessage },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
    { weight: 1, arbitrary: fc.uint8Array().map((bytes) => Buffer.from(bytes)) },
  ),
  { minLength: 1, maxLength: 8 },
);

/** JSON of anything; what JSON cannot write becomes a text. */
function textOf(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'bigint' || typeof part === 'symbol' ? String(part) : part,
    ) ?? 'undefined'
  );
}

/** Says hello and then everything; resolves when central has answered the last of it or closed. */
async function converse(
  t: Test,
  central: RunningProgram,
  frames: readonly (string | Buffer)[],
): Promise<void> {
  const device = await connectDevice(t, central.url);
  await device.hello();
  for (const frame of frames) device.send(frame);
  const pong = new Promise((resolve) => device.socket.on('pong', resolve));
  device.socket.ping();
  await Promise.race([device.closed, pong]);
  device.socket.terminate();
}

function putRequest(path: string, body: string): string {
  const length = Buffer.byteLength(body);
  return `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** Sends bytes on a connection of its own; resolves to the status of the first answer. */
async function exchange(
  central: RunningProgram,
  bytes: string,
  then: 'and-wait' | 'and-end' = 'and-wait',
): Promise<number | 'closed'> {
  const { hostname, port } = new URL(central.url);
  const tcp = connect({ host: hostname, port: Number(port) });
  let answer = '';
  tcp.on('data', (chunk) => {
    answer += chunk.toString('latin1');
    if (answer.includes('\r\n\r\n')) tcp.destroy();
  });
  tcp.on('error', () => {});
  tcp.write(bytes);
  // Random bytes may be half a request, and central would wait for the other half.
  if (then === 'and-end') tcp.end();
  await once(tcp, 'close');
  const [, status] = /^HTTP\/1\.1 ([0-9]{3}) /.exec(answer) ?? [];
  return status === undefined ? 'closed' : Number(status);
}
