// `kill -9` of central under a stream of PUTs: no version that was answered 200 is lost, and devices are still woken.
import t, { type Test } from 'tap';
import { traces } from '../../shared/traces.js';
import { listenUdp } from '../support/gateway-handset.js';
import {
  createPathFolder,
  endpointAt,
  startCentralProgram,
  startGatewayProgram,
  writeCentralConfig,
} from '../support/running-path.js';
import type { RunningProgram } from '../support/running-program.js';
import { connectDevice, put, wakeable } from '../support/test-device.js';

const rounds = 20;
const channels = 8;

interface Subscription {
  channelID: string;
  endpoint: string;
  /** The newest version that was sent, and the newest that was answered 200. */
  sent: number;
  answered: number;
}

t.test('twenty times kill -9 lose no version that was answered 200', async (t) => {
  const folder = await createPathFolder(t);
  const gateway = await startGatewayProgram(t, folder);
  writeCentralConfig(folder, [gateway.url], { wakeupRetryFloorMs: 500, wakeupAttemptsMax: 100 });
  const ears = await listenUdp(t);
  let central = await startCentralProgram(t, folder, { isWaking: true });
  const { uaid, subscriptions } = await subscribe(t, central, ears.port);
  for (let round = 1; round <= rounds; round++) {
    await killUnderLoad(central, subscriptions, 5 * round);
    const heardBefore = ears.heard.length;
    central = await startCentralProgram(t, folder);
    // The last round waits for the wakeup that the device is still owed.
    if (round === rounds) {
      await hearsMore(ears, heardBefore);
      t.match(ears.heard.at(-1), /^NOTIFY 127\.0\.0\.1:[0-9]+$/);
    }
    await allThere(t, { central, uaid, subscriptions, port: ears.port });
  }
});

t.test(
  'a version answered 200 while no gateway answers is woken for after a kill -9',
  async (t) => {
    const folder = await createPathFolder(t);
    const gateway = await startGatewayProgram(t, folder);
    const { port } = new URL(gateway.url);
    writeCentralConfig(folder, [gateway.url], { wakeupRetryFloorMs: 500 });
    const ears = await listenUdp(t);
    const before = await startCentralProgram(t, folder, { isWaking: true });
    const { uaid, subscriptions } = await subscribe(t, before, ears.port);
    await gateway.kill('SIGKILL');
    const [{ endpoint } = { endpoint: '' }] = subscriptions;
    t.equal((await put(endpoint, 1)).status, 200);
    await before.kill('SIGKILL');
    t.equal(ears.heard.length, 0);
    const after = await startCentralProgram(t, folder);
    await startGatewayProgram(t, folder, { listen: `127.0.0.1:${port}` });
    t.match(await ears.next(), /^NOTIFY /);
    const device = await connectDevice(t, after.url);
    await device.hello({ uaid, ...wakeable(ears.port) });
    t.match(await device.receive(), { updates: [{ version: '1' }] });
  },
);

/** A device with its channels, asleep. */
async function subscribe(t: Test, central: RunningProgram, port: number) {
  const device = await connectDevice(t, central.url);
  const { uaid, status } = await device.hello(wakeable(port));
  t.equal(status, 201);
  const subscriptions: Subscription[] = [];
  for (let i = 0; i < channels; i++) {
    const channelID = `channel-${i}`;
    const endpoint = await device.register(channelID);
    subscriptions.push({ channelID, endpoint, sent: 0, answered: 0 });
  }
  device.socket.close();
  await device.closed;
  return { uaid, subscriptions };
}

/** Puts on all channels at once, and kills central when this many were answered. */
async function killUnderLoad(
  central: RunningProgram,
  subscriptions: Subscription[],
  answersMax: number,
): Promise<void> {
  let answers = 0;
  const stream = async (subscription: Subscription): Promise<void> => {
    const endpoint = endpointAt(central, subscription.endpoint);
    for (;;) {
      subscription.sent += 1;
      const version = subscription.sent;
      // The connection breaks with the process: nothing was promised then.
      const answer = await put(endpoint, version).catch(() => undefined);
      if (answer?.status !== 200) return;
      subscription.answered = version;
      answers += 1;
      if (answers === answersMax) void central.kill('SIGKILL');
    }
  };
  await Promise.all(subscriptions.map(stream));
  await central.kill('SIGKILL');
}

/** The device reads what is pending, and acks it. */
async function allThere(
  t: Test,
  {
    central,
    uaid,
    subscriptions,
    port,
  }: { central: RunningProgram; uaid: unknown; subscriptions: Subscription[]; port: number },
): Promise<void> {
  const device = await connectDevice(t, central.url);
  if (central.rows.every(({ id }) => id !== traces.gatewayOnline.id)) {
    await central.logged(traces.gatewayOnline);
  }
  await device.hello({ uaid, ...wakeable(port) });
  const { updates } = (await device.receive()) as {
    updates: { channelID: string; version: string }[];
  };
  for (const { channelID, sent, answered } of subscriptions) {
    const stored = Number(updates.find((update) => update.channelID === channelID)?.version);
    // One that was not answered may have been stored too.
    if (!(stored >= answered && stored <= sent)) {
      t.fail(`${channelID}: answered ${answered}, sent ${sent}, stored ${stored}`);
    }
  }
  t.equal(updates.length, subscriptions.length);
  device.send({ messageType: 'ack', updates });
  device.send('PING');
  await device.receive();
  device.socket.close();
  await device.closed;
}

async function hearsMore(
  ears: { heard: string[]; next(): Promise<string> },
  before: number,
): Promise<void> {
  while (ears.heard.length <= before) await ears.next();
}
