// Central's package on a real systemd: its store, its keys, and the same life as the gateway's.
import t from 'tap';
import { buildPackage, nextVersion, startMachine } from '../../support/machine.js';

const machine = startMachine(t);
const deb = buildPackage(machine.shared, 'central');
const { sh, until } = machine;

const unit = 'reveille-central.service';
const configFile = '/etc/reveille-central/central.yaml';
const show = (property: string) => sh(`systemctl show -P ${property} ${unit}`);
const status = (path: string) =>
  sh(`node -e "fetch('http://127.0.0.1:${path}').then((r) => console.log(r.status))"`);

t.test('a fresh install is enabled, inactive and has no failed unit', async (t) => {
  sh(`dpkg -i ${deb}`);
  t.equal(sh(`systemctl is-enabled ${unit}`), 'enabled');
  t.equal(show('ActiveState'), 'inactive');
  t.equal(sh('systemctl list-units --state=failed --plain --no-legend'), '');
  t.match(machine.try(`systemd-analyze verify ${unit} reveille-central.socket`), {
    code: 0,
    stdout: '',
    stderr: '',
  });
});

t.test('with its keys it starts, opens its store and is ready', async (t) => {
  sh('reveille-central keygen --out /etc/reveille-central/keys');
  t.equal(sh(`reveille-central check-config --config ${configFile}`), 'ok');
  sh(`systemctl start ${unit}`);
  t.equal(show('StatusText'), 'serving http://0.0.0.0:8080, admin http://127.0.0.1:9100');
  t.equal(status('9100/readyz'), '200');
  t.equal(status('8080/status'), '200');
  t.match(sh('stat -c %a /var/lib/private/reveille-central'), /^700$/);
  t.match(sh('ls /var/lib/private/reveille-central'), /^central\.db$/m);
  t.not(sh('stat -c %u /var/lib/private/reveille-central/central.db'), '0');
  t.match(JSON.parse(sh(`journalctl --sync; journalctl -q -o json REVEILLE_PROGRAM=central`)), {
    REVEILLE_ID: '1003',
    SYSLOG_IDENTIFIER: 'reveille-central',
  });
});

t.test('it reloads, and is restarted when it hangs', async (t) => {
  const pid = show('MainPID');
  sh(`sed -i 's/level: info/level: debug/' ${configFile}; systemctl reload ${unit}`);
  await until('journalctl --sync; journalctl -q REVEILLE_ID=1005 | grep reloaded');
  t.equal(show('MainPID'), pid);
  const dropins = `/etc/systemd/system/${unit}.d`;
  sh(`install -d ${dropins}; printf '[Service]\\nWatchdogSec=2\\n' > ${dropins}/watchdog.conf
    systemctl daemon-reload; systemctl restart ${unit}; kill -STOP $(systemctl show -P MainPID ${unit})`);
  await until(`[ "$(systemctl show -P NRestarts -P ActiveState ${unit} | xargs)" = '1 active' ]`);
  t.equal(status('9100/readyz'), '200', 'the store is whole');
  sh(`rm -r ${dropins}; systemctl daemon-reload; systemctl restart ${unit}`);
});

t.test('systemd can hold its socket over a restart', async (t) => {
  sh(`systemctl stop ${unit}; systemctl enable --now reveille-central.socket`);
  t.equal(status('8080/status'), '200', 'the first caller starts it');
  const asked = machine.try(`for i in 1 2 3 4 5 6; do
      [ $i != 2 ] || systemctl restart ${unit} &
      node -e "fetch('http://127.0.0.1:8080/status').then((r) => console.log(r.status))"
    done`);
  t.match(asked, { code: 0, stdout: '200\n'.repeat(6) });
});

t.test(
  'an upgrade restarts it and keeps store and configuration; a purge leaves nothing',
  async (t) => {
    const pid = show('MainPID');
    const inode = sh('stat -c %i /var/lib/private/reveille-central/central.db');
    sh(`dpkg --force-confold -i ${nextVersion(deb, configFile)}`);
    t.equal(show('ActiveState'), 'active');
    t.not(show('MainPID'), pid);
    t.equal(sh('stat -c %i /var/lib/private/reveille-central/central.db'), inode);
    t.match(sh(`grep level: ${configFile}`), /debug/);
    sh('dpkg -P reveille-central; systemctl daemon-reload');
    t.equal(
      sh("find /etc /lib /usr /var /run -xdev -name '*reveille*' -not -path '/var/cache/man/*'"),
      '',
    );
    t.equal(sh('systemctl list-units --state=failed --plain --no-legend'), '');
  },
);
