// What the site of push-site-program.ts serves to a browser: a page that does what it is asked to, a worker that tells
// what each push said, and fails where one says `fail`.

const page = `<!doctype html>
<meta charset="utf-8">
<title>push</title>
<link rel="icon" href="data:,">
<script src="/page.js"></script>
`;

const pageScript = `
const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));

const subscription = async () => {
  const registration = await navigator.serviceWorker.ready;
  return registration.pushManager.getSubscription();
};

const orders = {
  async subscribe(key) {
    await navigator.serviceWorker.register('/worker.js');
    const { pushManager } = await navigator.serviceWorker.ready;
    const applicationServerKey = decode(key);
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  },
  subscription,
  unsubscribe: async () => (await subscription()).unsubscribe(),
};

const post = (path, value) => fetch(path, { method: 'POST', body: JSON.stringify(value) });

(async () => {
  for (;;) {
    const { id, name, argument } = await (await fetch('/order')).json();
    try {
      await post('/done', { id, value: await orders[name](argument) });
    } catch (error) {
      await post('/done', { id, error: String(error) });
    }
  }
})();
`;

const workerScript = `
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('push', (event) => {
  const text = event.data ? event.data.text() : null;
  // Firefox ends a subscription after some pushes that showed nothing.
  const shown = registration.showNotification('push', { body: String(text) });
  const told = fetch('/push', { method: 'POST', body: JSON.stringify({ text }) });
  const failed = text === 'fail' && Promise.reject(new Error('as it was told to'));
  event.waitUntil(Promise.all([shown, told, failed]));
});
`;

/** Content type and body by path. */
export const pages: Readonly<Record<string, readonly [string, string]>> = {
  '/': ['text/html', page],
  '/page.js': ['text/javascript', pageScript],
  '/worker.js': ['text/javascript', workerScript],
};
