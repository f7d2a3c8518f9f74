// A radio network that loses 30 % of all datagrams: wakeups are tried again until their versions are delivered.
import t, { type Test } from 'tap';
import { startCarrier } from '../../support/carrier.js';
import type { CarrierHandset } from '../../support/carrier-handset.js';
import { carrierNetwork } from '../../support/carrier-site.js';

const versions = 10;
const lossPercent = 30;
/** All lost once in 10^10 times. */
const wakeupAttemptsMax = 20;

const carrier = await startCarrier(t, {
  central: { idleCloseMs: 500, wakeupRetryFloorMs: 500, proofRetryMs: 500, wakeupAttemptsMax },
  // The gateway paces a handset to one wakeup in three seconds, and this is about the central behind it.
  network: { handsetIntervalMs: 0 },
});
const handsets = await Promise.all([
  carrier.startHandset('handset-udp'),
  carrier.startHandset('handset-v6'),
]);

function wakeups(outcome: string): Promise<number> {
  const labels = `network="${carrierNetwork}",outcome="${outcome}"`;
  return carrier.metric(`reveille_central_wakeups_total{${labels}}`);
}

/** Nonces that were sent, or came back. */
function proofs(result: string): Promise<number> {
  return carrier.metric(
    `reveille_central_proofs_total{network="${carrierNetwork}",result="${result}"}`,
  );
}

/** PUTs version after version to a handset that sleeps each time. */
async function deliverAll(t: Test, handset: CarrierHandset): Promise<void> {
  const { name, namespace } = handset;
  handset.lose(lossPercent);
  // Luck may spare the first few; then it has to go on.
  for (let version = 1; version <= versions || namespace.counters().lost === 0; version++) {
    t.equal((await handset.next('closed')).code, 4774, `${name} sleeps`);
    t.equal(await carrier.put(handset, version), 200);
    const notification = await handset.next('notification');
    t.equal(notification.version, version, `${name} has version ${version}`);
  }
  // Not before the last version was acked: an update that waits for its ack keeps the socket open.
  await handset.next('closed');
}

t.test(`with ${lossPercent} % of datagrams lost every version is delivered`, async (t) => {
  await Promise.all(handsets.map((handset) => deliverAll(t, handset)));
  const counters = handsets.map(({ namespace }) => namespace.counters());
  const lost = counters.reduce((sum, counter) => sum + (counter.lost ?? 0), 0);
  const arrived = counters.reduce((sum, counter) => sum + (counter.arrived ?? 0), 0);
  t.comment(`${lost} of ${arrived} datagrams lost`);
  const [sent, answered] = [await proofs('sent'), await proofs('answered')];
  const triggered = await wakeups('triggered');
  t.equal(triggered + sent, arrived, 'triggered means sent, whatever became of it');
  const silent = (await wakeups('unconfirmed')) + sent - answered;
  t.ok(silent >= lost, 'a lost one stays unconfirmed');
  t.equal(await wakeups('expired'), 0);
});
