// uaids and endpoint tokens: the same each time, and nothing but what this server sealed is taken.
import fc from 'fast-check';
import t from 'tap';
import { endpointPaths, endpointUrl, placeIn } from '../../../central/protocol/endpoint.js';
import {
  bytesOfDevice,
  type ChannelId,
  channelIdCharsMax,
  createIds,
  deviceIdOf,
  parseChannelId,
} from '../../../central/protocol/ids.js';
import { channel, sampleIds as ids, sampleSecret } from '../../support/central-samples.js';

const uuid = channel('d9b74644-4f97-46aa-b8fa-9393985cd6cd');
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const device = deviceIdOf(Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'));

const devices = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(deviceIdOf);
const channels = fc
  .oneof(fc.uuid(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 140 }), fc.string())
  .map(parseChannelId)
  .filter((parsed) => parsed !== undefined);

/** Texts that differ from a sealed one in one place or at one end. */
function* spoilt(text: string): Generator<string> {
  for (let i = 0; i < text.length; i++) {
    for (const letter of [...alphabet].filter((other) => other !== text[i])) {
      yield text.slice(0, i) + letter + text.slice(i + 1);
    }
    yield text.slice(0, i);
    yield text.slice(i + 1);
    yield text.slice(0, i) + text.slice(i + 1);
  }
  for (const letter of alphabet) {
    yield text + letter;
    yield letter + text;
  }
  yield text + text;
}

/** Other texts that a lenient base64 decoder reads as the same bytes. */
function aliasesOf(text: string): string[] {
  const bytes = Buffer.from(text, 'base64url');
  const padded = bytes.toString('base64');
  const around = ['=', '==', ' ', '\n', '\0', '.', '%', '!', '+'].flatMap((stray) => [
    text + stray,
    stray + text,
    text.slice(0, 9) + stray + text.slice(9),
  ]);
  // The unused bits of a last letter are set in its neighbours.
  const ends = [...alphabet]
    .map((letter) => text.slice(0, -1) + letter)
    .filter((other) => Buffer.from(other, 'base64url').equals(bytes));
  return [padded, `${padded}=`, bytes.toString('hex'), ...around, ...ends].filter(
    (other) => other !== text,
  );
}

t.test('a uaid names its device, with the same text each time', async (t) => {
  fc.assert(
    fc.property(devices, (device) => {
      const uaid = ids.uaidOf(device);
      return ids.parseUaid(uaid) === device && ids.uaidOf(device) === uaid && uaid.length === 43;
    }),
  );
  t.equal(createIds(sampleSecret).uaidOf(device), ids.uaidOf(device), 'also after a restart');
});

t.test(
  'an endpoint token names its device and channel, with the same text each time',
  async (t) => {
    fc.assert(
      fc.property(devices, channels, (device, channel) => {
        const token = ids.tokenOf(device, channel);
        t.same(ids.parseToken(token), { device, channel });
        return ids.tokenOf(device, channel) === token && /^[A-Za-z0-9_-]+$/.test(token);
      }),
    );
    t.equal(createIds(sampleSecret).tokenOf(device, uuid), ids.tokenOf(device, uuid));
  },
);

t.test('the texts of a secret never change, for devices and app servers keep them', async (t) => {
  t.equal(ids.uaidOf(device), 'c4Ze-VzYLcjL7APMG5DEeVeaQBRiKETNi0Sd68etlk4');
  t.equal(
    ids.tokenOf(device, uuid),
    '_B7B3QX-TKMeTG_nR0_xI67OSSywtFif0i0a6h-S7UrzgIto5hETtt5Vj_NvmYCvpQ',
  );
  t.equal(ids.tokenOf(device, channel('c1')), '6SXSxOHpbcFrq6idYquw0YhCiX7INDd4Fmo9ypNLN8x_GIo');
});

t.test('every new device is another, with a uaid that a command line takes', async (t) => {
  const made = Array.from({ length: 2000 }, () => ids.newDevice());
  t.equal(new Set(made).size, made.length);
  t.ok(made.every((device) => bytesOfDevice(device).length === 16));
  t.notOk(made.some((device) => ids.uaidOf(device).startsWith('-')));
});

t.test('a uaid has at most 128 characters, and a UUID makes a short URL', async (t) => {
  t.equal(ids.uaidOf(device).length, 43);
  t.equal(ids.tokenOf(device, uuid).length, 66);
  const widest = channel('\u{1f514}'.repeat(channelIdCharsMax));
  t.ok(ids.tokenOf(device, widest).length < 800);
  t.same(ids.parseToken(ids.tokenOf(device, widest)), { device, channel: widest });
});

t.test('a uaid with any character changed, missing or added is none', async (t) => {
  const uaid = ids.uaidOf(device);
  for (const other of spoilt(uaid)) if (ids.parseUaid(other)) t.fail(other);
});

