// The body of a PUT: `version=N`, or `body=<text>[&ttl=<seconds>]`, as a form.
import fc from 'fast-check';
import t from 'tap';
import { parseForm } from '../../../central/app/notify.js';
import { versionMax } from '../../../central/protocol/messages.js';

const read = (body: string) => parseForm(Buffer.from(body));

t.test('a version is a whole number from 0 to 2^53-1', async (t) => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (version) => {
      const form = read(`version=${version}`);
      return typeof form === 'object' && 'version' in form && form.version === version;
    }),
  );
  t.same(read('version=0'), { version: 0 });
  t.same(read(`version=${versionMax}`), { version: versionMax });
  t.same(read('version=007'), { version: 7 });
});

t.test('a text may say how long it is kept', async (t) => {
  const forever = Number.POSITIVE_INFINITY;
  t.same(read('body=hello'), { text: 'hello', ttlSeconds: forever });
  t.same(read('body=hello&ttl=10'), { text: 'hello', ttlSeconds: 10 });
  t.same(read('ttl=0&body=a+b%26c'), { text: 'a b&c', ttlSeconds: 0 });
  t.same(read('body=%E2%82%AC=1'), { text: '€=1', ttlSeconds: forever });
  t.same(read('body=version%3D5'), { text: 'version=5', ttlSeconds: forever });
});

t.test('a form may write its letters and digits as it likes', async (t) => {
  t.same(read('%76ersion=%31%30'), { version: 10 });
  t.same(read('version=5&'), { version: 5 }, 'an empty pair is none');
  t.same(read('&version=5'), { version: 5 });
});

t.test('a body that is neither is a bad body', async (t) => {
  const bad = ['', '=', '&', 'version5', '=5', '5', 'Version=5', 'VERSION=5', ' version=5'];
  const two = ['version=5&version=5', 'version=5&x=1', 'x=1&version=5', 'version=5&version'];
  const mixed = ['version=5&body=hello', 'version=5&ttl=10', 'body=a&body=b', 'body=a&x=1'];
  const times = ['body=a&ttl=', 'body=a&ttl=-1', 'body=a&ttl=1.5', 'body=a&ttl=x', 'ttl=5'];
  const other = [
    'body=',
    'body',
    'body=a&ttl=1&ttl=1',
    '{"version":5}',
    '"version=5"',
    'version:5',
  ];
  const odd = ['version[]=5', 'version%00=5', '\ufeffversion=5', '?version=5', '#version=5'];
  for (const body of [...bad, ...two, ...mixed, ...times, ...other, ...odd]) {
    t.equal(read(body), 'bad-body', body);
  }
  t.equal(read('__proto__=1&version=5'), 'bad-body');
  t.equal(parseForm(Buffer.from([0xff, 0xfe, 0x76])), 'bad-body');
});

t.test('a value that is no whole number in range is a bad version', async (t) => {
  const none = ['', '+', '%20', '5 ', '+5', ' 5', '%2B5', '-0', '-1', '5\n', '5\r\n', '5%0a'];
  const forms = ['0x10', '1e3', '1.0', '1,000', '٣', '５', 'NaN', 'Infinity', 'null', 'v1', '1=2'];
  const over = ['9007199254740992', '9007199254740993', '9999999999999999', '1'.repeat(17)];
  for (const value of [...none, ...forms, ...over, '0'.repeat(17), '5%00', '%', '%zz', '%ff']) {
    t.equal(read(`version=${value}`), 'bad-version', value);
  }
  t.equal(read('version'), 'bad-version');
});

t.test('any bytes are a form or a problem', async () => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.string().map((value) => Buffer.from(`version=${value}`)),
    fc.string().map((value) => Buffer.from(`body=${value}`)),
    fc.webQueryParameters().map((form) => Buffer.from(form)),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      const form = parseForm(body);
      if (typeof form === 'string') return /^bad-(body|version)$/.test(form);
      if ('text' in form) return form.text.length > 0 && form.ttlSeconds >= 0;
      return Number.isSafeInteger(form.version) && form.version >= 0;
    }),
    { numRuns: 2000 },
  );
});
