import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { BareItem } from 'structured-headers';
import t from 'tap';
import { contentDigest } from '../../../shared/wakeup/digest.js';
import { type NamedKey, thumbprint } from '../../../shared/wakeup/keys.js';
import { requestComponents, signRequest } from '../../../shared/wakeup/profile.js';
import { type Component, signMessage } from '../../../shared/wakeup/signature.js';
import { signableOf, type WireRequest } from '../../support/gateway-caller.js';
import {
  baseConfig,
  type RunningGateway,
  startGateway,
  type Teardown,
} from '../../support/gateway-setup.js';

type Params = Map<string, BareItem>;

/** Signs a request anew with other components or parameters than the profile's. */
function resign(
  wire: WireRequest,
  key: NamedKey,
  changes: { components?: Component[]; params?: (params: Params) => void; label?: string },
): void {
  const { label = 'wakeup' } = changes;
  const params: Params = new Map<string, BareItem>([
    ['created', createdOf(wire)],
    ['expires', createdOf(wire) + 60],
    ['nonce', randomBytes(16).toString('base64url')],
    ['keyid', key.keyid],
    ['tag', 'wakeup'],
  ]);
  changes.params?.(params);
  const components = changes.components ?? requestComponents(wire.method);
  const context = { message: signableOf(wire) };
  const { input, signature } = signMessage({ components, params, key: key.key, context });
  wire.headers['signature-input'] = `${label}=${input}`;
  wire.headers.signature = `${label}=${signature}`;
}

function createdOf({ headers }: WireRequest): number {
  return Number(/created=(\d+)/.exec(String(headers['signature-input']))?.[1]);
}

async function start(t: Teardown) {
  const running = await startGateway(t);
  const problemOf = async (alter: (wire: WireRequest) => void) =>
    (await running.caller.send({ alter })).problem;
  const resigned = (changes: Parameters<typeof resign>[2]) =>
    problemOf((wire) => resign(wire, running.folder.centralKey, changes));
  return { ...running, problemOf, resigned };
}

t.test('a request signed as the profile says is accepted', async (t) => {
  const { caller, metric, resigned } = await start(t);
  t.equal((await caller.send()).status, 200);
  t.equal((await caller.networks()).status, 200);
  t.equal(await resigned({}), undefined);
  t.equal(await metric('reveille_gateway_requests_total{result="accepted"}'), 3);
});

t.test('each covered part that is changed after signing spoils the signature', async (t) => {
  const { problemOf, caller } = await start(t);
  const body = (wire: WireRequest) => {
    wire.body = Buffer.from('{"wakeups": []}');
  };
  t.equal(await problemOf(body), 'digest-mismatch');
  t.equal(
    await problemOf((wire) => {
      body(wire);
      wire.headers['content-digest'] = contentDigest(wire.body);
    }),
    'signature-invalid',
  );
  t.equal(
    await problemOf((wire) => {
      wire.target = '/v1/wakeups?x=1';
    }),
    'signature-invalid',
  );
  t.equal(
    await problemOf((wire) => {
      wire.headers['content-type'] = 'application/json; charset=utf-8';
    }),
    'signature-invalid',
  );
  // The method and the path: a request signed for one route, sent to the other.
  const elsewhere = caller.signed({ target: '/v1/other' });
  elsewhere.target = '/v1/wakeups';
  t.equal((await caller.sendWire(elsewhere)).problem, 'signature-invalid');
  const get = caller.signed({ method: 'GET', target: '/v1/wakeups', body: '' });
  const post = {
    ...get,
    method: 'POST',
    headers: { ...get.headers, 'content-type': 'application/json' },
  };
  t.equal((await caller.sendWire(post)).problem, 'signature-incomplete');
});

