// SIGHUP to a running central: the configuration as it is now, and every socket as it was.
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { traces } from '../../shared/traces.js';
import {
  createPathFolder,
  startCentralProgram,
  startGatewayProgram,
  writeCentralConfig,
} from '../support/running-path.js';
import { connectDevice, wakeable } from '../support/test-device.js';

t.test(
  'SIGHUP takes another gateway, and keeps the old configuration when it is bad',
  async (t) => {
    const folder = await createPathFolder(t);
    const gateway = await startGatewayProgram(t, folder);
    writeCentralConfig(folder, []);
    const central = await startCentralProgram(t, folder);
    const device = await connectDevice(t, central.url);
    const { uaid, status } = await device.hello(wakeable(9000));
    t.equal(status, 200);

    writeFileSync(folder.centralFile, 'listen: nowhere');
    central.child.kill('SIGHUP');
    await central.logged(traces.reloadFailed);
    const metrics = async () => (await fetch(`${central.adminUrl}/metrics`)).text();
    t.match(await metrics(), /^reveille_central_config_reload_successful 0$/m);

    writeCentralConfig(folder, [gateway.url]);
    central.child.kill('SIGHUP');
    await central.logged(traces.reloaded);
    await central.logged(traces.gatewayOnline);
    t.match(await metrics(), /^reveille_central_config_reload_successful 1$/m);
    t.equal((await device.hello({ uaid, ...wakeable(9000) })).status, 201, 'on the same socket');
    t.equal(await central.kill('SIGTERM'), 0);
  },
);
