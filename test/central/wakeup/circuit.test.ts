// A network whose wakeups do not work: its devices keep their sockets, and those asleep are woken when it is well.
import t from 'tap';
import { createCircuit } from '../../../central/wakeup/circuit.js';
import { traces } from '../../../shared/traces.js';
import { createManualClock } from '../../support/manual-clock.js';
import { during, isOnline, startWakingCentral } from '../../support/running-central.js';
import {
  passUntil,
  portsOf,
  settled,
  sleeper,
  untilNextWakeup,
} from '../../support/sleeping-devices.js';
import { connectDevice, put, wakeable } from '../../support/test-device.js';

const limits = { circuitWakeupsMin: 4, circuitSuccessMin: 0.25, circuitOpenMs: 60_000 };
const isOpen = 'reveille_central_circuit_open{network="214-07"}';

function openCircuit() {
  const clock = createManualClock();
  const circuit = createCircuit({ clock, limits });
  /** Wakeups that were sent just now. */
  const note = (...results: boolean[]) => {
    for (const hasWorked of results) {
      circuit.note({ hasWorked, sentMs: clock.now(), isRepeated: false });
    }
  };
  return { clock, circuit, note };
}

t.test('a circuit judges when enough wakeups have ended', async (t) => {
  const { circuit, note } = openCircuit();
  t.equal(circuit.successRatio(), undefined);
  note(false, false, false);
  t.notOk(circuit.isOpen());
  note(false);
  t.ok(circuit.isOpen());
  t.equal(circuit.successRatio(), 0);
});

t.test('it stays closed while enough of the last ones worked', async (t) => {
  const { clock, circuit, note } = openCircuit();
  for (let i = 0; i < 10; i++) note(true, false, false, false);
  t.notOk(circuit.isOpen());
  t.equal(circuit.successRatio(), 0.25);
  clock.advance(10_000);
  note(false, false, false, false);
  t.ok(circuit.isOpen(), 'what was long ago does not count');
});

t.test('those of a storm that failed are heard of last, and count no more for it', async (t) => {
  const { clock, circuit } = openCircuit();
  const sentMs = clock.now();
  clock.advance(4_000);
  for (let i = 0; i < 300; i++) circuit.note({ hasWorked: true, sentMs, isRepeated: false });
  clock.advance(6_000);
  for (let i = 0; i < 100; i++) circuit.note({ hasWorked: false, sentMs, isRepeated: false });
  t.notOk(circuit.isOpen());
  t.equal(circuit.successRatio(), 0.75);
});

t.test('one that worked closes it, and what was sent before says no more', async (t) => {
  const { clock, circuit, note } = openCircuit();
  const sentMs = clock.now();
  note(false, false, false, false);
  t.ok(circuit.isOpen());
  clock.advance(1_000);
  note(true);
  t.notOk(circuit.isOpen());
  for (let i = 0; i < 100; i++) circuit.note({ hasWorked: false, sentMs, isRepeated: false });
  t.notOk(circuit.isOpen());
  t.equal(circuit.successRatio(), 1);
});

t.test('one that worked too late does not close it, and speaks for its network', async (t) => {
  const { clock, circuit, note } = openCircuit();
  const late = { hasWorked: true, sentMs: clock.now(), isRepeated: false, isLate: true };
  circuit.note(late);
  t.equal(circuit.successRatio(), 1);
  note(false, false, false, false, false, false, false, false, false, false, false, false);
  t.ok(circuit.isOpen());
  circuit.note({ ...late, sentMs: clock.now() });
  t.ok(circuit.isOpen());
});

t.test('a device that is gone speaks against its network once', async (t) => {
  const { clock, circuit } = openCircuit();
  const missed = { hasWorked: false, sentMs: clock.now(), isRepeated: true };
  for (let i = 0; i < 100; i++) circuit.note(missed);
  t.notOk(circuit.isOpen());
});

