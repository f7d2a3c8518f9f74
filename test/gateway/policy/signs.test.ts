import fc from 'fast-check';
import t from 'tap';
import { createSigns } from '../../../gateway/policy/signs.js';
import { parseAddress } from '../../../shared/address.js';
import { parseNetworkKey } from '../../../shared/network.js';
import { createManualClock } from '../../support/manual-clock.js';

const dayMs = 86_400_000;

interface Asked {
  id?: string;
  centralId?: string;
  network?: string;
  ip?: string;
  port?: number;
  protocol?: 'udp' | 'tcp';
}

function setUp(limits: { signTargetsMax?: number } = {}) {
  const clock = createManualClock();
  const dropped = { count: 0 };
  const signs = createSigns({
    clock,
    ...{ signTargetsMax: 1000, signTargetLifeMs: dayMs, signLifeMs: 60_000 },
    ...limits,
    onDropped: () => {
      dropped.count += 1;
    },
  });
  let count = 0;
  const wakeup = (asked: Asked) => {
    const { id = String(++count), centralId = 'ns-1', ip = '10.1.2.3', port = 4000 } = asked;
    const network = parseNetworkKey(asked.network ?? '214-07');
    const address = parseAddress(ip);
    if (network === undefined || !address) throw new Error(JSON.stringify(asked));
    return { id, centralId, network, address, port, protocol: asked.protocol ?? 'udp' } as const;
  };
  return {
    clock,
    dropped,
    signs,
    reach: (asked: Asked = {}) => signs.reach(wakeup(asked)),
    refuse: (asked: Asked = {}) => signs.refuse(wakeup(asked)),
    told: (centralId = 'ns-1') => signs.of(centralId).map(({ id }) => id),
  };
}

t.test('a refusal is told of a target that had seemed to be reached', async (t) => {
  const { signs, reach, refuse } = setUp();
  t.equal(reach(), 'remembered');
  t.equal(refuse({ id: 'a' }), 'told');
  t.same(signs.of('ns-1'), [{ id: 'a', sign: 'unreachable' }]);
  t.same(signs.of('ns-1'), [{ id: 'a', sign: 'unreachable' }], 'reading takes nothing away');
});

t.test(
  'a refusal out of the blue is withheld, and so is whatever comes of that handset',
  async (t) => {
    const { reach, refuse, told, clock } = setUp();
    t.equal(refuse(), 'withheld');
    t.equal(reach(), 'doubted');
    t.equal(refuse(), 'withheld');
    t.equal(reach({ port: 4001 }), 'doubted', 'on another port');
    t.equal(reach({ port: 4001, protocol: 'tcp' }), 'doubted', 'over another protocol');
    t.equal(refuse({ port: 4001 }), 'withheld');
    t.equal(reach({ ip: '10.1.2.4' }), 'remembered', 'another handset is another matter');
    t.same(told(), []);
    clock.advance(dayMs);
    t.equal(reach(), 'remembered', 'after a day it counts again');
  },
);

t.test(
  'what was reached before is told no more once its handset has refused another port',
  async (t) => {
    const { reach, refuse } = setUp();
    reach();
    refuse({ port: 4001 });
    t.equal(refuse(), 'withheld');
  },
);

t.test('one change from reached to refused is told once', async (t) => {
  const { reach, refuse, told } = setUp();
  reach();
  t.equal(refuse({ id: 'a' }), 'told');
  t.equal(refuse({ id: 'b' }), 'withheld');
  reach();
  t.equal(refuse({ id: 'c' }), 'told', 'for a refusal that was told is no refusal out of the blue');
  t.same(told(), ['a', 'c']);
});

t.test('a target is the same central, network, address, port and protocol', async (t) => {
  for (const other of [
    { centralId: 'ns-2' },
    { network: '214-08' },
    { network: '214-07/net-b' },
    { ip: '10.1.2.4' },
    { port: 4001 },
    { protocol: 'tcp' as const },
  ]) {
    const { reach, refuse } = setUp();
    reach();
    t.equal(refuse(other), 'withheld', JSON.stringify(other));
  }
});

t.test('a target is forgotten a day after it was last reached', async (t) => {
  const { reach, refuse, clock } = setUp();
  reach({ port: 1 });
  reach({ port: 2, ip: '10.1.2.4' });
  clock.advance(dayMs / 2);
  reach({ port: 1 });
  clock.advance(dayMs / 2);
  t.equal(refuse({ port: 1 }), 'told');
  t.equal(refuse({ port: 2, ip: '10.1.2.4' }), 'withheld');
});

