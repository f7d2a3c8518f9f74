// The bodies of the wakeup API: what is read, and what each wrong body is told.
import fc from 'fast-check';
import t from 'tap';
import { CodedError } from '../../../shared/errors.js';
import {
  parseNetworks,
  parseResults,
  parseSigns,
  parseWakeups,
} from '../../../shared/wakeup/request.js';

const id = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

/** The message of the `bad-request` that a parser throws; any other end fails the test. */
function refusal(parse: (body: Uint8Array) => unknown, body: Uint8Array): string {
  try {
    parse(body);
    return 'it was read';
  } catch (error) {
    if (error instanceof CodedError && error.code === 'bad-request') return error.message;
    throw error;
  }
}

t.test('wakeups are read with their ids proved and all else as it came', async (t) => {
  const wakeup = { id, network: '214-07', ip: '10.1.2.3', port: 5000, protocol: 'udp' };
  const odd = { id: id.toUpperCase(), network: 7, ip: null, port: '1', urgency: ['x'], more: 1 };
  t.same(parseWakeups(bytes({ wakeups: [wakeup, odd], more: true })), [
    { ...wakeup, urgency: undefined, nonce: undefined, auth: undefined },
    {
      ...{ id, network: 7, ip: null, port: '1', protocol: undefined, urgency: ['x'] },
      ...{ nonce: undefined, auth: undefined },
    },
  ]);
  t.same(parseWakeups(bytes({ wakeups: [] })), []);
  t.equal(parseWakeups(bytes({ wakeups: new Array(1000).fill({ id }) })).length, 1000);
});

const notJson: Record<string, Uint8Array> = {
  'an empty body': Buffer.alloc(0),
  'white space': Buffer.from(' \n'),
  'a word': Buffer.from('hello'),
  'half an object': Buffer.from('{"wakeups":['),
  'an object and more': Buffer.from('{} {}'),
  'a trailing comma': Buffer.from('{"wakeups":[],}'),
  'a comment': Buffer.from('{/**/}'),
  'single quotes': Buffer.from("{'wakeups':[]}"),
  'a bare key': Buffer.from('{wakeups:[]}'),
  NaN: Buffer.from('{"wakeups":NaN}'),
  'a leading zero': Buffer.from('{"wakeups":01}'),
  'a control character in a text': Buffer.from('{"a":"\u0001"}'),
  'an escape that is none': Buffer.from('{"a":"\\x41"}'),
  'a byte that UTF-8 has not': Buffer.from([0x7b, 0x7d, 0xff]),
  'an overlong slash': Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
  'a surrogate in UTF-8': Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
  'half a character at the end': Buffer.from([0x22, 0xe2, 0x82]),
  'UTF-16': Buffer.from('{"wakeups":[]}', 'utf16le'),
  gzip: Buffer.from([0x1f, 0x8b, 8, 0, 0]),
  'NUL bytes': Buffer.alloc(64),
  'a form': Buffer.from('ip=10.1.2.3&port=5000'),
  'brackets, 100 000 deep': Buffer.from('['.repeat(100_000)),
};

t.test('a body that is no JSON in UTF-8 is told so by each parser', async (t) => {
  for (const [name, body] of Object.entries(notJson)) {
    t.equal(refusal(parseWakeups, body), 'the body is not JSON in UTF-8', name);
    t.equal(refusal(parseResults, body), 'the answer is not JSON in UTF-8', name);
    t.equal(refusal(parseNetworks, body), 'the answer is not JSON in UTF-8', name);
  }
});

t.test('a body that is no object is told so by each parser', async (t) => {
  for (const value of [null, true, 0, 'x', [], [{ wakeups: [] }]]) {
    t.equal(refusal(parseWakeups, bytes(value)), 'the body must be a JSON object');
    t.equal(refusal(parseResults, bytes(value)), 'the answer must be a JSON object');
    t.equal(refusal(parseNetworks, bytes(value)), 'the answer must be a JSON object');
  }
});

