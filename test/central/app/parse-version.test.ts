// The body of a PUT: `version=N`, a form with that one field.
import fc from 'fast-check';
import t from 'tap';
import { parseVersion } from '../../../central/app/notify.js';
import { versionMax } from '../../../central/protocol/messages.js';

const read = (body: string) => parseVersion(Buffer.from(body));

t.test('a version is a whole number from 0 to 2^53-1', async (t) => {
  fc.assert(fc.property(fc.maxSafeNat(), (version) => read(`version=${version}`) === version));
  t.equal(read('version=0'), 0);
  t.equal(read(`version=${versionMax}`), versionMax);
  t.equal(read('version=007'), 7);
});

t.test('a form may write its letters and digits as it likes', async (t) => {
  t.equal(read('%76ersion=%31%30'), 10);
  t.equal(read('version=5&'), 5, 'an empty pair is none');
  t.equal(read('&version=5'), 5);
});

t.test('a body that is not that one field is a bad body', async (t) => {
  const bad = ['', '=', '&', 'version5', '=5', '5', 'Version=5', 'VERSION=5', ' version=5'];
  const two = ['version=5&version=5', 'version=5&x=1', 'x=1&version=5', 'version=5&version'];
  const other = ['body=hello', 'body=hello&ttl=10', '{"version":5}', '"version=5"', 'version:5'];
  const odd = ['version[]=5', 'version%00=5', '\ufeffversion=5', '?version=5', '#version=5'];
  for (const body of [...bad, ...two, ...other, ...odd]) t.equal(read(body), 'bad-body', body);
  t.equal(parseVersion(Buffer.from([0xff, 0xfe, 0x76])), 'bad-body');
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

t.test('any bytes are a version or a problem', async () => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.string().map((value) => Buffer.from(`version=${value}`)),
    fc.webQueryParameters().map((form) => Buffer.from(form)),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      const version = parseVersion(body);
      if (typeof version === 'string') return /^bad-(body|version)$/.test(version);
      return Number.isSafeInteger(version) && version >= 0;
    }),
    { numRuns: 2000 },
  );
});
