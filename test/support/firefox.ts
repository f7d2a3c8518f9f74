// The real Firefox without a window, as Debian packages it, in a network namespace where there is nothing but loopback.
// It is not driven: it opens a page, and what the page and the push client do is seen from outside.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Namespace } from './carrier-namespaces.js';

/** How long it may take to start and to speak: what it does when it is idle comes late on a busy machine. */
const patienceMs = 300_000;
/** Of its log, where it does not say what it should. */
const shownLines = 20;
const shownCharacters = 200;

export interface Firefox {
  /** Resolves when its push client logs a line with this in it, past or to come. */
  logged(part: string): Promise<void>;
  /** Ends it as a logout does; it keeps its profile in order. */
  quit(): Promise<void>;
}

export interface FirefoxPlan {
  namespace: Namespace;
  /** Its home: the profile is in it, and all else it writes. A second start with the same is the same browser. */
  folder: string;
  /** The page it opens. */
  url: string;
  pushUrl: string;
}

/**
 * Starts it and waits until its push client has spoken with central: a service worker that a page registers sooner, while
 * the browser still starts, may never become ready. It ends with the test.
 */
export async function startFirefox(
  t: { teardown(fn: () => unknown): unknown },
  { namespace, folder, url, pushUrl }: FirefoxPlan,
): Promise<Firefox> {
  const profile = join(folder, 'profile');
  mkdirSync(profile, { recursive: true });
  writeFileSync(join(profile, 'user.js'), userScript(pushUrl));
  const browser = ['firefox-esr', '--headless', '--no-remote', '--profile', profile, url];
  const [command = '', ...args] = [...namespace.via, ...browser];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: folder, MOZ_CRASHREPORTER_DISABLE: '1' },
  });
  const gone = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await gone;
  });

  const firefox: Firefox = {
    logged: watchLog(child),
    async quit() {
      child.kill('SIGTERM');
      await gone;
    },
  };
  await firefox.logged('handleHelloReply');
  return firefox;
}

function watchLog(child: ChildProcess): Firefox['logged'] {
  const lines: string[] = [];
  const looks = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream ?? process.stdin }).on('line', (line) => {
      lines.push(line);
      for (const look of looks) look(line);
    });
  }
  const last = () => lines.slice(-shownLines).map((line) => line.slice(0, shownCharacters));
  return (part) => {
    if (lines.some((line) => line.includes(part))) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error([`Firefox does not log ${part}:`, ...last()].join('\n')));
      const timer = setTimeout(late, patienceMs);
      const look = (line: string) => {
        if (!line.includes(part)) return;
        clearTimeout(timer);
        looks.delete(look);
        resolve();
      };
      looks.add(look);
    });
  };
}

/** Preferences of a profile, as a file that Firefox reads at each start. */
function userScript(pushUrl: string): string {
  const preferences = { ...push(pushUrl), ...silence, ...fences };
  return Object.entries(preferences)
    .map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`)
    .join('');
}

const push = (url: string) => ({
  'dom.push.serverURL': url,
  // ws instead of wss.
  'dom.push.testing.allowInsecureServerURL': true,
  'dom.push.connection.enabled': true,
  // It is back one second after a loss instead of five.
  'dom.push.retryBaseInterval': 1_000,
  'permissions.default.desktop-notification': 1,
  // It shows notifications itself: there is no desktop to do it.
  'alerts.useSystemBackend': false,
  // The log of its push client goes to stdout.
  'dom.push.loglevel': 'debug',
  'devtools.console.stdout.chrome': true,
});

/** What it would say to its maker. */
const silence = {
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.aboutwelcome.enabled': false,
  'browser.newtabpage.enabled': false,
  'browser.newtabpage.activity-stream.feeds.section.topstories': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.search.update': false,
  // The page is opened once: not again as what was open at the end, nor unseen to draw a picture of it.
  'browser.sessionstore.resume_from_crash': false,
  'browser.sessionstore.resume_session_once': false,
  'browser.pagethumbnails.capturing_disabled': true,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'browser.startup.page': 0,
  'datareporting.healthreport.uploadEnabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.update.enabled': false,
  'geo.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.dns.disablePrefetch': true,
  'network.prefetch-next': false,
  'services.settings.server': 'http://127.0.0.1:1/',
  'toolkit.telemetry.enabled': false,
  'toolkit.telemetry.unified': false,
};

/** Whatever else it wants goes to a port of loopback where nobody listens, and no name is looked up. */
const fences = {
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 1,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 1,
  'network.proxy.no_proxies_on': '127.0.0.1, localhost',
  'network.trr.mode': 5,
  'network.dns.disabled': true,
  // Without a network but loopback it would hold itself for offline.
  'network.manage-offline-status': false,
};
