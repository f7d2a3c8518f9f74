// The commands that ask a running central, against other programs that answer at its address.
import { createServer } from 'node:http';
import t from 'tap';
import { showNetworks, wakeDevice } from '../../../central/commands/ask.js';
import { listen } from '../../../shared/http.js';
import { type ConfigTree, createCentralFolder } from '../../support/running-central.js';

type Test = Parameters<typeof createCentralFolder>[0];

/** Runs both commands with a configuration; `! ` marks what they complain of. */
async function askWith(t: Test, config: ConfigTree) {
  const { configFile: file } = createCentralFolder(t, config);
  const lines: string[] = [];
  const output = {
    print: (line: string) => void lines.push(line),
    complain: (line: string) => void lines.push(`! ${line}`),
  };
  const asking = { file, env: {}, output };
  return { codes: [await showNetworks(asking), await wakeDevice(asking, 'u')], lines };
}

/** Runs both against a program that answers with this. */
async function askOther(t: Test, status: number, body: string) {
  const server = createServer((_, response) => void response.writeHead(status).end(body));
  const url = await listen(server, { host: '127.0.0.1', port: 0 }, 'http');
  t.teardown(() => void server.close());
  const { codes, lines } = await askWith(t, { admin: new URL(url).host });
  return { codes, lines: lines.map((line) => line.replace(url, '')) };
}

t.test('that no central runs is told, with where it was looked for', async (t) => {
  const { codes, lines } = await askWith(t, { admin: '127.0.0.1:1' });
  t.same(codes, [1, 1]);
  t.match(lines, [
    /^! http:\/\/127\.0\.0\.1:1\/networks: no answer \(.+\); does central run with this file\?$/,
    /^! http:\/\/127\.0\.0\.1:1\/wake: no answer \(.+\); does central run with this file\?$/,
  ]);
});

t.test('a configuration that is bad is told, and nobody is asked', async (t) => {
  const { codes, lines } = await askWith(t, { bogus: 1 });
  t.same(codes, [1, 1]);
  t.same(lines, ['! bogus: unknown key; remove it', '! bogus: unknown key; remove it']);
});

t.test('what is not an answer of central is told as that', async (t) => {
  const bodies = ['', 'not found', '{}', '[]', 'null', '5', '{"networks":5}', '{"outcome":7}'];
  for (const body of [...bodies, '{"networks":[{}]}', '{"networks":[null]}']) {
    for (const status of [200, 404, 500]) {
      const { codes, lines } = await askOther(t, status, body);
      t.same(codes, [1, 1], body);
      t.match(lines, [
        /^! \/networks: .+; does central run with this file\?$/,
        /^! \/wake: .+; does central run with this file\?$/,
      ]);
      t.equal(lines.length, 2);
    }
  }
});

t.test('no network is an empty table', async (t) => {
  const { codes, lines } = await askOther(t, 200, '{"networks":[],"outcome":"triggered"}');
  t.same(codes, [0, 0]);
  const heads = 'NETWORK  STATE  GATEWAY  GATEWAY STATE  CIRCUIT  SUCCESS  LAST SUCCESS  QUEUE';
  t.same(lines, [`${heads}  RANGES  PROTOCOLS`, 'triggered']);
});
