// The commands that fence a host with the addresses of the policy.
import t, { type Test } from 'tap';
import { runGateway } from '../../support/gateway-process.js';
import { baseConfig, createGatewayFolder } from '../../support/gateway-setup.js';

function createSite(t: Test): string {
  const networks = [
    { network: '214-07', ranges: ['10.0.0.0/8', 'fd12:3456:7::/48'], protocols: ['udp', 'tcp'] },
    { network: '214-07', netid: 'net-b', ranges: ['10.0.0.0/8'], ports: [9000, '5000-5999'] },
  ];
  return createGatewayFolder(t, {
    ...baseConfig(),
    listen: '127.0.0.1:8443',
    networks,
    infrastructure: ['10.0.0.0/24'],
  }).configFile;
}

const centrals = ['--central', '198.51.100.10', '--central', '2001:db8:0::/48'];

t.test(
  'systemd-dropin allows the ranges of the policy and the centrals, and no more',
  async (t) => {
    const config = createSite(t);
    const { code, stdout, stderr } = await runGateway([
      ...['systemd-dropin', '--config', config],
      ...centrals,
    ]);
    t.match({ code, stderr }, { code: 0, stderr: '' });
    t.same(linesIn(stdout), [
      '[Service]',
      'IPAddressAllow=10.0.0.0/8',
      'IPAddressAllow=fd12:3456:7::/48',
      'IPAddressAllow=198.51.100.10/32',
      'IPAddressAllow=2001:db8::/48',
    ]);
  },
);

t.test('systemd-dropin --socket allows the centrals alone', async (t) => {
  const config = createSite(t);
  const { stdout } = await runGateway([
    ...['systemd-dropin', '--socket', '--config', config],
    ...centrals,
  ]);
  t.same(linesIn(stdout), [
    '[Socket]',
    'IPAddressAllow=198.51.100.10/32',
    'IPAddressAllow=2001:db8::/48',
  ]);
});

t.test("nftables lets the service's user send what the policy lets through", async (t) => {
  const config = createSite(t);
  const { code, stdout } = await runGateway(['nftables', '--config', config, ...centrals]);
  t.equal(code, 0);
  t.same(linesIn(stdout), [
    'table inet reveille_gateway',
    'delete table inet reveille_gateway',
    'table inet reveille_gateway {',
    'chain output {',
    'type filter hook output priority filter; policy accept;',
    'meta skuid "reveille-gateway" goto gateway',
    '}',
    'chain gateway {',
    'tcp sport { 8443, 0 } accept',
    'ip daddr 10.0.0.0/24 counter drop',
    'ip daddr 10.0.0.0/8 udp dport 1024-65535 accept',
    'ip daddr 10.0.0.0/8 tcp dport 1024-65535 accept',
    'ip6 daddr fd12:3456:7::/48 udp dport 1024-65535 accept',
    'ip6 daddr fd12:3456:7::/48 tcp dport 1024-65535 accept',
    'ip daddr 10.0.0.0/8 udp dport 9000-9000 accept',
    'ip daddr 10.0.0.0/8 udp dport 5000-5999 accept',
    'counter drop',
    '}',
    'chain input {',
    'type filter hook input priority filter; policy accept;',
    'tcp dport 8443 goto callers',
    '}',
    'chain callers {',
    'ip saddr 127.0.0.0/8 accept',
    'ip6 saddr ::1 accept',
    'ip saddr 198.51.100.10/32 accept',
    'ip6 saddr 2001:db8::/48 accept',
    'counter drop',
    '}',
    '}',
  ]);
});

t.test('without a central both say who may still call', async (t) => {
  const config = createSite(t);
  for (const command of ['systemd-dropin', 'nftables']) {
    const { code, stderr } = await runGateway([command, '--config', config]);
    t.equal(code, 0);
    t.equal(stderr, 'warning: without --central only this host itself may call the gateway\n');
  }
});

t.test('a bad central or a bad configuration prints nothing that could be loaded', async (t) => {
  const config = createSite(t);
  for (const command of ['systemd-dropin', 'nftables']) {
    const run = (file: string, ...args: string[]) =>
      runGateway([command, '--config', file, ...args]);
    t.match(await run(config, '--central', 'ns-1.example', '--central', '10.0.0.1/8'), {
      code: 1,
      stdout: '',
      stderr: /--central ns-1\.example: write an address.*\n--central 10\.0\.0\.1\/8: write/,
    });
    t.match(await run('/nowhere.yaml'), { code: 1, stdout: '', stderr: /cannot be read/ });
  }
});

function linesIn(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}
