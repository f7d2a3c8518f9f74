// Central's rules of waking over any schedule of versions, hellos, failures and crashes: the real rules on the real
// tables, without sockets, on a clock moved by hand.
import fc from 'fast-check';
import t from 'tap';
import { createMetrics } from '../../../central/metrics.js';
import { isBelieved } from '../../../central/wakeup/states.js';
import { openPaperSite, type PaperSite } from '../../support/simulator/paper-site.js';
import { channels, createPlay, deviceCount, type Happening, happening } from './schedules.js';

const metrics = createMetrics();

type Play = ReturnType<typeof createPlay>;

/** What has to hold after each happening. */
async function check(site: PaperSite): Promise<void> {
  const { ledger, devices, central, clock } = site;
  if (ledger.problems.length > 0) throw new Error(ledger.problems.join('; '));
  for (const { device } of devices) {
    const kept = sorted(await central.pending(device));
    const expected = sorted(ledger.pending(device));
    if (kept !== expected) throw new Error(`pending is ${kept} and not ${expected}`);
    const { state = 'none' } = (await central.wakeupOf(device)) ?? {};
    const messages = JSON.stringify(await central.messages(device));
    const known = JSON.stringify(ledger.messages(device));
    if (messages !== known) throw new Error(`messages are ${messages} and not ${known}`);
    // Owed while something pending wants it at an address that is believed, and never for nothing.
    const isOwed = isBelieved(state) && state !== 'resting';
    const isToBeSent = state === 'owed' || state === 'gathering';
    const isMissing = isBelieved(state) && !isOwed && ledger.isWanted(device, clock.now());
    if (isMissing || (isToBeSent && !ledger.isWanted(device))) {
      throw new Error(`the wakeup is ${state} while ${kept} and ${messages} are pending`);
    }
  }
  const counted = await central.outcomes();
  for (const [outcome, times] of ledger.outcomes) {
    if (counted.get(outcome) !== times) {
      throw new Error(`${outcome} is counted ${counted.get(outcome)} times and not ${times}`);
    }
  }
}

function sorted(updates: readonly { channel: string; version: number }[]): string {
  return JSON.stringify(updates.map(({ channel, version }) => `${channel} ${version}`).sort());
}

/** From now on everything works. */
async function mend(site: PaperSite): Promise<void> {
  site.isLossy = false;
  for (const gateway of site.gateways) {
    gateway.mood = 'well';
    gateway.answerNow();
  }
  await site.advance(2_000);
  for (const [i, device] of site.devices.entries()) {
    device.place = site.places[i] ?? device.place;
    device.isDiligent = true;
    device.ack();
    device.hello(site.central, device.place, device.said.abilities);
  }
  await site.turns.settled();
}

/** A device of a working world is put to sleep, and a version reaches it there. */
async function isReached(site: PaperSite, play: Play, index: number): Promise<void> {
  const device = site.devices[index];
  const [channel] = channels;
  if (!device || !channel) throw new Error('there is no such device');
  device.hello(site.central, device.place, device.said.abilities);
  await site.turns.settled();
  for (let waitedMs = 0; device.isConnected(); waitedMs += 5_000) {
    if (waitedMs > 3 * 3_600_000) throw new Error(`device ${index} is never put to sleep`);
    await site.advance(5_000);
  }
  play.put(index, 0);
  const isThere = () => device.got.get(channel) === play.promised.get(play.keyOf(device, channel));
  for (let waitedMs = 0; waitedMs === 0 || !isThere(); waitedMs += 1_000) {
    if (waitedMs > 60_000) throw new Error(`device ${index} sleeps on`);
    await site.advance(1_000);
  }
}

/** Every version and every message that was promised has come. */
function areAllThere({ devices }: PaperSite, { promised, taken, keyOf }: Play): void {
  const read = new Set(devices.flatMap((device) => [...device.read]));
  for (const id of taken.keys()) if (!read.has(id)) throw new Error(`message ${id} is lost`);
  for (const device of devices) {
    for (const channel of channels) {
      const version = promised.get(keyOf(device, channel));
      const got = device.got.get(channel);
      if (version === undefined || (got !== undefined && got >= version)) continue;
      throw new Error(`version ${version} is lost: ${got} came last`);
    }
  }
}

/** Devices connect and register; chance says what they can. */
async function begin(site: PaperSite, chance: number): Promise<void> {
  for (const [i, device] of site.devices.entries()) {
    const isSet = (bit: number) => (chance >> (3 * i + bit)) % 2 === 1;
    device.isDiligent = isSet(0);
    device.hello(site.central, device.place, { proves: isSet(1), authenticates: isSet(2) });
    for (const channel of channels) device.register(channel);
  }
  await site.turns.settled();
}

async function tell(happenings: readonly Happening[], chance: number): Promise<void> {
  const site = await openPaperSite({ devices: deviceCount, chance, metrics });
  try {
    const play = createPlay(site);
    await begin(site, chance);
    for (const one of happenings) {
      await play.happen(one);
      await check(site);
    }
    await mend(site);
    await site.advance(60_000);
    await check(site);
    areAllThere(site, play);
    for (const index of site.devices.keys()) {
      await isReached(site, play, index);
      await check(site);
    }
    if (site.ledger.underWay() > 0) throw new Error('a wakeup never ends');
  } finally {
    site.close();
  }
}

/** The gateway that is asked second puts off what the first one sent, though nobody heard that it did. */
function answerLostThenDeferred(first: number, second: number): Happening[] {
  return [
    { what: 'mood' as const, gateway: first, mood: 'answer-lost' as const },
    { what: 'mood' as const, gateway: second, mood: 'defers' as const },
    { what: 'drop' as const, device: 0, how: 'fin' as const },
    { what: 'put' as const, about: { device: 0, channel: 0 } },
    { what: 'mood' as const, gateway: second, mood: 'well' as const },
    { what: 'wait' as const, ms: 12_000 },
  ].map((deed) => ({ deed, crashAfter: undefined }));
}

/** A wakeup for messages alone is lost, and nobody is woken for them a second time. */
function missedForMessages(crashAfter: number | undefined): Happening[] {
  const about = { device: 0, channel: 0 };
  const sent = { what: 'send to a sleeper' as const, about, ttlSeconds: 86_400 };
  return [
    { deed: { what: 'air' as const, isLossy: true }, crashAfter: undefined },
    { deed: { ...sent, urgency: 'normal' as const }, crashAfter },
    { deed: { what: 'wait' as const, ms: 20_000 }, crashAfter: undefined },
    { deed: { ...sent, urgency: 'normal' as const }, crashAfter: undefined },
    { deed: { what: 'wait' as const, ms: 8_000 }, crashAfter },
    { deed: { what: 'wait' as const, ms: 20_000 }, crashAfter: undefined },
  ];
}

// Each begins with sockets and ends with every device asleep and reached.
const schedules = Number(process.env.SCHEDULES ?? 120);

t.test(
  'no version and no message is lost and no device woken twice, over any schedule',
  async () => {
    const schedule = fc.array(happening, { maxLength: 40, size: 'max' });
    // On failure the error tells the seed and the shortest schedule that fails.
    await fc.assert(fc.asyncProperty(schedule, fc.nat(1_000_000), tell), {
      numRuns: schedules,
      examples: [
        [answerLostThenDeferred(0, 1), 0],
        [answerLostThenDeferred(1, 0), 0],
        [missedForMessages(undefined), 0],
        [missedForMessages(3), 0],
      ],
    });
  },
);
