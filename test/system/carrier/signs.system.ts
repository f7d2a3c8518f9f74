// A handset that has gone: its host refuses the wakeup, and the refusal comes back to the gateway as a sign.
import t from 'tap';
import { traces } from '../../../shared/traces.js';
import { startCarrier } from '../../support/carrier.js';

const carrier = await startCarrier(t, {
  central: { idleCloseMs: 500 },
  gateway: { signWaitMs: 1_000 },
});
const gateway = carrier.gateway('a');

/** Waits until the gateway has heard so often. */
async function heard(labels: string, count: number): Promise<void> {
  const line = `reveille_gateway_signs_total{${labels}} ${count}`;
  while (!(await carrier.visit('gateway-a', 'get', `${gateway.adminUrl}/metrics`)).includes(line));
}

for (const { name, protocol } of [
  { name: 'handset-udp', protocol: 'udp' },
  { name: 'handset-v6', protocol: 'udp' },
  { name: 'handset-tcp', protocol: 'tcp' },
] as const) {
  t.test(`${name} was reached once, and its port is closed then: a sign`, async (t) => {
    const handset = await carrier.startHandset(name, { protocol, isLegacy: true });
    t.equal((await handset.next('closed')).code, 4774);
    t.equal(await carrier.put(handset, 1), 200);
    t.equal((await handset.next('notification')).version, 1);
    t.equal((await handset.next('closed')).code, 4774);
    const reached = name === 'handset-v6' ? 2 : 1;
    await heard(`protocol="${protocol}",result="remembered"`, reached);
    await handset.stop();
    t.equal(await carrier.put(handset, 2), 200);
    const { refusal } = await gateway.line(({ id }) => id === traces.wakeupUnreachable.id);
    t.equal(refusal, 'told');
    await heard(`protocol="${protocol}",result="told"`, reached);
  });
}
