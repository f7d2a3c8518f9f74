import t from 'tap';
import { isUuidV7, uuidV7 } from '../../shared/id.js';

t.test('a UUIDv7 starts with its milliseconds (RFC 9562 section 5.7)', async (t) => {
  // Appendix A.6 of the RFC: 2022-02-22 19:22:22 UTC is 0x017F22E279B0.
  t.match(uuidV7(1_645_557_742_000), /^017f22e2-79b0-7/);
  t.match(uuidV7(0), /^00000000-0000-7/);
  t.match(uuidV7(2 ** 48 - 1), /^ffffffff-ffff-7/);
});

t.test('what is made is of the form, sorts by time and never comes twice', async (t) => {
  const ids = Array.from({ length: 1000 }, (_, i) => uuidV7(1_700_000_000_000 + i));
  t.ok(ids.every(isUuidV7));
  t.same([...ids].sort(), ids);
  const same = Array.from({ length: 1000 }, () => uuidV7(1_700_000_000_000));
  t.equal(new Set(same).size, 1000);
});

t.test('a UUID of another version, variant or form is none of ours', async (t) => {
  const good = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';
  t.ok(isUuidV7(good));
  t.ok(isUuidV7(good.toUpperCase()));
  const refused: unknown[] = [
    '017f22e2-79b0-4cc3-98c4-dc0c0c07398f',
    '017f22e2-79b0-7cc3-c8c4-dc0c0c07398f',
    '017f22e2-79b0-7cc3-78c4-dc0c0c07398f',
    '017f22e279b07cc398c4dc0c0c07398f',
    `{${good}}`,
    `urn:uuid:${good}`,
    ` ${good}`,
    `${good}\n`,
    `${good}0`,
    good.slice(1),
    good.replace('f', 'g'),
    '',
    7,
    null,
    undefined,
    [good],
  ];
  for (const value of refused) t.notOk(isUuidV7(value), String(value));
});
