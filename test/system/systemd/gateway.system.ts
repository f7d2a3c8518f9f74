// The gateway's package on a real systemd, from installation to purge, as an operator would do it.
import { basename } from 'node:path';
import t from 'tap';
import { buildPackage, nextVersion, repository, startMachine } from '../../support/machine.js';
import type { MachineAnswer, MachineCall } from '../../support/machine-caller.js';

const machine = startMachine(t);
const deb = buildPackage(machine.shared, 'gateway');
const { sh, until } = machine;

const unit = 'reveille-gateway.service';
const configFile = '/etc/reveille-gateway/gateway.yaml';
const dropins = `/etc/systemd/system/${unit}.d`;
const [gatewayAddress, centralAddress] = ['10.20.0.2', '198.51.100.10'];
const url = `https://${gatewayAddress}:8443`;
/** Every address of these two is one of the machine itself. */
const [handsets, otherHandsets] = ['10.20.5', '192.168.9'];
let lastHandset = 0;
/** Each wakeup goes to a new handset: one that was just woken is left alone for a while. */
const handset = (prefix = handsets) => `${prefix}.${++lastHandset}`;

const show = (property: string, of = unit) => sh(`systemctl show -P ${property} ${of}`);
const failedUnits = () => sh('systemctl list-units --state=failed --plain --no-legend');
const journal = (...matches: string[]) =>
  sh(`journalctl --sync; journalctl -q -o json ${matches.join(' ')} | tail -1`);

function wake(ip: string, changes: Partial<MachineCall> = {}): MachineAnswer {
  const call: MachineCall = {
    url,
    keyFile: '/root/central/central.key.pem',
    caFile: '/etc/reveille-gateway/tls.crt',
    wakeups: [{ ip, port: 5000 }],
    ...changes,
  };
  return machine.program('machine-caller.js', call) as MachineAnswer;
}

function dropin(name: string, ...options: string[]): void {
  sh(`install -d ${name.replace(/\/[^/]*$/, '')}
    reveille-gateway systemd-dropin --config ${configFile} ${options.join(' ')} > ${name}
    systemctl daemon-reload`);
}

const restartsOf = () => Number(show('NRestarts'));

t.test('a fresh install is enabled, inactive and has no failed unit', async (t) => {
  for (const range of [
    gatewayAddress,
    centralAddress,
    `${handsets}.0/24`,
    `${otherHandsets}.0/24`,
  ]) {
    sh(`ip route add local ${range} dev lo`);
  }
  const before = failedUnits();
  sh(`dpkg -i ${deb}`);
  t.equal(sh(`systemctl is-enabled ${unit}`), 'enabled');
  t.equal(show('ActiveState'), 'inactive');
  t.equal(show('ConditionResult'), 'no');
  t.equal(failedUnits(), before);
  t.equal(sh('stat -c "%a %U" /etc/reveille-gateway/keys'), '700 root');
});

t.test(
  'systemd has nothing to say against the units, and their exposure is 1.2 at most',
  async (t) => {
    const verified = machine.try(`systemd-analyze verify ${unit} reveille-gateway.socket`);
    t.match(verified, { code: 0, stdout: '', stderr: '' });
    t.equal(machine.try(`systemd-analyze security --threshold=12 ${unit}`).code, 0);
    const offline = `systemd-analyze security --offline=true --threshold=12 /lib/systemd/system/${unit}`;
    t.equal(machine.try(offline).code, 0);
  },
);

t.test('the shipped configuration is in order once its keys are there', async (t) => {
  t.match(machine.try(`reveille-gateway check-config --config ${configFile}`), { code: 1 });
  sh(`reveille-gateway keygen --out /etc/reveille-gateway/keys
    node ${repository}/dist/central/cli.js keygen --out /root/central
    cp /root/central/central.pub.pem /etc/reveille-gateway/ns-1.pub.pem
    cd /etc/reveille-gateway
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \\
      -subj /CN=wakeup.operator.example -addext subjectAltName=IP:${gatewayAddress} \\
      -keyout keys/tls.key -out tls.crt 2>/dev/null
    chmod 600 keys/tls.key`);
  t.equal(sh(`reveille-gateway check-config --config ${configFile}`), 'ok');
});

t.test('it is ready when systemctl start returns, and says so', async (t) => {
  sh(`sed -i 's/wakeup.operator.example:8443/${gatewayAddress}:8443/' ${configFile}`);
  sh(`systemctl start ${unit}`);
  t.equal(show('ActiveState'), 'active');
  t.equal(show('StatusText'), 'serving https://0.0.0.0:8443, admin http://127.0.0.1:9101');
  t.match(sh('systemctl show -P MainPID -P User reveille-gateway'), /^\d+\nreveille-gateway$/);
  t.not(sh(`stat -c %U /proc/$(systemctl show -P MainPID ${unit})`), 'root');
  sh('node -e "fetch(\'http://127.0.0.1:9101/readyz\').then((r) => process.exit(r.ok ? 0 : 1))"');
});

