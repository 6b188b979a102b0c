/** Reading on after a row: no row twice and none left out, also among rows of one moment. */
import { asc, desc } from 'drizzle-orm';
import { expect, test } from 'vitest';
import {
  type Cursor,
  encodeCursor,
  isAfter,
  isNewer,
  isOlder,
  parseCursor,
  parseCursorParts,
} from '../../src/db/keyset.ts';
import { insertMany } from '../../src/db/ops.ts';
import { samples, useFixture } from './fixture.ts';

const open = useFixture();
const keyset = { at: samples.at, id: samples.id };
const idOf = (n: number) => n.toString(16).padStart(32, '0');
/** Three rows of each moment. */
const rows = Array.from({ length: 12 }, (_, i) => ({ id: idOf(i), at: 1_000 + Math.floor(i / 3) }));
const ids = rows.map(({ id }) => id);

async function withRows() {
  const { db } = await open();
  await insertMany(db, samples, rows);
  return db;
}

const cursorAt = ({ id, at }: { id: string; at: number | null }): Cursor => ({ id, at: at ?? 0 });

test('pages of any size hold every row once, newest or oldest first', async () => {
  const db = await withRows();
  for (const size of [1, 2, 5, 12]) {
    const down: string[] = [];
    const up: string[] = [];
    for (let last: Cursor | null = null; down.length < rows.length; ) {
      const page: { id: string; at: number | null }[] = await db
        .select({ id: samples.id, at: samples.at })
        .from(samples)
        .where(isOlder(keyset, last))
        .orderBy(desc(samples.at), desc(samples.id))
        .limit(size);
      down.push(...page.map(({ id }) => id));
      last = cursorAt(page.at(-1) ?? { id: '', at: 0 });
    }
    for (let last: Cursor | null = null; up.length < rows.length; ) {
      const page: { id: string; at: number | null }[] = await db
        .select({ id: samples.id, at: samples.at })
        .from(samples)
        .where(isNewer(keyset, last))
        .orderBy(asc(samples.at), asc(samples.id))
        .limit(size);
      up.push(...page.map(({ id }) => id));
      last = cursorAt(page.at(-1) ?? { id: '', at: 0 });
    }
    expect([down, up]).toEqual([ids.toReversed(), ids]);
  }
});

test('rows after a row are ordered by as many columns as are given', async () => {
  const db = await withRows();
  const count = async (where: ReturnType<typeof isAfter>) =>
    (await db.select({ id: samples.id }).from(samples).where(where)).length;
  const { at, id } = samples;
  expect(isAfter([at, id], null)).toBeUndefined();
  expect(await count(isAfter([id], [idOf(9)]))).toBe(2);
  expect(await count(isAfter([at, id], [1_001, idOf(4)]))).toBe(7);
  // The middle column is the same in all rows of a moment.
  expect(await count(isAfter([at, at, id], [1_001, 1_001, idOf(4)]))).toBe(7);
  expect(await count(isAfter([at, at, id], [1_001, 1_000, idOf(4)]))).toBe(9);
});

test('the row of the cursor is neither older nor newer than itself, and ids alone order where there is no time', async () => {
  const db = await withRows();
  const cursor = { at: 1_001, id: idOf(4) };
  const count = async (where: ReturnType<typeof isOlder>) =>
    (await db.select({ id: samples.id }).from(samples).where(where)).length;
  expect(await Promise.all([isNewer, isOlder].map((is) => count(is(keyset, cursor))))).toEqual([7, 4]);
  const byId = { at: null, id: samples.id };
  expect(await Promise.all([isNewer, isOlder].map((is) => count(is(byId, cursor))))).toEqual([7, 4]);
});

test('a cursor that a client gives back is the one it got, and nothing else is taken', () => {
  const cursor = { at: 1_767_225_600_000, id: idOf(255) };
  expect(parseCursor(encodeCursor(cursor))).toEqual(cursor);
  expect(parseCursor(undefined)).toBeNull();
  for (const text of ['', '1', '1.2', `-1.${idOf(1)}`, `${'9'.repeat(16)}.${idOf(1)}`, `1.${idOf(1)} `]) {
    expect(() => parseCursor(text), text).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  }
  expect(parseCursorParts('3.ab', /^(\d)\.([a-f]+)$/)).toEqual(['3', 'ab']);
  expect(parseCursorParts(undefined, /^x$/)).toBeNull();
  expect(() => parseCursorParts('3.xy', /^(\d)\.([a-f]+)$/)).toThrow('Not valid: cursor.');
});
