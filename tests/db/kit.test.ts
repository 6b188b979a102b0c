import { eq, gt, inArray, or } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { newId } from '../../src/utils/ids.ts';
import { samples, useFixture } from './fixture.ts';

const open = useFixture();

/** Safe because it only is in a condition: a client may ask for words that are none. */
const notAWord = (value: string) => value as 'first';

/** What comes back for a row that was written with these values. */
async function roundTrip(values: Partial<typeof samples.$inferInsert>) {
  const { db } = await open();
  const id = newId();
  await db.insert(samples).values({ id, ...values });
  const [row] = await db.select().from(samples).where(eq(samples.id, id));
  return row;
}

describe('a value comes back as it went in', () => {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const cases: [string, Partial<typeof samples.$inferInsert>][] = [
    ['emoji beyond the basic plane', { shortText: '👩‍👩‍👧‍👦 قهوة ñ ß', longText: '🧿'.repeat(1000) }],
    ['trailing spaces', { shortText: 'a  ', longText: ' b ' }],
    ['empty texts', { shortText: '', longText: '' }],
    ['quotes, backslashes and wildcards', { shortText: `'";\\%_--`, longText: '\\0\n\r\t\u001a' }],
    ['more text than 64 KiB', { longText: 'ü'.repeat(100_000) }],
    ['the ends of int', { small: 2 ** 31 - 1 }],
    ['the other end of int', { small: -(2 ** 31) }],
    ['the ends of bigint', { large: Number.MAX_SAFE_INTEGER }],
    ['the other end of bigint', { large: Number.MIN_SAFE_INTEGER }],
    ['zero and false', { small: 0, large: 0, flag: false }],
    ['true', { flag: true }],
    ['an instant, as a number of milliseconds', { at: 1_767_225_600_123 }],
    ['an object', { data: { a: [1, null, 'ü🧿'], b: { c: true }, 'd"e': '\\' } }],
    ['a bare string in JSON', { data: 'text' }],
    ['a number in JSON', { data: 1.5 }],
    ['a NUL inside JSON', { data: 'a\0b' }],
    ['a word of a closed set', { kind: 'second' }],
    ['every byte', { raw: everyByte, digest: everyByte.subarray(100, 132) }],
    ['no bytes', { raw: Buffer.alloc(0) }],
  ];
  test.each(cases)('%s', async (_name, values) => {
    expect(await roundTrip(values)).toMatchObject(values);
  });

  test('what was not given is null', async () => {
    const row = await roundTrip({});
    expect(Object.entries(row ?? {}).filter(([name]) => name !== 'id')).toEqual(
      ['shortText', 'longText', 'small', 'large', 'flag', 'at', 'data', 'kind', 'raw', 'digest'].map(
        (name) => [name, null],
      ),
    );
  });

  test('many bytes', async () => {
    const raw = Buffer.alloc(5_000_000, 0xa5);
    const row = await roundTrip({ raw });
    // Not compared by expect, which takes seconds for it.
    expect(row?.raw?.equals(raw)).toBe(true);
  });

  test('bytes come back as a Buffer of their own length', async () => {
    const row = await roundTrip({ raw: Buffer.from('abc') });
    expect(Buffer.isBuffer(row?.raw)).toBe(true);
    expect(row?.raw?.length).toBe(3);
  });
});

describe('texts are compared exactly', () => {
  test('case and accents make a difference', async () => {
    const { db } = await open();
    await db.insert(samples).values({ id: newId(), shortText: 'Müller' });
    const matches = async (value: string) =>
      (await db.select().from(samples).where(eq(samples.shortText, value))).length;
    expect(await matches('Müller')).toBe(1);
    expect(await matches('müller')).toBe(0);
    expect(await matches('Muller')).toBe(0);
  });

  test('what is no ASCII equals no id and no word, and sorts among them without an error', async () => {
    const { db } = await open();
    const id = newId();
    await db.insert(samples).values({ id, kind: 'first' });
    const asked = (value: string) =>
      db
        .select()
        .from(samples)
        .where(or(eq(samples.id, value), inArray(samples.id, [value]), eq(samples.kind, notAWord(value))));
    for (const value of ['🗡', 'é', `${id}é`, `${id} `, `${id}\0`, 'first ', '\ud800', 'FIRST'])
      expect(await asked(value), value).toEqual([]);
    expect(await asked(id)).toHaveLength(1);
    expect(await asked('first')).toHaveLength(1);
    expect(await db.select().from(samples).where(gt(samples.id, '🗡'))).toHaveLength(0);
  });

  test('the order is that of the code points', async () => {
    const { db } = await open();
    for (const shortText of ['b', 'B', 'ä', 'a', '🧿', 'Z']) {
      await db.insert(samples).values({ id: newId(), shortText });
    }
    const rows = await db.select({ v: samples.shortText }).from(samples).orderBy(samples.shortText);
    expect(rows.map((row) => row.v)).toEqual(['B', 'Z', 'a', 'b', 'ä', '🧿']);
  });
});

test('a NUL, which SQLite would end the text at, is kept visible as U+FFFD', async () => {
  expect(await roundTrip({ shortText: 'ad\0min' })).toMatchObject({ shortText: 'ad\ufffdmin' });
});

test.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
  'the number %s, which no column holds exactly, is refused before it reaches the database',
  async (large) => {
    await expect(roundTrip({ large })).rejects.toThrow(RangeError);
  },
);