t.test(
  'until a drop-in names them it can reach no handset, and no central can reach it',
  async (t) => {
    const own = { outcomes: ['failed'], reasons: ['send-failed'], heard: [] };
    t.match(wake(handset(), { from: '127.0.0.1' }), own, 'this host may ask, and nothing leaves');
    t.match(wake(handset(), { from: centralAddress, limitMs: 3000 }), {
      error: /no answer|TIMEDOUT/,
    });
  },
);

t.test("systemd-dropin lets the policy's handsets and the central through, at once", async (t) => {
  dropin(`${dropins}/policy.conf`, `--central ${centralAddress}`, `--central ${gatewayAddress}`);
  const ip = handset();
  t.match(wake(ip, { from: centralAddress }), {
    status: 200,
    outcomes: ['triggered'],
    heard: [`NOTIFY ${ip}:5000`],
  });
});

t.test('a reload takes the new policy, and a bad one changes nothing', async (t) => {
  const pid = show('MainPID');
  t.match(wake(handset(otherHandsets), { from: centralAddress }), {
    outcomes: ['refused'],
    heard: [],
  });
  sh(`sed -i 's#10.0.0.0/8#10.0.0.0/8, 192.168.0.0/16#; s/level: info/level: debug/' ${configFile}
    systemctl reload ${unit}`);
  await until(`journalctl --sync; journalctl -q REVEILLE_ID=1005 | grep reloaded`);
  sh(
    `cp ${configFile} /root/good.yaml; echo nonsense: 1 >> ${configFile}; systemctl reload ${unit}`,
  );
  await until(`systemctl show -P StatusText ${unit} | grep 'reload failed'`);
  t.match(wake(handset(), { from: centralAddress }), { outcomes: ['triggered'] });
  sh(`cp /root/good.yaml ${configFile}; systemctl reload ${unit}`);
  await until(`! systemctl show -P StatusText ${unit} | grep 'reload failed'`);
  t.equal(show('MainPID'), pid, 'the same process all along');
});

t.test(
  'the sandbox holds: a policy that lets an address through does not open the way there',
  async (t) => {
    t.match(wake(handset(otherHandsets), { from: centralAddress }), {
      status: 200,
      outcomes: ['failed'],
      reasons: ['send-failed'],
      heard: [],
    });
    t.match(JSON.parse(journal('REVEILLE_ID=2503')), { REVEILLE_CODE: 'EPERM' });
  },
);

t.test('log lines are in the journal with their fields', async (t) => {
  wake(handset(), { from: centralAddress });
  const sent = JSON.parse(journal('REVEILLE_NETWORK=214-07', 'REVEILLE_ID=1504'));
  t.match(sent, {
    PRIORITY: '7',
    SYSLOG_IDENTIFIER: 'reveille-gateway',
    _SYSTEMD_UNIT: unit,
    MESSAGE: /^wakeup datagram sent /,
    REVEILLE_TO: '10.20.x.x',
  });
  t.match(JSON.parse(journal(`_SYSTEMD_UNIT=${unit}`, 'REVEILLE_CENTRAL=ns-1')), {
    REVEILLE_ROUTE: '/v1/wakeups',
    REVEILLE_RESULT: 'accepted',
  });
});

t.test('what a process could do elsewhere, it cannot do here', async (t) => {
  const pid = show('MainPID');
  const status = sh(`cat /proc/${pid}/status`);
  t.match(status, /^NoNewPrivs:\t1$/m);
  t.match(status, /^Seccomp:\t2$/m);
  t.match(status, /^CapEff:\t0+$/m);
  t.match(status, /^CapBnd:\t0+$/m);
  const inside = `nsenter -t ${pid} -m --`;
  t.not(machine.try(`${inside} /usr/bin/touch /etc/reveille-gateway/x`).code, 0, 'writes nothing');
  t.not(machine.try(`${inside} /usr/bin/id`).code, 0, 'runs nothing but node');
  t.equal(sh(`stat -c "%a %U" /etc/reveille-gateway/keys/gateway.key.pem`), '600 root');
});

t.test('the watchdog ends and restarts a gateway that hangs', async (t) => {
  sh(`printf '[Service]\\nWatchdogSec=2\\n' > ${dropins}/watchdog.conf
    systemctl daemon-reload; systemctl restart ${unit}`);
  const pid = show('MainPID');
  await until(`sleep 4; true`);
  t.equal(show('MainPID'), pid, 'pings keep it alive');
  sh(`kill -STOP ${pid}`);
  await until(`[ "$(systemctl show -P NRestarts ${unit})" = 1 ] &&
    [ "$(systemctl show -P ActiveState ${unit})" = active ]`);
  t.not(show('MainPID'), pid);
  t.match(sh(`journalctl -q -u ${unit} | grep -i watchdog | head -1`), /Watchdog timeout/);
  t.equal(restartsOf(), 1);
  sh(`rm ${dropins}/watchdog.conf; systemctl daemon-reload; systemctl restart ${unit}`);
  t.match(wake(handset(), { from: centralAddress }), { outcomes: ['triggered'] });
});