t.test(
  'wakeups of another shape are told where they are wrong, never with their value',
  async (t) => {
    const refused: [unknown, string][] = [
      [{}, 'wakeups must be an array'],
      [{ Wakeups: [] }, 'wakeups must be an array'],
      [{ wakeups: null }, 'wakeups must be an array'],
      [{ wakeups: {} }, 'wakeups must be an array'],
      [{ wakeups: { length: 1, 0: { id } } }, 'wakeups must be an array'],
      [{ wakeups: '[]' }, 'wakeups must be an array'],
      [{ wakeups: 1 }, 'wakeups must be an array'],
      [
        { wakeups: new Array(1001).fill({ id }) },
        'wakeups has more than 1000 items; send the rest in another request',
      ],
      [{ wakeups: [null] }, 'wakeups[0] must be an object'],
      [{ wakeups: [id] }, 'wakeups[0] must be an object'],
      [{ wakeups: [[id]] }, 'wakeups[0] must be an object'],
      [{ wakeups: [{ id }, 7] }, 'wakeups[1] must be an object'],
      [{ wakeups: [{}] }, 'wakeups[0].id must be a UUIDv7'],
      [{ wakeups: [{ ID: id }] }, 'wakeups[0].id must be a UUIDv7'],
      [{ wakeups: [{ id: null }] }, 'wakeups[0].id must be a UUIDv7'],
      [{ wakeups: [{ id: 7 }] }, 'wakeups[0].id must be a UUIDv7'],
      [{ wakeups: [{ id: [id] }] }, 'wakeups[0].id must be a UUIDv7'],
      [{ wakeups: [{ id: '' }] }, 'wakeups[0].id must be a UUIDv7'],
      [{ wakeups: [{ id: id.replace('-7c', '-4c') }] }, 'wakeups[0].id must be a UUIDv7'],
      [{ wakeups: [{ id }, { id }, { id: `${id} ` }] }, 'wakeups[2].id must be a UUIDv7'],
    ];
    for (const [value, message] of refused) {
      t.equal(refusal(parseWakeups, bytes(value)), message, JSON.stringify(value).slice(0, 60));
    }
  },
);

t.test('a key named __proto__ is a key like any other', async (t) => {
  const body = Buffer.from(`{"__proto__":{"wakeups":[{"id":"${id}"}]}}`);
  t.equal(refusal(parseWakeups, body), 'wakeups must be an array');
  const inner = Buffer.from(`{"wakeups":[{"__proto__":{"id":"${id}"}}]}`);
  t.equal(refusal(parseWakeups, inner), 'wakeups[0].id must be a UUIDv7');
});

t.test('results are read with what of them is usable', async (t) => {
  t.same(
    parseResults(
      bytes({
        results: [
          { id, outcome: 'triggered', more: 1 },
          { id, outcome: 'refused', reason: 'address-out-of-range' },
          { id, outcome: 'deferred', reason: 'paced', retryAfterMs: 250 },
          { id, outcome: 'failed', reason: 7, retryAfterMs: '250' },
        ],
      }),
    ),
    [
      { id, outcome: 'triggered' },
      { id, outcome: 'refused', reason: 'address-out-of-range' },
      { id, outcome: 'deferred', reason: 'paced', retryAfterMs: 250 },
      { id, outcome: 'failed' },
    ],
  );
});

t.test('a wait that no timer can be set to is left out', async (t) => {
  for (const wait of ['-1', '1e999', '-1e999', '1e300', 'null']) {
    const body = `{"results":[{"id":"${id}","outcome":"deferred","retryAfterMs":${wait}}]}`;
    t.same(parseResults(Buffer.from(body)), [{ id, outcome: 'deferred' }], wait);
  }
  const day = { id, outcome: 'deferred', retryAfterMs: 86_400_000 };
  t.same(parseResults(bytes({ results: [day] })), [day], 'a day is the longest');
});

t.test('results of another shape are told where they are wrong', async (t) => {
  const refused: [unknown, string][] = [
    [{}, 'results must be an array'],
    [{ results: {} }, 'results must be an array'],
    [{ results: [null] }, 'results[0] has no id'],
    [{ results: ['x'] }, 'results[0] has no id'],
    [{ results: [{ outcome: 'triggered' }] }, 'results[0] has no id'],
    [{ results: [{ id: 7, outcome: 'triggered' }] }, 'results[0] has no id'],
    [{ results: [{ id }] }, 'results[0] has no known outcome'],
    [{ results: [{ id, outcome: 'Triggered' }] }, 'results[0] has no known outcome'],
    [{ results: [{ id, outcome: null }] }, 'results[0] has no known outcome'],
    [{ results: [{ id, outcome: ['triggered'] }] }, 'results[0] has no known outcome'],
    [
      {
        results: [
          { id, outcome: 'triggered' },
          { id, outcome: '' },
        ],
      },
      'results[1] has no known outcome',
    ],
  ];
  for (const [value, message] of refused) t.equal(refusal(parseResults, bytes(value)), message);
});

