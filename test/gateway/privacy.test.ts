// Addresses of handsets are personal data: whatever happens, they show nowhere but on the wire to the handset.
import t from 'tap';
import { traces } from '../../shared/traces.js';
import { wakeup } from '../support/gateway-caller.js';
import { listenTcp, listenUdp } from '../support/gateway-handset.js';
import { type RunningGateway, startGateway } from '../support/gateway-setup.js';

/**
 * The parts that a cut address has not, in every form they could be written in: alone, or behind the rest of the address.
 * Inside of a longer word chance writes them: in ids, signatures and ports.
 */
const traceOfAddress =
  /(?<!\d)82[.:_-]73(?!\d)|(?<![\w+/])5249(?![\w+/])|5b5249|(?<![\w+/])89ab(?![\w+/])|000789ab|2136691273|NOTIFY/i;
const ip = '127.91.82.73';
const ip6 = 'fd12:3456:7:89ab::4321';

const network = { ranges: ['127.0.0.0/8'], protocols: ['udp', 'tcp'] };
const config = {
  networks: [
    { network: '214-07', ...network },
    { network: '214-08', ranges: ['10.0.0.0/8', 'fd12:3456::/32'], dryRun: true },
    { network: '214-09', ...network, maxPerSecond: 1, handsetIntervalMs: 0 },
  ],
  infrastructure: ['10.91.0.0/16'],
  log: { level: 'debug' },
};

async function askForEverything({ caller, gateway }: RunningGateway, ports: number[]) {
  const [udp, tcp] = ports;
  const bad = [
    ...[
      `${ip}:80`,
      `${ip}/32`,
      ` ${ip}`,
      `::ffff:${ip}`,
      '0x7f.91.82.73',
      `[${ip6}]`,
      [ip],
      { ip },
    ],
  ];
  const wakeups = [
    { ip, port: udp },
    { ip, port: udp },
    { ip, port: tcp, protocol: 'tcp' },
    { ip, port: 1024, protocol: 'tcp' },
    { ip, port: 80 },
    { ip, port: ip },
    { ip, protocol: ip },
    { ip, urgency: ip },
    { ip, nonce: ip },
    { ip, auth: { counter: 1, mac: ip } },
    { ip, network: ip },
    { ip, network: '214-08' },
    { ip: '10.92.82.73', network: '214-08' },
    { ip: '10.91.82.73', network: '214-08' },
    { ip: ip6, network: '214-08' },
    { ip, network: '214-09', port: udp },
    { ip, network: '214-09', port: udp },
    ...bad.map((text) => ({ ip: text })),
  ].map(wakeup);
  const body = JSON.stringify({ wakeups });
  const post = (path: string, content: unknown) =>
    fetch(gateway.adminUrl + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(content),
    }).then((answer) => answer.text());
  const answers = [
    await caller.send({ body }),
    await caller.send({ body }),
    await caller.send({ body: `{"wakeups":[{"id":"${ip}"}]}` }),
    await caller.send({ body: `${ip}` }),
    await caller.send({ target: `/v1/${ip}?${ip6}`, body }),
    await caller.send({ nowMs: 0, body }),
    await caller.networks(),
    await caller.send({ method: 'GET', target: '/v1/signs', body: '' }),
  ];
  return [
    ...answers.map((answer) => `${JSON.stringify([...answer.headers])} ${answer.body}`),
    await post('/pause', { network: ip }),
    await post('/pause', {}),
    String((await caller.send({ body })).body),
    await post('/resume', {}),
  ];
}

t.test(
  'no answer, log line, metric or page shows a whole address, whatever is asked',
  async (t) => {
    const running = await startGateway(t, config);
    const udp = await listenUdp(t, ip);
    const tcp = await listenTcp(t, ip);
    const answers = await askForEverything(running, [udp.port, tcp.port]);
    await udp.next();
    await tcp.next();
    const { gateway, lines } = running;
    const urls = [
      ...['/metrics', '/', '/ops.json', '/readyz', '/nothing'].map(
        (path) => gateway.adminUrl + path,
      ),
      ...['/about', '/status', `/${ip}`].map((path) => gateway.url + path),
    ];
    const pages = await Promise.all(urls.map(async (url) => (await fetch(url)).text()));
    for (const shown of [...answers, ...pages, ...lines.map((line) => JSON.stringify(line))]) {
      t.notMatch(shown, traceOfAddress);
    }
    const seen = new Set(lines.map(({ trace }) => trace));
    for (const trace of [
      ...[traces.udpSent, traces.tcpSent, traces.tcpFailed, traces.wakeupRefused],
      ...[traces.wakeupDeferred, traces.wakeupRepeated, traces.requestRefused],
      traces.wakeupUnreachable,
    ]) {
      t.ok(seen.has(trace), trace.message);
    }
    t.match(JSON.stringify(lines), /127\.91\.x\.x/, 'cut, so that an operator can place it');
  },
);

t.test('at info there is one line for a request and one for a reload', async (t) => {
  const running = await startGateway(t, config);
  const from = running.lines.length;
  const many = Array.from({ length: 100 }, (_, i) =>
    wakeup({ ip: `127.9.${i}.1`, port: i % 2 === 0 ? 80 : 4000 }),
  );
  await running.caller.wake(...many);
  running.gateway.reload();
  const told = running.lines.slice(from).filter(({ trace }) => trace.level !== 'debug');
  t.match(
    told.map(({ trace }) => trace),
    [traces.requestAccepted, traces.reloaded],
  );
});