t.test('signs are told for a minute, each central its own', async (t) => {
  const { reach, refuse, told, clock } = setUp();
  for (const centralId of ['ns-1', 'ns-2']) reach({ centralId });
  refuse({ id: 'a' });
  clock.advance(30_000);
  refuse({ id: 'b', centralId: 'ns-2' });
  t.same([told('ns-1'), told('ns-2'), told('ns-3')], [['a'], ['b'], []]);
  clock.advance(30_000);
  t.same([told('ns-1'), told('ns-2')], [[], ['b']]);
});

t.test('of more than a thousand signs the newest are kept, and the others counted', async (t) => {
  const { reach, refuse, told, dropped } = setUp({ signTargetsMax: 10_000 });
  for (let i = 0; i < 1002; i++) {
    const ip = `10.1.${i >> 8}.${i & 255}`;
    reach({ ip });
    refuse({ ip, id: String(i) });
  }
  t.equal(told().length, 1000);
  t.same([told()[0], told().at(-1)], ['2', '1001']);
  t.equal(dropped.count, 2);
});

t.test('with signTargetsMax remembered, no further target is, for this central', async (t) => {
  const { reach, refuse, signs, clock } = setUp({ signTargetsMax: 2 });
  const [first, second, third] = ['10.1.2.1', '10.1.2.2', '10.1.2.3'].map((ip) => ({ ip }));
  t.equal(reach(first), 'remembered');
  t.equal(refuse(second), 'withheld', 'a doubted handset takes a place, too');
  t.equal(signs.targets(), 2);
  t.equal(reach(third), 'full');
  t.equal(refuse(third), 'withheld');
  t.equal(signs.targets(), 2);
  t.equal(reach({ ...third, centralId: 'ns-2' }), 'remembered');
  t.equal(refuse(first), 'told', 'what is remembered stays');
  clock.advance(dayMs + dayMs / 8);
  t.equal(signs.targets(), 0);
  t.equal(reach(third), 'remembered');
});

t.test('centrals that are gone are forgotten', async (t) => {
  const { reach, refuse, told, signs } = setUp();
  for (const centralId of ['ns-1', 'ns-2']) {
    reach({ centralId });
    refuse({ centralId, id: centralId });
    reach({ centralId });
  }
  signs.keepOnly(new Set(['ns-2']));
  t.same([told('ns-1'), told('ns-2')], [[], ['ns-2']]);
  t.equal(refuse({ centralId: 'ns-1' }), 'withheld');
  t.equal(refuse({ centralId: 'ns-2' }), 'told');
});

/** Ports of two handsets, in any order, any number of times. */
const wakeups = fc.array(
  fc.record({
    ip: fc.constantFrom('10.1.2.3', '10.1.2.4'),
    port: fc.integer({ min: 1, max: 6 }),
    isLost: fc.boolean(),
    waitMs: fc.constantFrom(0, 60_000, dayMs / 2),
  }),
);
const openPorts = fc.uniqueArray(fc.integer({ min: 1, max: 6 }));

t.test(
  'who asks for any ports of a host, however often, learns nothing of ports that stay as they are',
  async () => {
    fc.assert(
      fc.property(wakeups, openPorts, (asked, open) => {
        const { reach, refuse, told, clock } = setUp();
        return asked.every(({ ip, port, waitMs }) => {
          clock.advance(waitMs);
          if (open.includes(port)) reach({ ip, port });
          else refuse({ ip, port });
          return told().length === 0;
        });
      }),
      { numRuns: 1000 },
    );
  },
);

t.test(
  'where datagrams are lost, nothing more is told of a host that has refused out of the blue',
  async () => {
    fc.assert(
      fc.property(wakeups, openPorts, (asked, open) => {
        const { reach, refuse, clock } = setUp();
        const refused = new Set<string>();
        const reached = new Set<string>();
        return asked.every(({ ip, port, isLost }) => {
          clock.advance(1);
          if (isLost || open.includes(port)) {
            reach({ ip, port });
            reached.add(`${ip} ${port}`);
            return true;
          }
          const refusal = refuse({ ip, port });
          if (!reached.has(`${ip} ${port}`)) refused.add(ip);
          return refusal === 'withheld' || !refused.has(ip);
        });
      }),
      { numRuns: 1000 },
    );
  },
);
