// One carrier in network namespaces: what reaches a handset behind a real NAT, what does not, and that all of it
// stays inside.
import t, { type Test } from 'tap';
import { traces } from '../../../shared/traces.js';
import { startCarrier } from '../../support/carrier.js';
import type { CarrierHandset } from '../../support/carrier-handset.js';
import {
  centralAddresses,
  gatewayInside,
  handsetAddresses,
  natInside,
  wakePort,
} from '../../support/carrier-plan.js';
import { natRules, openNatRules } from '../../support/carrier-rules.js';

const carrier = await startCarrier(t, { central: { idleCloseMs: 1_500 } });
const { topology } = carrier;
const nat = carrier.namespace('nat-a');
const gateway = carrier.gateway('a');

const kinds = [
  { name: 'handset-udp', protocol: 'udp', family: 'v4', cut: '10.20.x.x' },
  { name: 'handset-tcp', protocol: 'tcp', family: 'v4', cut: '10.20.x.x' },
  { name: 'handset-v6', protocol: 'udp', family: 'v6', cut: 'fd12:3456:7::x' },
] as const;
const handsets = new Map<string, CarrierHandset>();

function handsetOf(name: string): CarrierHandset {
  const handset = handsets.get(name);
  if (!handset) throw new Error(`${name} has not connected`);
  return handset;
}

/** `[fd12::2]:4711` → `fd12::2`. */
function hostOf(from: unknown): string {
  return String(from).replace(/^\[?(.*?)\]?:[0-9]+$/, '$1');
}

/** Something has woken it: it comes back across the NAT, and sleeps again when all is quiet. */
async function comesAndGoes(t: Test, handset: CarrierHandset): Promise<void> {
  t.equal((await handset.next('hello')).status, 201);
  t.equal((await handset.next('closed')).code, 4774);
}

t.test('no wire leads out of the namespaces, and no route beyond the NAT', async (t) => {
  const members = [...topology.nodes.values(), topology.switch];
  const peers = members.flatMap((namespace) => namespace.peers());
  t.same([...new Set(peers)].sort(), members.map(({ name }) => name).sort());
  for (const [name, namespace] of topology.nodes) {
    const routes = ['-4', '-6'].flatMap((family) =>
      namespace.show(family, 'route', 'show', 'default'),
    );
    const ways = routes.map((route) => route.gateway);
    const router = name === 'handset-v6' ? natInside.v6 : natInside.v4;
    t.same(ways, name in handsetAddresses ? [router] : [], `default routes of ${name}`);
  }
});

t.test('handsets register through the NAT, are answered 201 and closed with 4774', async (t) => {
  // Any wakeup wakes them, whoever sends it: what keeps others away here is the network.
  const started = kinds.map(({ name, protocol }) =>
    carrier.startHandset(name, { protocol, isLegacy: true }),
  );
  for (const handset of await Promise.all(started)) {
    handsets.set(handset.name, handset);
    t.equal(handset.status, 201, `${handset.name} announces an address of its radio network`);
    t.equal((await handset.next('closed')).code, 4774);
  }
  const { through_nat = 0, other } = carrier.namespace('central').counters();
  t.ok(through_nat >= kinds.length, 'central sees the addresses of the NAT');
  t.equal(other, 0, 'and no other');
});

for (const { name, protocol } of kinds) {
  t.test(`central cannot reach ${name} even with a route`, async (t) => {
    const { from_outside: before = 0 } = nat.counters();
    const ip = handsetAddresses[name];
    await carrier.visit('central', protocol, ip, String(wakePort));
    const { from_outside: after = 0 } = nat.counters();
    // What the NAT has dropped can come no later.
    t.ok(after > before, 'the NAT has dropped it');
    t.equal(carrier.namespace(name).counters().arrived, 0);
    t.equal(handsetOf(name).count('woken'), 0);
  });
}

for (const { name, protocol, family, cut } of kinds) {
  t.test(`through the gateway central wakes ${name}, and it gets its version`, async (t) => {
    const handset = handsetOf(name);
    t.equal(await carrier.put(handset, 7), 200);
    const woken = await handset.next('woken');
    t.equal(woken.protocol, protocol);
    t.equal(hostOf(woken.from), gatewayInside[family], 'by the inner leg of the gateway');
    t.equal((await handset.next('notification')).version, 7);
    await carrier.says(traces.acked);
    await comesAndGoes(t, handset);
    const sent = protocol === 'udp' ? traces.udpSent : traces.tcpSent;
    await gateway.line(({ id, to }) => id === sent.id && to === cut);
    const { arrived, named } = carrier.namespace(name).counters();
    t.same({ arrived, named }, { arrived: 1, named: 1 }, 'one wakeup, with its private address');
  });
}

t.test(
  'all of them came back across the NAT, and no private address was seen outside',
  async (t) => {
    const { through_nat = 0, other } = carrier.namespace('central').counters();
    t.ok(through_nat >= 2 * kinds.length);
    t.equal(other, 0);
    t.equal(topology.switch.counters().private_outside, 0);
  },
);

t.test('without the rule of the NAT central would reach all of them', async (t) => {
  t.teardown(() => nat.nft(`flush ruleset\n${natRules}`));
  nat.nft(`flush ruleset\n${openNatRules}`);
  await Promise.all(
    kinds.map(async ({ name, protocol, family }) => {
      await carrier.visit('central', protocol, handsetAddresses[name], String(wakePort));
      const woken = await handsetOf(name).next('woken');
      t.equal(hostOf(woken.from), centralAddresses[family], name);
      await comesAndGoes(t, handsetOf(name));
    }),
  );
  const { private_outside = 0 } = topology.switch.counters();
  t.ok(private_outside > 0, 'what it answers over TCP is seen outside as it is');
});

t.test('no packet was for an address outside the namespaces', async (t) => {
  t.equal(topology.switch.counters().foreign, 0);
});
