import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const demo = fileURLToPath(new URL('../../dev/demo.js', import.meta.url));

function runDemo(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [demo, ...args], (error, stdout, stderr) => {
      const code = error ? Number(error.code) : 0;
      resolve({ code, output: stdout + stderr });
    });
  });
}

t.test('the demo takes a notification to each of three sleeping handsets and back', async (t) => {
  const { code, output } = await runDemo();
  t.equal(code, 0, output);
  for (const handset of ['handset A', 'handset B', 'handset C']) {
    t.match(output, new RegExp(`${handset} +hello answered 201`));
    t.match(output, new RegExp(`${handset} +closed with 4774`));
  }
  for (const handset of ['handset A', 'handset B']) {
    t.match(output, new RegExp(`PUT version=7 for ${handset}: HTTP 200`));
    t.match(output, new RegExp(`${handset} +reconnected and got version 7`));
  }
  t.match(output, /handset A +woken over udp/);
  t.match(output, /handset B +woken over tcp/);
  t.match(output, /gateway +verified the signature of ns-1/);
  t.match(
    output,
    /counts 2 wakeups, 2 of them known to have worked, and 2 versions that were not newer/,
  );
  t.match(output, /POST of \d+ encrypted bytes, signed with its key: HTTP 201/);
  t.match(output, /handset C +woken over udp/);
  t.match(output, /handset C +reconnected and decrypted "The train leaves from platform 7"/);
  t.match(output, /GET of the message: acked/);
  t.match(output, /handset A +got a nonce by datagram and returned it on its socket/);
});

t.test("with the gateway's port blocked the demo tells what failed and exits 1", async (t) => {
  const { code, output } = await runDemo('--break', 'gateway');
  t.equal(code, 1);
  t.match(
    output,
    /FAILED: handset . was answered 200, not 201: central does not reach the gateway/,
  );
});

t.test('an unknown part to break is refused', async (t) => {
  const { code, output } = await runDemo('--break', 'everything');
  t.equal(code, 1);
  t.match(output, /usage: npm run demo/);
});

t.test(
  'a device that is deaf is known to be dark, and comes back by proving its address',
  async (t) => {
    const { code, output } = await runDemo('--story', 'dark-device');
    t.equal(code, 0, output);
    t.match(output, /sent 3 wakeups, 3 unconfirmed: the device is dark/);
    t.match(output, /reveille_central_devices_dark is 1/);
    t.match(output, /hello answered 200/);
    t.match(output, /got version 2: nothing was lost/);
    t.match(output, /knows that this wakeup worked/);
  },
);

t.test('a network with two gateways outlives one, and sleepers outlive both', async (t) => {
  const { code, output } = await runDemo('--story', 'failover');
  t.equal(code, 0, output);
  for (const version of [1, 2, 3, 4]) t.match(output, new RegExp(`got version ${version}`));
  t.match(output, /handset B +hello answered 200/);
});

t.test('an unknown story is refused', async (t) => {
  const { code, output } = await runDemo('--story', 'cinderella');
  t.equal(code, 1);
  t.match(output, /usage: npm run demo \[-- --story notification\|dark-device\|failover/);
});
