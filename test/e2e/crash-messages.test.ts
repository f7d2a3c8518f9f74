// `kill -9` of central under a stream of POSTs: no message that was answered 201 is lost, whatever its urgency.
import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import {
  createPathFolder,
  endpointAt,
  startCentralProgram,
  writeCentralConfig,
} from '../support/running-path.js';
import type { RunningProgram } from '../support/running-program.js';
import { connectDevice } from '../support/test-device.js';

const rounds = 8;
const channels = 4;
const urgencies = ['very-low', 'low', 'normal', 'high'];

t.test('eight times kill -9 lose no message that was answered 201', async (t) => {
  const folder = await createPathFolder(t);
  writeCentralConfig(folder, [], { messagesPerDeviceMax: 1_000 });
  let central = await startCentralProgram(t, folder);
  const { uaid, endpoints } = await subscribe(t, central);
  for (let round = 1; round <= rounds; round++) {
    const promised = await killUnderLoad(central, endpoints, 10 * round);
    central = await startCentralProgram(t, folder);
    const told = await readAll(t, { central, uaid, wanted: promised });
    t.same(
      [...promised].filter((text) => !told.has(text)),
      [],
      `round ${round}`,
    );
  }
});

async function subscribe(t: Test, central: RunningProgram) {
  const device = await connectDevice(t, central.url);
  const { uaid } = await device.hello({ use_webpush: true });
  const endpoints: string[] = [];
  for (let i = 0; i < channels; i++) endpoints.push(await device.register(randomUUID()));
  device.socket.close();
  await device.closed;
  return { uaid, endpoints };
}

/** Posts to all channels at once, and kills central when this many were answered. Returns what was promised. */
async function killUnderLoad(
  central: RunningProgram,
  endpoints: readonly string[],
  answersMax: number,
): Promise<Set<string>> {
  const promised = new Set<string>();
  const stream = async (endpoint: string, i: number): Promise<void> => {
    const headers = { TTL: '600', Urgency: urgencies[i] ?? 'normal' };
    for (;;) {
      const body = randomUUID();
      // The connection breaks with the process: nothing was promised then.
      const answer = await fetch(endpointAt(central, endpoint), {
        ...{ method: 'POST', headers, body },
      }).catch(() => undefined);
      if (answer?.status !== 201) return;
      promised.add(body);
      if (promised.size === answersMax) void central.kill('SIGKILL');
    }
  };
  await Promise.all(endpoints.map(stream));
  await central.kill('SIGKILL');
  return promised;
}

/** Takes messages, with an ack for each, until all that were wanted came. */
async function readAll(
  t: Test,
  { central, uaid, wanted }: { central: RunningProgram; uaid: unknown; wanted: Set<string> },
): Promise<Set<string>> {
  const device = await connectDevice(t, central.url);
  await device.hello({ uaid, use_webpush: true });
  const told = new Set<string>();
  while ([...wanted].some((text) => !told.has(text))) {
    const { messageType, channelID, version, data } = await device.receive();
    t.equal(messageType, 'notification');
    told.add(Buffer.from(String(data), 'base64url').toString());
    device.send({ messageType: 'ack', updates: [{ channelID, version, code: 100 }] });
  }
  device.send('PING');
  for (let frame = await device.receive(); frame.text !== 'PONG'; frame = await device.receive());
  device.socket.close();
  await device.closed;
  return told;
}