const network = { network: '214-07', netid: '214-07.default', online: true };

t.test('networks are read with the ranges and protocols that are of their form', async (t) => {
  t.same(
    parseNetworks(
      bytes({
        networks: [
          { ...network, ranges: ['10.0.0.0/8'], protocols: ['udp', 'tcp'] },
          { ...network, ranges: [7, null, 'fd12::/48'], protocols: ['sctp', 'tcp'], more: 1 },
          { ...network, ranges: 'x', protocols: 'udp' },
        ],
      }),
    ),
    [
      { ...network, ranges: ['10.0.0.0/8'], protocols: ['udp', 'tcp'] },
      { ...network, ranges: ['fd12::/48'], protocols: ['tcp'] },
      { ...network, ranges: [], protocols: [] },
    ],
  );
});

t.test(
  'the ports of a network are those of the form a-b, and any without the member',
  async (t) => {
    const portsOf = (ports: unknown) =>
      parseNetworks(bytes({ networks: [{ ...network, ports }] }))[0]?.ports;
    t.equal(portsOf(undefined), undefined);
    t.same(portsOf(['1024-65535', '9000-9000', '1-1']), ['1024-65535', '9000-9000', '1-1']);
    const unreadable = [
      '9000',
      '0-9',
      '9-8',
      '1-65536',
      '1-2-3',
      ' 1-2',
      '1-2\n',
      '1e3-2e3',
      '-1-2',
      7,
      null,
    ];
    t.same(portsOf([...unreadable, '5000-6000']), ['5000-6000']);
    for (const value of [[], null, '1-2', 7, {}]) t.same(portsOf(value), [], JSON.stringify(value));
    t.equal(portsOf(Array(1_001).fill('1-2'))?.length, 1_000);
  },
);

t.test('networks of another shape are told where they are wrong', async (t) => {
  const needs = 'networks[0] needs network, netid and online';
  const refused: [unknown, string][] = [
    [{}, 'networks must be an array'],
    [{ networks: 'x' }, 'networks must be an array'],
    [{ networks: [null] }, 'networks[0] must be an object'],
    [{ networks: [network, []] }, 'networks[1] must be an object'],
    [{ networks: [{}] }, needs],
    [{ networks: [{ ...network, network: 21407 }] }, needs],
    [{ networks: [{ ...network, netid: null }] }, needs],
    [{ networks: [{ ...network, online: 'yes' }] }, needs],
  ];
  for (const [value, message] of refused) t.equal(refusal(parseNetworks, bytes(value)), message);
});

t.test('any bytes are a value or a bad-request', async () => {
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string().map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({
        key: fc.constantFrom('wakeups', 'results', 'networks'),
        items: fc.oneof(
          fc.jsonValue(),
          fc.array(
            fc.dictionary(
              fc.constantFrom('id', 'outcome', 'network', 'netid', 'online', 'ranges', 'ports'),
              fc.oneof(fc.constantFrom(id, 'triggered', true), fc.jsonValue()),
            ),
          ),
        ),
      })
      .map(({ key, items }) => bytes({ [key]: items })),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      // A CodedError with another code, and any other error, is thrown on and fails the property.
      for (const parse of [parseWakeups, parseResults, parseNetworks, parseSigns])
        refusal(parse, body);
    }),
    { numRuns: 500 },
  );
});

t.test('signs are read, those of an unknown kind left out', async (t) => {
  const told = { id, sign: 'unreachable' };
  t.same(parseSigns(bytes({ signs: [told, { id, sign: 'asleep' }] })), [told]);
  t.equal(refusal(parseSigns, bytes({ signs: [{}] })), 'signs[0] has no id');
  t.equal(refusal(parseSigns, bytes({})), 'signs must be an array');
});