t.test('as long as trials are in vain it stays open', async (t) => {
  const { clock, circuit, note } = openCircuit();
  note(false, false, false, false);
  for (let i = 0; i < 10; i++) {
    clock.advance(50_000);
    t.ok(circuit.isOpen());
    circuit.note({ hasWorked: false, sentMs: clock.now(), isRepeated: true });
  }
  clock.advance(60_000);
  t.notOk(circuit.isOpen());
});

t.test('time closes it too', async (t) => {
  const { clock, circuit, note } = openCircuit();
  note(false, false, false, false);
  clock.advance(59_999);
  t.ok(circuit.isOpen());
  clock.advance(1);
  t.notOk(circuit.isOpen());
  note(false, false, false);
  t.notOk(circuit.isOpen(), 'it judges afresh');
  note(false);
  t.ok(circuit.isOpen());
});

t.test(
  'while no gateway is well hello gets 200; those asleep are woken oldest first, paced',
  async (t) => {
    const config = { gatewayPollMs: 10_000 };
    const running = await startWakingCentral(t, config, { wakeupsPerSecond: 1 });
    const { url, clock, gateway, watch, metric } = running;
    const ports = [9003, 9001, 9002];
    const endpoints: string[] = [];
    for (const port of ports) {
      endpoints.push((await sleeper(t, running, wakeable(port))).endpoint);
    }
    gateway.misbehave = () => 'hang-up';
    await passUntil(running, () => watch.count(traces.gatewayOffline) > 0);
    t.equal(await metric(isOpen), 1);
    t.equal((await (await connectDevice(t, url)).hello(wakeable(9009))).status, 200);
    for (const endpoint of endpoints) {
      await put(endpoint, 1);
      clock.advance(100);
      await settled(running);
    }
    await passUntil(running, () => false, { limitMs: 20_000 });
    t.equal(gateway.wakeups.length, 0);
    gateway.misbehave = () => undefined;
    const times: number[] = [];
    for (let i = 1; i <= 3; i++) {
      await passUntil(running, () => gateway.wakeups.length >= i, { stepMs: 250 });
      times.push(clock.now());
    }
    t.same(portsOf(gateway), ports, 'the oldest version first');
    const [first = 0, , third = 0] = times;
    t.ok(third - first >= 1_500, `${third - first} ms for three at one a second`);
    t.equal(await metric(isOpen), 0);
    t.equal((await (await connectDevice(t, url)).hello(wakeable(9009))).status, 201);
  },
);

t.test('while hardly any device comes back hello gets 200, until one does', async (t) => {
  const circuit = { circuitWakeupsMin: 3, circuitSuccessMin: 0.5, circuitOpenMs: 600_000 };
  const running = await startWakingCentral(t, circuit);
  const { url, clock, gateway, metric, central } = running;
  const sleepers = [];
  for (const port of [9001, 9002, 9003, 9004, 9005, 9006]) {
    sleepers.push(await sleeper(t, running, wakeable(port)));
  }
  const hello = async () =>
    (await during(clock, (await connectDevice(t, url)).hello(wakeable(9100)))).status;
  for (const { endpoint } of sleepers.slice(0, 3)) await put(endpoint, 1);
  t.equal(await hello(), 201);
  await passUntil(running, async () => (await metric(isOpen)) === 1);
  t.equal(await hello(), 200);
  const told = await (await fetch(`${central.adminUrl}/networks`)).json();
  t.match(told, { networks: [{ isOnline: true, circuit: 'silence', successRatio: 0 }] });
  // Those that are owed go out one by one meanwhile.
  const before = gateway.wakeups.length;
  for (const { endpoint } of sleepers) await put(endpoint, 2);
  await passUntil(running, () => false, { limitMs: 4_000, stepMs: 500 });
  t.ok(gateway.wakeups.length - before <= 5, 'one a second at most');
  await untilNextWakeup(running, { stepMs: 500 });
  const port = portsOf(gateway).at(-1);
  const woken = sleepers.find(
    ({ said }) => (said.wakeup_hostport as { port: number }).port === port,
  );
  await (await woken?.comeBack())?.receive();
  t.equal(await metric(isOpen), 0);
  t.equal(await hello(), 201);
  await isOnline(running);
});