t.test('each byte of the signature counts', async (t) => {
  const { problemOf } = await start(t);
  for (const at of [0, 31, 32, 63]) {
    const flipped = await problemOf((wire) => {
      const bytes = Buffer.from(/:(.*):/.exec(String(wire.headers.signature))?.[1] ?? '', 'base64');
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      wire.headers.signature = `wakeup=:${bytes.toString('base64')}:`;
    });
    t.equal(flipped, 'signature-invalid', `byte ${at}`);
  }
  t.equal(
    await problemOf((wire) => {
      wire.headers.signature = 'wakeup=:AAAA:';
    }),
    'signature-invalid',
  );
});

t.test('each parameter that is changed after signing spoils the signature', async (t) => {
  const { problemOf } = await start(t);
  const changes: Record<string, (input: string) => string> = {
    created: (input) => input.replace(/created=(\d+)/, (_, n) => `created=${Number(n) + 1}`),
    expires: (input) => input.replace(/expires=(\d+)/, (_, n) => `expires=${Number(n) - 1}`),
    nonce: (input) => input.replace(/nonce="..../, 'nonce="AAAA'),
    'another one': (input) => `${input};x=1`,
    'their order': (input) => input.replace(/(;created=\d+)(;expires=\d+)/, '$2$1'),
  };
  for (const [name, change] of Object.entries(changes)) {
    const problem = await problemOf((wire) => {
      wire.headers['signature-input'] = change(String(wire.headers['signature-input']));
    });
    t.equal(problem, 'signature-invalid', name);
  }
});

t.test('each parameter that is left out is refused', async (t) => {
  const { resigned } = await start(t);
  for (const name of ['created', 'expires', 'nonce', 'keyid']) {
    const without = await resigned({ params: (params) => params.delete(name) });
    t.equal(without, 'signature-incomplete', name);
  }
  t.equal(await resigned({ params: (params) => params.delete('tag') }), 'signature-missing');
});

t.test('each parameter of another type is refused', async (t) => {
  const { resigned, clock } = await start(t);
  const nowSecond = Math.floor(clock.now() / 1000);
  const wrong: [string, BareItem][] = [
    ['created', String(nowSecond)],
    ['created', nowSecond + 0.5],
    ['created', true],
    ['expires', String(nowSecond + 60)],
    ['expires', nowSecond + 59.5],
    ['nonce', 1],
    ['nonce', 'short'],
    ['nonce', 'A'.repeat(65)],
    ['nonce', 'AAAAAAAAAAAAAAAAAAAAA!'],
    ['nonce', `${'A'.repeat(22)}===`],
    ['keyid', 1],
  ];
  for (const [name, value] of wrong) {
    const problem = await resigned({ params: (params) => void params.set(name, value) });
    t.equal(problem, 'signature-incomplete', `${name}=${String(value)}`);
  }
});

t.test('each component that is not covered is refused', async (t) => {
  const { resigned, caller, folder } = await start(t);
  for (const { name } of requestComponents('POST')) {
    const components = requestComponents('POST').filter((component) => component.name !== name);
    t.equal(await resigned({ components }), 'signature-incomplete', name);
  }
  for (const { name } of requestComponents('GET')) {
    const components = requestComponents('GET').filter((component) => component.name !== name);
    const { problem } = await caller.send({
      method: 'GET',
      target: '/v1/networks',
      body: '',
      alter: (wire) => resign(wire, folder.centralKey, { components }),
    });
    t.equal(problem, 'signature-incomplete', `GET ${name}`);
  }
});

t.test('more than the required components may be covered, when the request has them', async (t) => {
  const { problemOf, folder } = await start(t);
  const components = [...requestComponents('POST'), { name: 'x-more' }];
  const accepted = await problemOf((wire) => {
    wire.headers['x-more'] = '1';
    resign(wire, folder.centralKey, { components });
  });
  t.equal(accepted, undefined);
  const absent = await problemOf((wire) => {
    wire.headers['x-more'] = '1';
    resign(wire, folder.centralKey, { components });
    delete wire.headers['x-more'];
  });
  t.equal(absent, 'signature-incomplete');
});

t.test('a request without a signature, or with one that cannot be read, is refused', async (t) => {
  const { problemOf } = await start(t);
  const cases: [string, (headers: WireRequest['headers']) => void][] = [
    [
      'signature-missing',
      (h) => {
        delete h.signature;
        delete h['signature-input'];
      },
    ],
    ['signature-missing', (h) => void delete h.signature],
    ['signature-missing', (h) => void delete h['signature-input']],
    [
      'signature-malformed',
      (h) => {
        h['signature-input'] = 'wakeup=(';
      },
    ],
    [
      'signature-malformed',
      (h) => {
        h.signature = 'wakeup=:*:';
      },
    ],
    [
      'signature-malformed',
      (h) => {
        h.signature = 'wakeup="text"';
      },
    ],
    [
      'signature-malformed',
      (h) => {
        h['signature-input'] = 'wakeup=1';
      },
    ],
    [
      'signature-malformed',
      (h) => {
        h.signature = String(h.signature).replace('wakeup=', 'other=');
      },
    ],
    [
      'signature-malformed',
      (h) => {
        h['signature-input'] = String(h['signature-input']).replace('"@path"', '"@path" "@path"');
      },
    ],
  ];
  for (const [problem, change] of cases) {
    t.equal(await problemOf(({ headers }) => change(headers)), problem, String(change));
  }
});

t.test('a key that is not in the configuration is unknown', async (t) => {
  const running = await start(t);
  const { privateKey } = generateKeyPairSync('ed25519');
  const stranger = { key: privateKey, keyid: thumbprint(privateKey) };
  t.equal((await running.callerWith(stranger).send()).problem, 'key-unknown');
  // Someone else's keyid does not help without the key.
  const { centralKey } = running.folder;
  const forged = { ...stranger, keyid: centralKey.keyid };
  t.equal((await running.callerWith(forged).send()).problem, 'signature-invalid');
});

t.test('the algorithm is pinned: a message may name Ed25519 and no other', async (t) => {
  const { resigned } = await start(t);
  const named = (alg: BareItem) => resigned({ params: (params) => void params.set('alg', alg) });
  for (const alg of ['hmac-sha256', 'rsa-v1_5-sha256', 'ED25519', '', 1]) {
    t.equal(await named(alg), 'algorithm-not-allowed', String(alg));
  }
  t.equal(await named('ed25519'), undefined);
});

t.test(
  'a signature is fresh from 30 s ago to 5 s ahead, and tells the time otherwise',
  async (t) => {
    const { caller, clock } = await start(t);
    clock.advance(60_000);
    const at = async (seconds: number) => {
      const { problem, json } = await caller.send({ nowMs: clock.now() + seconds * 1000 });
      t.equal(json?.serverTime, problem ? Math.floor(clock.now() / 1000) : undefined);
      return problem;
    };
    t.equal(await at(-31), 'signature-stale');
    t.equal(await at(-30), undefined);
    t.equal(await at(5), undefined);
    t.equal(await at(6), 'signature-stale');
  },
);

t.test('expires lies at most 60 s after created and is not yet reached', async (t) => {
  const { resigned, clock } = await start(t);
  const nowSecond = Math.floor(clock.now() / 1000);
  const until = (expires: number) =>
    resigned({ params: (params) => void params.set('expires', expires) });
  t.equal(await until(nowSecond + 61), 'signature-incomplete');
  t.equal(await until(nowSecond), 'signature-stale');
  t.equal(await until(nowSecond + 1), undefined);
});

t.test(
  'a signature made before the start, or in its first five seconds, is refused with Retry-After',
  async (t) => {
    const { caller, clock } = await start(t);
    const startMs = clock.now() - 10_000;
    const made = (ms: number) => caller.send({ nowMs: startMs + ms });
    for (const ms of [-1000, 0, 4000]) {
      const answer = await made(ms);
      t.equal(answer.problem, 'signature-before-start', String(ms));
      t.same(answer.headers.get('retry-after'), ['5']);
      t.equal(answer.status, 401);
    }
    t.equal((await made(5000)).status, 200);
  },
);

t.test('a nonce works once, also when two equal requests come at the same time', async (t) => {
  const { caller, metric } = await start(t);
  const wire = caller.signed();
  const answers = await Promise.all(Array.from({ length: 8 }, () => caller.sendWire(wire)));
  t.equal(answers.filter(({ status }) => status === 200).length, 1);
  t.equal(answers.filter(({ problem }) => problem === 'nonce-replayed').length, 7);
  t.equal((await caller.sendWire(wire)).problem, 'nonce-replayed');
  t.equal(await metric('reveille_gateway_replay_guard_entries'), 1);
});

t.test('a nonce is burnt by a valid signature only', async (t) => {
  const { caller } = await start(t);
  const wire = caller.signed();
  const spoilt = { ...wire, target: '/v1/wakeups?x' };
  t.equal((await caller.sendWire(spoilt)).problem, 'signature-invalid');
  t.equal((await caller.sendWire({ ...wire, body: Buffer.from('x') })).problem, 'digest-mismatch');
  t.equal((await caller.sendWire(wire)).status, 200);
});

t.test('a full replay guard refuses with 503 and is not ready, and never forgets', async (t) => {
  const running = await startGateway(t, { replayGuardMax: 2 });
  const { caller, clock, gateway } = running;
  const first = caller.signed();
  t.equal((await caller.sendWire(first)).status, 200);
  t.equal((await caller.send()).status, 200);
  const full = await caller.send();
  t.match(full, { status: 503, problem: 'replay-guard-full' });
  t.same(full.headers.get('retry-after'), ['5']);
  t.equal((await fetch(`${gateway.adminUrl}/readyz`)).status, 503);
  t.equal((await caller.sendWire(first)).problem, 'nonce-replayed');
  clock.advance(31_000);
  t.equal((await fetch(`${gateway.adminUrl}/readyz`)).status, 200);
  t.equal((await caller.send()).status, 200);
});

t.test('the request must be addressed to one of the configured names', async (t) => {
  const running = await startGateway(t, {
    authorities: ['Wakeup.Example:80', 'other.example:8080'],
  });
  const { folder, caller } = running;
  const addressedTo = async (host: string) => {
    const { problem } = await caller.send({
      alter: (wire) => {
        wire.headers.host = host;
        const authority = host.toLowerCase().replace(/:80$/, '');
        const message = { ...signableOf(wire), authority };
        const components = requestComponents('POST');
        const params: Params = new Map<string, BareItem>([
          ['created', createdOf(wire)],
          ['expires', createdOf(wire) + 60],
          ['nonce', host.padEnd(22, 'A').replace(/[^A-Za-z0-9]/g, 'A')],
          ['keyid', folder.centralKey.keyid],
          ['tag', 'wakeup'],
        ]);
        const { input, signature } = signMessage({
          components,
          params,
          key: folder.centralKey.key,
          context: { message },
        });
        wire.headers['signature-input'] = `wakeup=${input}`;
        wire.headers.signature = `wakeup=${signature}`;
      },
    });
    return problem;
  };
  t.equal(await addressedTo('wakeup.example'), undefined);
  t.equal(await addressedTo('WAKEUP.example:80'), undefined);
  t.equal(await addressedTo('other.example:8080'), undefined);
  t.equal(await addressedTo('other.example'), 'authority-unknown');
  t.equal(await addressedTo(caller.authority), 'authority-unknown');
});

t.test('of several signatures one that satisfies everything is enough', async (t) => {
  const running = await start(t);
  const { problemOf, folder } = running;
  const stranger = folder.addKey('stranger');
  const several = (...signers: { key: NamedKey; label: string; params?: (p: Params) => void }[]) =>
    problemOf((wire) => {
      const copies = signers.map(({ key, label, params }) => {
        const copy = { ...wire, headers: { ...wire.headers } };
        resign(copy, key, { label, ...(params && { params }) });
        return copy.headers;
      });
      wire.headers['signature-input'] = copies.map((h) => h['signature-input']).join(', ');
      wire.headers.signature = copies.map((h) => h.signature).join(', ');
    });
  const good = { key: folder.centralKey, label: 'good' };
  const bad = (label: string) => ({ key: stranger, label });
  const foreign = (label: string) => ({
    key: stranger,
    label,
    params: (params: Params) => void params.set('tag', 'other'),
  });
  t.equal(await several(bad('a'), good), undefined);
  running.clock.advance(1000);
  t.equal(await several(...'abcdef'.split('').map(foreign), good), undefined);
  running.clock.advance(1000);
  const tooFar = await several(...'abcd'.split('').map(bad), good);
  t.equal(tooFar, 'key-unknown', 'only four with our tag are looked at');
});

t.test('two keys of one central serve while one replaces the other', async (t) => {
  const running: RunningGateway = await start(t);
  const { folder, gateway } = running;
  const next = folder.addKey('ns-1-next');
  const pem = (name: string) => readFileSync(`${folder.path}/${name}.pub.pem`, 'utf8');
  writeFileSync(`${folder.path}/ns-1.pub.pem`, pem('ns-1') + pem('ns-1-next'));
  t.ok(gateway.reload());
  t.equal((await running.caller.send()).status, 200);
  t.equal((await running.callerWith(next).send()).status, 200);
});

t.test('a request with two signatures works once, whole or in parts', async (t) => {
  const running: RunningGateway = await start(t);
  const { folder, gateway, caller } = running;
  const next = folder.addKey('ns-1-next');
  const pem = (name: string) => readFileSync(`${folder.path}/${name}.pub.pem`, 'utf8');
  writeFileSync(`${folder.path}/ns-1.pub.pem`, pem('ns-1') + pem('ns-1-next'));
  t.ok(gateway.reload());
  const signedTwice = () => {
    const wire = caller.signed();
    const keys = [folder.centralKey, next];
    Object.assign(wire.headers, signRequest(signableOf(wire), keys, createdOf(wire) * 1000));
    return wire;
  };
  const without = (wire: WireRequest, gone: 'first' | 'second') => {
    const headers = { ...wire.headers };
    for (const name of ['signature-input', 'signature'] as const) {
      const [first = '', second = ''] = String(headers[name]).split(/, (?=wakeup2=)/);
      headers[name] = gone === 'first' ? second : first;
    }
    return { ...wire, headers };
  };
  const whole = signedTwice();
  t.equal((await caller.sendWire(whole)).status, 200);
  t.equal((await caller.sendWire(whole)).problem, 'nonce-replayed');
  t.equal((await caller.sendWire(without(whole, 'first'))).problem, 'nonce-replayed');
  t.equal((await caller.sendWire(without(whole, 'second'))).problem, 'nonce-replayed');
  const parts = signedTwice();
  t.equal((await caller.sendWire(without(parts, 'first'))).status, 200);
  t.equal((await caller.sendWire(without(parts, 'second'))).problem, 'nonce-replayed');
});

t.test('of signatures with different nonces all are burnt', async (t) => {
  const { caller, folder } = await start(t);
  const wire = caller.signed();
  const [one, two] = ['one', 'two'].map((label) => {
    const copy = { ...wire, headers: { ...wire.headers } };
    resign(copy, folder.centralKey, { label });
    return copy;
  });
  const both = { ...wire, headers: { ...wire.headers } };
  for (const name of ['signature-input', 'signature']) {
    both.headers[name] = `${one?.headers[name]}, ${two?.headers[name]}`;
  }
  t.equal((await caller.sendWire(both)).status, 200);
  for (const rest of [both, one, two]) {
    t.equal((await caller.sendWire(rest ?? wire)).problem, 'nonce-replayed');
  }
});

t.test('a central that gets another id by a reload cannot use its nonces again', async (t) => {
  const { caller, folder, gateway } = await start(t);
  const wire = caller.signed();
  t.equal((await caller.sendWire(wire)).status, 200);
  folder.write({
    ...baseConfig(),
    centrals: [{ id: 'ns-renamed', publicKeyFile: 'ns-1.pub.pem' }],
  });
  t.ok(gateway.reload());
  t.equal((await caller.sendWire(wire)).problem, 'nonce-replayed');
});
