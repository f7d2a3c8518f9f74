// docs/notify-api.md: its app server in ten lines, run as it stands on the page, reaches a device.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import webpush from 'web-push';
import { decrypt, type EncryptedBody } from '../../handset/decryption.js';
import { createKeyring, subscriptionKeys } from '../../handset/push-keys.js';
import { createCertificate, writeCertificate } from '../support/gateway-certificates.js';
import { createCentralFolder, startCentral } from '../support/running-central.js';
import { connectDevice } from '../support/test-device.js';

const page = readFileSync('docs/notify-api.md', 'utf8');
const [, appServer = ''] =
  /^## An app server in ten lines$[\s\S]*?^```js\n([\s\S]*?)^```$/m.exec(page) ?? [];

/** Around the lines of the page: what they are to send, and what came of it. */
const caller = `
  import { notify } from './app-server.mjs';
  console.log(JSON.stringify(await notify(...JSON.parse(process.argv[2]))));
`;

/** Central behind TLS, for the library speaks nothing else, and a browser's place in it. */
async function setUp(t: Test) {
  const tls = await createCertificate();
  const folder = createCentralFolder(t);
  writeCertificate(folder.path, tls);
  const config = { tls: { keyFile: 'tls.key', certFile: 'tls.crt' } };
  const { url } = await startCentral(t, { folder, config });
  const connect = () => connectDevice(t, url, { ca: tls.cert });
  return { connect, caFile: join(folder.path, 'tls.crt') };
}

/** Runs the lines of the page as a process that trusts this certificate. */
async function runAppServer(t: Test, caFile: string, ...args: unknown[]): Promise<unknown> {
  const folder = t.testdir({ 'app-server.mjs': appServer, 'caller.mjs': caller });
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(folder, 'caller.mjs'), JSON.stringify(args)],
    { env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: caFile } },
  );
  return JSON.parse(stdout);
}

t.test('the app server in ten lines reaches a device with what only that can read', async (t) => {
  t.ok(appServer.trimEnd().split('\n').length <= 10);
  const { connect, caFile } = await setUp(t);
  const vapidKeys = webpush.generateVAPIDKeys();
  const channelID = 'd9b74644-4f97-46aa-b8fa-9393985cd6cd';
  const channelKeys = createKeyring({}).of(channelID);

  const device = await connect();
  await device.hello({ use_webpush: true });
  device.send({ messageType: 'register', channelID, key: vapidKeys.publicKey });
  const { pushEndpoint: endpoint } = await device.receive();
  const subscription = { endpoint, keys: subscriptionKeys(channelKeys) };

  const said = await runAppServer(t, caFile, subscription, 'there is news', vapidKeys);
  t.match(said, {
    statusCode: 201,
    message: /^https:\/\/127\.0\.0\.1:[0-9]+\/wpush\/v1\/messages\//,
  });
  const { data, headers } = await device.receive();
  const body: EncryptedBody = {
    data: Buffer.from(String(data), 'base64url'),
    ...(headers as { encoding: string }),
  };
  t.equal(String(decrypt(body, channelKeys)), 'there is news');
});
