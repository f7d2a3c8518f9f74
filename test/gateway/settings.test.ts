import { join } from 'node:path';
import t from 'tap';
import { loadSettings } from '../../gateway/settings.js';
import { createCertificate, writeCertificate } from '../support/gateway-certificates.js';
import { baseConfig, createGatewayFolder } from '../support/gateway-setup.js';

t.test('whatever goes wrong while a configuration is read is a problem of it', async (t) => {
  const folder = createGatewayFolder(t, { tls: { keyFile: 'tls.key', certFile: 'tls.crt' } });
  writeCertificate(folder.path, await createCertificate());
  const broken = {
    now: () => {
      throw new Error('no time');
    },
    after: () => () => {},
  };
  t.match(loadSettings(folder.configFile, {}, { clock: broken }), { problems: [/no time/] });
});

t.test(
  "the state file lies in systemd's state directory, or beside the configuration",
  async (t) => {
    const { path, configFile, write } = createGatewayFolder(t);
    const stateFile = (env: Record<string, string> = {}) =>
      loadSettings(configFile, env).settings?.stateFile;
    t.equal(stateFile(), join(path, 'gateway.state.json'));
    t.equal(
      stateFile({ STATE_DIRECTORY: '/var/lib/x:/var/lib/y' }),
      '/var/lib/x/gateway.state.json',
    );
    write({ ...baseConfig(), stateFile: 'switch.json' });
    t.equal(stateFile({ STATE_DIRECTORY: '/var/lib/x' }), join(path, 'switch.json'));
  },
);
