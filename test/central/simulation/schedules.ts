// What may happen to central and its devices, in any order, and how it is made to happen on paper.
import fc from 'fast-check';
import type { ChannelId, MessageId } from '../../../central/protocol/ids.js';
import { wakeupLanes } from '../../../central/store/store.js';
import { type Urgency, urgencies } from '../../../shared/wakeup/request.js';
import { channel } from '../../support/central-samples.js';
import type { PaperDevice } from '../../support/simulator/paper-device.js';
import { moods } from '../../support/simulator/paper-gateway.js';
import type { PaperSite } from '../../support/simulator/paper-site.js';

export const channels = ['a', 'b'].map(channel);
export const deviceCount = 3;
/** Longer than any schedule. */
const longTtlSeconds = 86_400;

const device = fc.nat(deviceCount - 1);
// Those of the first network are first, and so are its gateways.
const place = fc.oneof(fc.nat(deviceCount - 1), fc.nat(2 * deviceCount - 1));
const gateway = fc.nat(2);
const abilities = fc.record({ proves: fc.boolean(), authenticates: fc.boolean() });
const about = fc.record({ device, channel: fc.nat(channels.length - 1) });
const shortMs = fc.constantFrom(...[100, 700, 3_000, 8_000, 12_000, 20_000]);
const longMs = fc.constantFrom(...[70_000, 130_000, 310_000]);

// Most are gathered: what does not wait is told of by versions, too.
const urgency = fc.constantFrom(...urgencies, ...Array<Urgency>(4).fill('normal'));
const ttlSeconds = fc.constantFrom(...[0, 3, 30, longTtlSeconds, longTtlSeconds]);

/** What may be done, each with its weight. */
const deed = fc.oneof(
  of(5, { what: fc.constant('put'), about }),
  of(5, { what: fc.constant('put to a sleeper'), about }),
  of(2, { what: fc.constant('send'), about, urgency, ttlSeconds }),
  of(7, { what: fc.constant('send to a sleeper'), about, urgency, ttlSeconds }),
  of(8, { what: fc.constant('wait'), ms: shortMs }),
  of(1, { what: fc.constant('wait'), ms: longMs }),
  of(5, { what: fc.constant('come back'), device }),
  of(3, { what: fc.constant('say'), device, place: fc.option(place), abilities }),
  of(3, { what: fc.constant('ack'), device }),
  of(2, { what: fc.constant('move'), device, place }),
  of(2, { what: fc.constant('drop'), device, how: fc.constantFrom('fin', 'silent') }),
  of(1, { what: fc.constant('unregister'), about }),
  of(3, { what: fc.constant('mood'), gateway, mood: fc.constantFrom(...moods) }),
  of(2, { what: fc.constant('answer'), gateway }),
  of(3, { what: fc.constant('signs') }),
  of(2, { what: fc.constant('air'), isLossy: fc.boolean() }),
);

function of<T>(weight: number, fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return { weight, arbitrary: fc.record(fields) };
}

type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

/** One thing that happens; `crashAfter`: central crashes so many turns into it. */
export const happening = fc.record({
  deed,
  crashAfter: fc.option(fc.nat(8), { freq: 9, nil: undefined }),
});
export type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** What app servers were answered: the newest version of each channel that they may rely on. */
export type Promised = Map<string, number>;

/** Messages that app servers may rely on: those of a long time to live, with the channel they are for. */
export type Taken = Map<MessageId, string>;

export function createPlay(site: PaperSite) {
  const promised: Promised = new Map();
  const taken: Taken = new Map();
  let version = 0;
  const keyOf = (of: PaperDevice, name: string) => `${of.device} ${name}`;

  function deviceAt(index: number): PaperDevice {
    const found = site.devices[index];
    if (!found) throw new Error(`there is no device ${index}`);
    return found;
  }

  function channelAt(index: number): ChannelId {
    const found = channels[index];
    if (!found) throw new Error(`there is no channel ${index}`);
    return found;
  }

  function put(index: number, channelIndex: number): void {
    const target = deviceAt(index);
    const name = channelAt(channelIndex);
    version += 1;
    const mine = version;
    const lane = wakeupLanes[mine % 2] ?? 'prompt';
    void site.central
      .put({ device: target.device, channel: name, version: mine, lane })
      .then((outcome) => void (outcome === 'stored' && promised.set(keyOf(target, name), mine)));
  }

  function send({ about, urgency, ttlSeconds }: Extract<Deed, { urgency: Urgency }>): void {
    const target = deviceAt(about.device);
    const channel = channelAt(about.channel);
    const sent = { device: target.device, channel, urgency, ttlSeconds };
    void site.central.send(sent).then((id) => {
      if (id && ttlSeconds === longTtlSeconds) taken.set(id, keyOf(target, channel));
    });
  }

  function begin(deed: Deed): void {
    if (deed.what === 'send to a sleeper') deviceAt(deed.about.device).drop('fin');
    if ('urgency' in deed) send(deed);
    if (deed.what === 'put to a sleeper') deviceAt(deed.about.device).drop('fin');
    if (deed.what === 'put' || deed.what === 'put to a sleeper') {
      put(deed.about.device, deed.about.channel);
    }
    if (deed.what === 'unregister') renew(deviceAt(deed.about.device), deed.about.channel);
    if (deed.what === 'air') site.isLossy = deed.isLossy;
    if (deed.what === 'signs') for (const gateway of site.gateways) gateway.signLast();
    if ('gateway' in deed) handle(deed);
    else if ('device' in deed) act(deviceAt(deed.device), deed);
  }

  function act(device: PaperDevice, deed: Extract<Deed, { device: number }>): void {
    const { central, places } = site;
    const at = 'place' in deed && deed.place !== null ? places[deed.place] : undefined;
    if (deed.what === 'come back') device.hello(central, device.place, device.said.abilities);
    if (deed.what === 'say') device.hello(central, at, deed.abilities);
    if (deed.what === 'ack') device.ack();
    if (deed.what === 'move' && at) device.place = at;
    if (deed.what === 'drop') device.drop(deed.how);
  }

  /** What was promised of the channel is void, and it begins anew. */
  function renew(of: PaperDevice, channelIndex: number): void {
    const name = channelAt(channelIndex);
    promised.delete(keyOf(of, name));
    for (const [id, key] of taken) if (key === keyOf(of, name)) taken.delete(id);
    of.unregister(name);
    of.register(name);
  }

  function handle(deed: Extract<Deed, { gateway: number }>): void {
    const at = site.gateways[deed.gateway];
    if (deed.what === 'mood' && at) at.mood = deed.mood;
    if (deed.what === 'answer') at?.answerNow();
  }

  return {
    promised,
    taken,
    keyOf,
    put,
    async happen({ deed, crashAfter }: Happening): Promise<void> {
      if (deed.what === 'wait') await site.advance(deed.ms);
      // What is due next begins, and is interrupted.
      if (deed.what === 'wait' && crashAfter !== undefined) {
        site.clock.advance(site.clock.untilNextMs() ?? 0);
      }
      begin(deed);
      if (crashAfter === undefined) return site.turns.settled();
      await site.turns.pass(crashAfter);
      await site.crash();
    },
  };
}