t.test('a token with any character changed, missing or added is none', async (t) => {
  for (const token of [ids.tokenOf(device, uuid), ids.tokenOf(device, channel('é🔔'))]) {
    for (const other of spoilt(token)) if (ids.parseToken(other)) t.fail(other);
  }
});

t.test('other ways to write the same bytes are refused', async (t) => {
  const tokens = ['a', 'ab', 'abc', uuid].map((text) => ids.tokenOf(device, channel(text)));
  for (const token of tokens) {
    for (const alias of aliasesOf(token)) t.equal(ids.parseToken(alias), undefined, alias);
  }
  const uaid = ids.uaidOf(device);
  t.ok(aliasesOf(uaid).length > 30);
  for (const alias of aliasesOf(uaid)) t.equal(ids.parseUaid(alias), undefined, alias);
});

t.test('what another secret sealed is refused', async (t) => {
  const stranger = createIds(Buffer.concat([sampleSecret.subarray(1), Buffer.of(8)]));
  t.equal(ids.parseUaid(stranger.uaidOf(device)), undefined);
  t.equal(ids.parseToken(stranger.tokenOf(device, uuid)), undefined);
  t.not(stranger.uaidOf(device), ids.uaidOf(device));
});

t.test('a uaid is no token and a token is no uaid', async (t) => {
  t.equal(ids.parseToken(ids.uaidOf(device)), undefined);
  for (const text of [uuid, channel('c'), channel('c'.repeat(128))]) {
    t.equal(ids.parseUaid(ids.tokenOf(device, text)), undefined);
  }
});

t.test('a uaid of any other type is none', async (t) => {
  const uaid = ids.uaidOf(device);
  const others = [
    undefined,
    null,
    '',
    5,
    0,
    Number.NaN,
    true,
    {},
    [],
    [uaid],
    { uaid },
    uaid.split(''),
  ];
  for (const other of others) t.equal(ids.parseUaid(other), undefined, JSON.stringify(other));
  t.equal(ids.parseUaid(new String(uaid)), undefined);
});

t.test('no text that was not sealed opens, however long', async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' })), (text) => {
      return ids.parseUaid(text) === undefined && ids.parseToken(text) === undefined;
    }),
  );
  for (const text of ['', 'A'.repeat(22), 'A'.repeat(43), 'A'.repeat(1025), 'A'.repeat(1 << 20)]) {
    t.equal(ids.parseUaid(text), undefined);
    t.equal(ids.parseToken(text), undefined);
  }
});

t.test('channels that differ in anything have different tokens', async (t) => {
  const texts = [
    uuid,
    uuid.toUpperCase(),
    uuid.replaceAll('-', ''),
    `{${uuid}}`,
    `${uuid} `,
    'é',
    'e\u0301',
    'a',
    'A',
    ' a',
  ].map(channel);
  const tokens = texts.map((text) => ids.tokenOf(device, text));
  t.equal(new Set(tokens).size, texts.length);
  t.same(
    tokens.map((token) => ids.parseToken(token)?.channel),
    texts,
  );
});

t.test('a channelID has 1 to 128 characters, none of them a control character', async (t) => {
  const good = [
    'a',
    '0',
    ' ',
    uuid,
    'constructor',
    '__proto__',
    '"\\',
    'канал',
    'é'.repeat(128),
    '\u{1f514}'.repeat(128),
    'a\u200db',
  ];
  for (const text of good) t.equal(parseChannelId(text), text as ChannelId, text);
  const bad = [
    '',
    'a'.repeat(129),
    '\u{1f514}'.repeat(129),
    '\n',
    'a\n',
    '\na',
    'a\0',
    '\u007f',
    '\u0085',
    '\ud800',
    'a\udc00b',
  ];
  for (const text of bad) t.equal(parseChannelId(text), undefined, JSON.stringify(text));
});

t.test('a channelID of any other type is none', async (t) => {
  for (const value of [undefined, null, 0, 1, true, {}, [], ['a'], { channelID: 'a' }]) {
    t.equal(parseChannelId(value), undefined, JSON.stringify(value));
  }
});

t.test('an endpoint URL carries its token in its path', async (t) => {
  const token = ids.tokenOf(device, uuid);
  const url = endpointUrl('https://push.example', 'text', token);
  t.equal(url, `https://push.example/v1/notify/${token}`);
  t.same(placeIn(new URL(url).pathname), { resource: 'text', token });
});

t.test('a path that is no endpoint carries no token', async (t) => {
  t.same(placeIn(endpointPaths.text), { resource: 'text', token: '' });
  for (const path of [
    '',
    '/',
    '/v1/notify',
    '/v2/notify/x',
    '/V1/notify/x',
    '//v1/notify/x',
    'v1/notify/x',
  ]) {
    t.equal(placeIn(path), undefined, path);
  }
});