t.test('a pause holds over a restart, until resume', async (t) => {
  sh(`reveille-gateway pause --config ${configFile}; systemctl restart ${unit}`);
  t.match(wake(handset(), { from: centralAddress }), { reasons: ['paused'], heard: [] });
  sh(`reveille-gateway resume --config ${configFile}`);
  t.match(wake(handset(), { from: centralAddress }), { outcomes: ['triggered'] });
});

t.test('with its socket held by systemd, a restart turns no caller away', async (t) => {
  sh(`systemctl stop ${unit}; systemctl enable --now reveille-gateway.socket`);
  const socketDropin = '/etc/systemd/system/reveille-gateway.socket.d/policy.conf';
  t.match(wake(handset(), { from: centralAddress, limitMs: 3000 }), { error: /no answer/ });
  dropin(socketDropin, '--socket', `--central ${centralAddress}`, `--central ${gatewayAddress}`);
  t.match(wake(handset(), { from: centralAddress }), { outcomes: ['triggered'] });
  t.equal(show('ActiveState'), 'active', 'the first caller started it');
  t.match(
    wake(handset(), { from: handset(), limitMs: 3000 }),
    { error: /no answer/ },
    'no handset calls',
  );
  const options = { url, caFile: '/etc/reveille-gateway/tls.crt', restarts: 4 };
  const asked = machine.program('machine-restart.js', options) as {
    answered: number;
    failures: string[];
  };
  t.same(asked.failures, []);
  t.ok(asked.answered > 10, `${asked.answered} answered`);
});

t.test('nftables keeps the service to its policy, too, port by port', async (t) => {
  sh(`reveille-gateway nftables --config ${configFile} --central ${centralAddress} \\
      --central ${gatewayAddress} > /etc/reveille-gateway/policy.nft
    sed -i '/192.168/d; s/dport 1024-65535/dport 5000/' /etc/reveille-gateway/policy.nft
    cp /usr/share/doc/reveille-gateway/examples/nftables.conf ${dropins}/
    printf '[Service]\\nIPAddressAllow=192.168.0.0/16\\n' > ${dropins}/wide.conf
    systemctl daemon-reload; systemctl restart ${unit}`);
  const from = centralAddress;
  const ip = handset();
  t.match(wake(ip, { from }), { outcomes: ['triggered'], heard: [`NOTIFY ${ip}:5000`] });
  const blocked = { outcomes: ['failed'], heard: [] };
  t.match(wake(handset(otherHandsets), { from }), blocked, 'an address outside');
  t.match(
    wake(handset(), { from, wakeups: [{ ip: handset(), port: 5001 }] }),
    blocked,
    'a port outside',
  );
  t.match(sh('nft list chain inet reveille_gateway gateway'), /counter packets [1-9]\d* .*drop/);
  sh(`rm ${dropins}/nftables.conf ${dropins}/wide.conf; systemctl daemon-reload
    systemctl restart ${unit}; nft delete table inet reveille_gateway`);
});

t.test('an upgrade restarts the running service and keeps the edited configuration', async (t) => {
  const pid = show('MainPID');
  const edited = sh(`cat ${configFile}`);
  const next = nextVersion(deb, configFile);
  sh(`dpkg --force-confold -i ${next}`);
  t.match(sh('dpkg-query -W reveille-gateway'), /\+next$/, basename(next));
  t.equal(show('ActiveState'), 'active');
  t.not(show('MainPID'), pid);
  t.equal(sh(`cat ${configFile}`), edited);
  t.match(sh(`tail -1 ${configFile}.dpkg-dist`), /new shipped/);
  t.match(wake(handset(), { from: centralAddress }), { outcomes: ['triggered'] });
});

t.test('a purge leaves nothing', async (t) => {
  sh('dpkg -r reveille-gateway');
  t.equal(show('ActiveState'), 'inactive');
  t.equal(show('ActiveState', 'reveille-gateway.socket'), 'inactive');
  t.equal(sh('ls /etc/reveille-gateway/keys'), 'gateway.key.pem\ngateway.pub.pem\ntls.key');
  sh('dpkg -P reveille-gateway; systemctl daemon-reload');
  t.equal(
    sh("find /etc /lib /usr /var /run -xdev -name '*reveille*' -not -path '/var/cache/man/*'"),
    '',
  );
  t.equal(failedUnits(), '');
});
