// A namespace with nothing but loopback, and in it central as a process, a site with its app server, and Firefox.
// All ends with the test. Needs root.
import { join } from 'node:path';
import { type Ready, startServer } from '../../dev/programs.js';
import {
  createNamespace,
  removeAbandonedNamespaces,
  removeOwnNamespaces,
} from './carrier-namespaces.js';
import { type Firefox, startFirefox } from './firefox.js';
import { createCertificate, writeCertificate } from './gateway-certificates.js';
import { centralPort, type PushSite, startPushSite, tlsPort } from './push-site.js';
import { createCentralFolder } from './running-central.js';

interface Teardown {
  teardown(fn: () => unknown): unknown;
}

export interface FirefoxSetup {
  site: PushSite;
  /** Starts central; again with what its store has. */
  startCentral(): Promise<Ready>;
  /** Starts Firefox, always the same one: its profile stays. */
  openFirefox(): Promise<Firefox>;
}

export async function prepareFirefox(t: Teardown): Promise<FirefoxSetup> {
  removeAbandonedNamespaces();
  const namespace = createNamespace('firefox');
  t.teardown(removeOwnNamespaces);
  // An exception ends a test without its teardown.
  process.once('exit', removeOwnNamespaces);
  namespace.ip('link set lo up');
  const { path, configFile } = createCentralFolder(t, {
    listen: `127.0.0.1:${centralPort}`,
    publicUrl: `https://127.0.0.1:${tlsPort}`,
    store: 'sqlite:central.db',
  });
  writeCertificate(path, await createCertificate());
  const site = await startPushSite(t, { folder: path, namespace });
  return {
    site,
    async startCentral() {
      const central = await startServer('central', configFile, namespace.via);
      t.teardown(() => central.stop('SIGKILL'));
      return central;
    },
    openFirefox: () =>
      startFirefox(t, {
        namespace,
        folder: join(path, 'firefox'),
        url: site.url,
        pushUrl: `ws://127.0.0.1:${centralPort}/`,
      }),
  };
}
