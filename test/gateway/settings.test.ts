import { join } from 'node:path';
import t from 'tap';
import { loadSettings } from '../../gateway/settings.js';
import { baseConfig, createGatewayFolder } from '../support/gateway-setup.js';

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
