// The operations page in a real browser, Debian's Chromium: with and without JavaScript, on a wall and on a phone.
import t from 'tap';
import { type Browser, openBrowser, type Page, type PageOptions } from '../../support/browser.js';
import type { Teardown } from '../../support/gateway-setup.js';
import { type OpsSite, startOpsSite } from '../../support/ops-site.js';

const wall: PageOptions = { width: 1600, height: 1000 };
const phone: PageOptions = { width: 390, height: 844, isMobile: true };

const word = "document.querySelector('.band h1').textContent";
const triggered = `document.querySelector('[data-tile="triggered"] .total').textContent`;

async function setUp(
  t: Teardown,
  changes: Record<string, unknown> = {},
): Promise<OpsSite & { browser: Browser; url: string }> {
  const site = await startOpsSite(t, changes);
  await site.pass(90);
  const browser = await openBrowser(t);
  return { ...site, browser, url: `${site.gateway.adminUrl}/` };
}

async function pause(adminUrl: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  await fetch(`${adminUrl}/pause`, { method: 'POST', headers, body: '{}' });
}

/** What was asked for elsewhere than on the admin listener. */
function strangers({ requests }: Page, url: string): string[] {
  return requests.filter((asked) => !asked.startsWith(url) && !asked.startsWith('data:'));
}

/** Text that stands out too little from what is behind it (WCAG 2.2, 1.4.3: 4.5, or 3 where it is large). */
const faintText = `(() => {
  const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.nodeValue.trim());
    if (!own || !element.getClientRects().length || element.closest('script, style, noscript')) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(numbers(style.color)), light(behind(element))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < (isLarge ? 3 : 4.5)) faint.push(element.textContent.trim() + ' ' + contrast.toFixed(2));
  }
  return faint;
})()`;

t.test('the page changes in place while it is looked at', async (t) => {
  const { browser, url, pass, gateway } = await setUp(t);
  const page = await browser.page(wall);
  await page.open(url);
  t.equal(await page.value(word), 'OK');
  const before = await page.value<string>(triggered);
  await page.value("window.marked = document.querySelectorAll('main *'); marked.length");
  await pass(20);
  await page.until(`${triggered} !== ${JSON.stringify(before)}`);
  t.ok(
    await page.value('[...marked].every((element) => element.isConnected)'),
    'no element was replaced',
  );
  await pause(gateway.adminUrl);
  await page.until(`${word} === 'PAUSED'`);
  t.match(await page.value('document.title'), /^PAUSED/);
  t.ok(await page.value("document.querySelector('.band').classList.contains('paused')"));
  t.same(page.complaints, [], 'nothing on the console');
  t.same(strangers(page, url), [], 'nobody else was asked');
  t.ok(page.requests.includes(`${url}ops.json?view`));
});

t.test('a gateway that is gone is told, and what stands there is called old', async (t) => {
  const { browser, url, gateway } = await setUp(t);
  const page = await browser.page(wall);
  await page.open(url);
  t.equal(await page.value("document.querySelector('#lost').hidden"), true);
  await gateway.close();
  await page.until("!document.querySelector('#lost').hidden");
  t.match(await page.value("document.querySelector('#lost').textContent"), /^NO ANSWER/);
});

t.test('without JavaScript the page has it all, and reloads itself', async (t) => {
  const { browser, url, pass } = await setUp(t);
  const page = await browser.page({ ...wall, isScriptOff: true });
  await page.open(url);
  t.equal(await page.value(word), 'OK');
  const before = await page.value<string>(triggered);
  t.match(before, /^[\d\s]+ since the start$/);
  t.match(await page.value("document.querySelector('footer').innerText"), 'Reload now');
  await pass(20);
  await page.until(`${triggered} !== ${JSON.stringify(before)}`);
  t.same(new Set(page.requests), new Set([url]), 'by loading the page again, and nothing else');
  t.same(page.complaints, []);
});

for (const scheme of ['light', 'dark'] as const) {
  t.test(`every text can be read, by ${scheme} and on a phone`, async (t) => {
    const { browser, url, gateway } = await setUp(t, { dryRun: true });
    for (const isPaused of [false, true]) {
      if (isPaused) await pause(gateway.adminUrl);
      for (const options of [wall, phone]) {
        const page = await browser.page({ ...options, scheme });
        await page.open(url);
        t.same(await page.value(faintText), [], `${options.width}`);
      }
    }
  });
}

t.test('a phone shows the page without scrolling sideways, whatever the names', async (t) => {
  const long = `central-${'x'.repeat(56)}`;
  const { browser, folder, gateway, pass, url } = await setUp(t);
  const page = await browser.page(phone);
  const widths = () =>
    page.value<number[]>('[document.documentElement.scrollWidth, window.innerWidth]');
  await page.open(url);
  t.same(await widths(), [390, 390]);
  folder.addKey(long);
  const netid = 'n'.repeat(64);
  folder.write({
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    tls: { keyFile: 'tls.key', certFile: 'tls.crt' },
    keyFile: 'gateway.key.pem',
    networks: [{ network: '214-07', netid, ranges: ['127.0.0.0/8'] }],
    centrals: [{ id: long, publicKeyFile: `${long}.pub.pem` }],
    allowLoopbackTargets: true,
  });
  t.ok(gateway.reload());
  await pass(1);
  await page.open(url);
  t.match(await page.value('document.body.innerText'), long);
  t.same(await widths(), [390, 390]);
});

t.test('what is put into the page from elsewhere neither runs nor loads', async (t) => {
  const { browser, url } = await setUp(t);
  const page = await browser.page(wall);
  await page.open(url);
  await page.value(`
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (e) => violations.push(e.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'window.hasRun = true';
    const remote = Object.assign(document.createElement('script'), { src: '/ops.json' });
    const image = Object.assign(document.createElement('img'), { src: '/picture.png' });
    const frame = Object.assign(document.createElement('iframe'), { src: '/metrics' });
    const form = Object.assign(document.createElement('form'), { action: '/pause', method: 'post' });
    document.body.append(script, remote, image, frame, form);
    document.body.setAttribute('onclick', 'window.hasRun = true');
    document.body.click();
    form.submit();
  `);
  const wanted = ['script-src-elem', 'script-src-attr', 'img-src', 'frame-src', 'form-action'];
  await page.until(`${JSON.stringify(wanted)}.every((name) => violations.includes(name))`);
  t.equal(await page.value('window.hasRun'), undefined);
  t.same([...page.refused].sort(), [`${url}ops.json`, `${url}picture.png`]);
  t.notOk(page.requests.includes(`${url}metrics`));
  t.notOk(page.requests.includes(`${url}pause`));
});
