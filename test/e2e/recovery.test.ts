// A central that lost its database: no app server forgets a subscription because of it.
import { rmSync } from 'node:fs';
import t, { type Test } from 'tap';
import {
  createPathFolder,
  endpointAt,
  startCentralProgram,
  writeCentralConfig,
} from '../support/running-path.js';
import { connectDevice, put } from '../support/test-device.js';

/** A device with two channels, on a central that then ends and whose database is removed. */
async function lostDatabase(t: Test, changes: Record<string, unknown> = {}) {
  const folder = await createPathFolder(t);
  writeCentralConfig(folder, [], changes);
  const before = await startCentralProgram(t, folder);
  const device = await connectDevice(t, before.url);
  const { uaid } = await device.hello();
  const kept = await device.register('kept');
  const dropped = await device.register('dropped');
  t.equal((await put(kept, 1)).status, 200);
  t.equal(await before.kill('SIGTERM'), 0);
  for (const suffix of ['', '-wal', '-shm']) rmSync(folder.database + suffix, { force: true });
  const after = await startCentralProgram(t, folder);
  return { after, uaid, kept: endpointAt(after, kept), dropped: endpointAt(after, dropped) };
}

t.test(
  'every old endpoint works again after its device’s next hello, and answers 503 until then',
  async (t) => {
    const { after, uaid, kept, dropped } = await lostDatabase(t);
    const early = await put(kept, 2);
    t.equal(early.status, 503);
    t.ok(Number(early.headers.get('retry-after')) > 0);
    t.match(early.headers.get('content-type'), 'application/problem+json');
    t.match(await early.json(), { type: 'urn:reveille:problem:recovering', status: 503 });
    t.equal((await put(`${kept.slice(0, -1)}x`, 2)).status, 404, 'a forged token is never 503');

    await (await connectDevice(t, after.url)).hello();
    t.equal((await put(kept, 2)).status, 503, 'another device says nothing of this one');
    const device = await connectDevice(t, after.url);
    t.equal((await device.hello({ uaid })).uaid, uaid, 'the uaid is still good');
    t.equal((await put(kept, 2)).status, 503, 'a hello without channelIDs tells no channels');

    await device.hello({ uaid, channelIDs: ['kept'] });
    t.equal((await put(kept, 2)).status, 200);
    t.match(await device.receive(), { updates: [{ channelID: 'kept', version: '2' }] });
    t.equal((await put(dropped, 2)).status, 404, 'a channel that the device has no more');
  },
);

t.test('answers 404 at once where recoveryMs is 0', async (t) => {
  const { kept } = await lostDatabase(t, { recoveryMs: 0 });
  t.equal((await put(kept, 2)).status, 404);
});
