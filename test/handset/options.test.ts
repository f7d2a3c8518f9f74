import { createECDH } from 'node:crypto';
import t from 'tap';
import { createHandset } from '../../handset/client.js';
import { defaultLimits } from '../../handset/limits.js';
import { type HandsetOptions, readOptions } from '../../handset/options.js';
import type { ChannelKeys } from '../../handset/push-keys.js';

const central = 'ws://127.0.0.1:8080/';
const publicKey = createECDH('prime256v1').generateKeys('base64url');
const keysOf = (...given: unknown[]) => Object.fromEntries(given.map((one, i) => [`c${i}`, one]));
const network = { mcc: '214', mnc: '07' };

const auth = 'A'.repeat(22);
const privateKey = `${'A'.repeat(42)}E`;
const badKeys = [
  keysOf(null),
  keysOf('text'),
  keysOf({ privateKey }),
  keysOf({ privateKey, auth: 'AAAA' }),
  keysOf({ privateKey: 5, auth }),
  keysOf({ privateKey: '', auth }),
  keysOf({ privateKey: '_'.repeat(43), auth }),
  keysOf({ privateKey, auth }, { privateKey: 'A'.repeat(43), auth }),
];

t.test('fills in the documented defaults', async (t) => {
  const settings = readOptions({ central });
  t.match(settings, { ...defaultLimits, port: 0, protocol: 'udp', proof: true, auth: true });
  t.match(settings, { dialect: 'simplepush', keys: {} });
  t.match(defaultLimits, {
    backoffBaseMs: 1000,
    backoffCapMs: 60_000,
    requestTimeoutMs: 10_000,
    pingIntervalMs: 1_800_000,
    refreshMs: 21_600_000,
    crowdSpreadMs: 10_000,
    retryAfterMaxMs: 3_600_000,
    proofsPerMinuteMax: 10,
  });
});

t.test('names the option that is wrong', async (t) => {
  const cases: [string, Partial<HandsetOptions>][] = [
    ['central: must be a ws: or wss: URL without a fragment', { central: 'http://127.0.0.1' }],
    ['central: must be a ws: or wss: URL without a fragment', { central: 'nonsense' }],
    ['central: must be a ws: or wss: URL without a fragment', { central: 'ws://127.0.0.1/#x' }],
    ['network: must be mcc', { network: { mcc: '21', mnc: '07' } }],
    ['network: must be mcc', { network: { mcc: '214', mnc: '7' } }],
    ['network: must be mcc', { network: { ...network, netid: 'a b' } }],
    ['ip: must be an IPv4 or IPv6 address', { ip: 'localhost' }],
    ['port: must be a whole number from 0 to 65535', { port: 65_536 }],
    ['port: must be a whole number from 0 to 65535', { port: -1 }],
    ['port: must be a whole number from 0 to 65535', { port: 1.5 }],
    ['protocol: must be udp or tcp', { protocol: 'sctp' as 'udp' }],
    ['uaid: must be the text that the server gave', { uaid: '' }],
    ['ca: must be a PEM certificate', { ca: 'nonsense' }],
    ['channelID: must be 1 to 128 characters', { channelIDs: [''] }],
    ['channelID: must be 1 to 128 characters', { channelIDs: ['x'.repeat(129)] }],
    [
      'channelIDs: must be at most channelsMax (1) channels',
      { channelsMax: 1, channelIDs: ['a', 'b'] },
    ],
    ['dialect: must be simplepush or webpush', { dialect: 'web-push' as 'webpush' }],
    ['key: must be left out, unless dialect is webpush', { key: publicKey }],
    ['keys: must be left out, unless dialect is webpush', { keys: {} }],
    ['key: must be a P-256 public key', { dialect: 'webpush', key: '' }],
    ['key: must be a P-256 public key', { dialect: 'webpush', key: publicKey.slice(1) }],
    ...badKeys.map((keys): [string, Partial<HandsetOptions>] => [
      'keys: must be by channelID, a P-256 privateKey and an auth of 16 bytes',
      { dialect: 'webpush', keys: keys as Record<string, ChannelKeys> },
    ]),
    ...['c1', 'AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA', 'aaaaaaaaaaaa4aaa8aaaaaaaaaaaaaaa'].map(
      (channelID): [string, Partial<HandsetOptions>] => [
        'channelID: must be a UUID in lower case with hyphens',
        { dialect: 'webpush', channelIDs: [channelID] },
      ],
    ),
    ['refreshMs: must be a whole number above 0', { refreshMs: 0 }],
    ['refreshMs: must be a whole number above 0', { refreshMs: 2 ** 31 }],
    ['pingIntervalMs: must be a whole number above 0', { pingIntervalMs: Number.NaN }],
  ];
  for (const [message, options] of cases) {
    const create = () => createHandset({ central, ...options });
    const found = t.throws(create, { code: 'bad-option' });
    t.ok(found instanceof Error && found.message.startsWith(message), message);
  }
});

t.test('keeps an MNC of two digits apart from one of three', async (t) => {
  t.same(readOptions({ central, network: { mcc: '214', mnc: '007' } }).network, {
    mcc: '214',
    mnc: '007',
  });
});

t.test('takes the keys of an earlier run and the key of an app server', async (t) => {
  const keys = { c0: { privateKey, auth } };
  t.match(readOptions({ central, dialect: 'webpush', key: publicKey, keys }), {
    key: publicKey,
    keys,
  });
});
