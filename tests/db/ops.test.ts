import { and, eq, gte, inArray, sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import {
  affected,
  deleteInBatches,
  incoming,
  insertMany,
  isRetryable,
  isUnavailable,
  isUniqueViolation,
  padded,
  placeholders,
  preparedFor,
  rawRows,
  rawRun,
  skipLocked,
  tryInsert,
  updateInBatches,
  upsert,
  valuesAt,
} from '../../src/db/ops.ts';
import { testOn } from '../helpers/on-database.ts';
import { samples, tallies, useFixture } from './fixture.ts';

const open = useFixture();
const named = (n: number) => `t${String(n).padStart(6, '0')}`;

async function withTallies(count: number) {
  const database = await open();
  await insertMany(
    database.db,
    tallies,
    Array.from({ length: count }, (_, i) => ({ name: named(i), value: i })),
  );
  return database.db;
}

test('the database tells the time in epoch milliseconds', async () => {
  const database = await open();
  const before = Date.now();
  const now = await database.now();
  expect(Number.isSafeInteger(now)).toBe(true);
  expect(Math.abs(now - before)).toBeLessThan(5_000);
});

describe('affected', () => {
  test('counts the rows an update matched, also those it did not change', async () => {
    const db = await withTallies(3);
    expect(affected(await db.update(tallies).set({ value: 7 }))).toBe(3);
    expect(affected(await db.update(tallies).set({ value: 7 }))).toBe(3);
    expect(affected(await db.update(tallies).set({ value: 8 }).where(eq(tallies.name, 'none')))).toBe(0);
  });

  test('counts inserted and deleted rows', async () => {
    const db = await withTallies(3);
    expect(affected(await db.insert(tallies).values([{ name: 'a' }, { name: 'b' }]))).toBe(2);
    expect(affected(await db.delete(tallies))).toBe(5);
  });

  test('counts inside a transaction too', async () => {
    const db = await withTallies(3);
    const n = await db.transaction(async (tx) =>
      affected(await tx.delete(tallies).where(gte(tallies.value, 1))),
    );
    expect(n).toBe(2);
  });

  test('refuses what is no result of a write', async () => {
    const db = await withTallies(1);
    const rows = await db.select().from(tallies);
    expect(() => affected(rows)).toThrow(TypeError);
    expect(() => affected(undefined)).toThrow(TypeError);
  });
});

describe('upsert', () => {
  test('inserts what is new and sets what is there', async () => {
    const db = await withTallies(1);
    const values = [
      { name: named(0), value: 10 },
      { name: 'new', value: 20 },
    ];
    await upsert(db, tallies, values, [tallies.name], {
      value: sql`${tallies.value} + ${incoming(tallies.value)} + 1`,
    });
    const rows = await db.select().from(tallies).orderBy(tallies.name);
    expect(rows.map((row) => [row.name, row.value])).toEqual([
      ['new', 20],
      [named(0), 11],
    ]);
  });

  test('finds columns whose name in the database has another spelling', async () => {
    const { db } = await open();
    const id = 'a'.repeat(32);
    for (const shortText of ['one', 'two']) {
      await upsert(db, samples, { id, shortText }, [samples.id], { shortText: incoming(samples.shortText) });
    }
    expect(await db.select({ v: samples.shortText }).from(samples)).toEqual([{ v: 'two' }]);
  });

  test('of no rows does nothing', async () => {
    const { db } = await open();
    await upsert(db, tallies, [], [tallies.name], { value: 1 });
    expect(await db.select().from(tallies)).toEqual([]);
  });
});

describe('tryInsert', () => {
  test('says whether the key was free', async () => {
    const { db } = await open();
    expect(await tryInsert(db, tallies, { name: 'a' })).toBe(true);
    expect(await tryInsert(db, tallies, { name: 'a', value: 9 })).toBe(false);
    expect(await db.select({ value: tallies.value }).from(tallies)).toEqual([{ value: 0 }]);
  });

  test('looks at unique keys other than the primary one', async () => {
    const { db } = await open();
    expect(await tryInsert(db, tallies, { name: 'a', label: 'x' })).toBe(true);
    expect(await tryInsert(db, tallies, { name: 'b', label: 'x' })).toBe(false);
  });

  test('inside a transaction leaves the transaction usable', async () => {
    const { db } = await open();
    await db.transaction(async (tx) => {
      await tx.insert(tallies).values({ name: 'a' });
      expect(await tryInsert(tx, tallies, { name: 'a' })).toBe(false);
      await tx.insert(tallies).values({ name: 'b' });
    });
    expect(await db.select().from(tallies)).toHaveLength(2);
  });

  test('throws every other error', async () => {
    const { db } = await open();
    const notNull = { name: 'a', value: sql`null` };
    const error = await tryInsert(db, tallies, notNull).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect(isUniqueViolation(error)).toBe(false);
  });
});

describe('many rows', () => {
  test('are inserted in pieces, also more than one statement could take', async () => {
    const db = await withTallies(12_345);
    expect(await rawRows(db, sql`select count(*) as n, max(value) as top from ${tallies}`)).toEqual([
      { n: 12_345, top: 12_344 },
    ]);
  });

  test('are deleted in pieces, and only those asked for', async () => {
    const db = await withTallies(1_200);
    const count = await deleteInBatches(db, {
      table: tallies,
      key: tallies.name,
      where: gte(tallies.value, 100),
      size: 250,
    });
    expect(count).toBe(1_100);
    expect(await db.select().from(tallies)).toHaveLength(100);
  });

  test('are updated in pieces, each once, although they still match afterwards', async () => {
    const db = await withTallies(1_000);
    const pieces = { table: tallies, key: tallies.name, where: gte(tallies.value, 0), size: 300 };
    expect(await updateInBatches(db, pieces, { value: sql`${tallies.value} + 1` })).toBe(1_000);
    const [row] = await rawRows<{ total: unknown }>(db, sql`select sum(value) as total from ${tallies}`);
    expect(Number(row?.total)).toBe((1_000 * 999) / 2 + 1_000);
  });

  test('are left alone when the signal says so', async () => {
    const db = await withTallies(10);
    const signal = AbortSignal.abort();
    expect(await deleteInBatches(db, { table: tallies, key: tallies.name, where: undefined, signal })).toBe(
      0,
    );
  });

  test('let the event loop turn while they are written', async () => {
    const { db } = await open();
    const rows = Array.from({ length: 100_000 }, (_, i) => ({ name: named(i), value: i }));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await db.transaction((tx) => insertMany(tx, tallies, rows));
    clearInterval(timer);
    // SQLite's driver is synchronous: without our yielding there would be none.
    expect(turns).toBeGreaterThan(2);
  });
});

test('raw rows and raw writes name columns as the database has them', async () => {
  const db = await withTallies(3);
  expect(await rawRun(db, sql`update ${tallies} set value = 5 where name = ${named(1)}`)).toBe(1);
  expect(await rawRows(db, sql`select value from ${tallies} where ${tallies.name} = ${named(1)}`)).toEqual([
    { value: 5 },
  ]);
});

testOn('mysql', 'dates of raw rows are text, in a transaction too', async () => {
  const { db } = await open();
  const query = sql`select cast('2026-01-31' as date) as day, cast('2026-01-31 10:20:30' as datetime) as at`;
  const found = [{ day: '2026-01-31', at: '2026-01-31 10:20:30' }];
  expect(await rawRows(db, query)).toEqual(found);
  expect(await db.transaction((tx) => rawRows(tx, query))).toEqual(found);
});

test('a query with two counts is built once for many pairs of them, and finds the same', async () => {
  const db = await withTallies(50);
  let built = 0;
  const query = preparedFor((root, at, rows, labels) => {
    built += 1;
    const isOne = inArray(tallies.name, placeholders(at, 'name', rows));
    const isLow = inArray(tallies.value, placeholders(at, 'value', labels));
    return root.select({ name: tallies.name }).from(tallies).where(and(isOne, isLow)).prepare();
  });
  const names = Array.from({ length: 50 }, (_, n) => ({ name: named(n), value: n }));
  const texts: number[] = [];
  for (let pass = 0; pass < 2; pass++) {
    for (let rows = 2; rows <= names.length; rows++) {
      for (let some = 1; some <= rows; some++) {
        const values = padded(names.slice(0, some), 50);
        const found = query(db, rows, values.length);
        if (rows % 10 !== 0 || some % 7 !== 0) continue;
        const asked = {
          ...valuesAt(names.slice(0, rows)),
          ...valuesAt(values.map(({ value }) => ({ value }))),
        };
        expect(await found.execute(asked)).toHaveLength(some);
      }
    }
    texts.push(built);
  }
  expect(texts[0]).toBeLessThan(300);
  expect(texts[1]).toBe(texts[0]);
});

test('a locked row is passed over, and nobody gets it twice', async () => {
  const db = await withTallies(20);
  const taken = await Promise.all(
    Array.from({ length: 4 }, () =>
      db.transaction(async (tx) => {
        const rows = await skipLocked(
          tx.select().from(tallies).where(eq(tallies.active, true)).orderBy(tallies.name).limit(5),
        );
        const names = rows.map((row) => row.name);
        await tx.update(tallies).set({ active: false }).where(inArray(tallies.name, names));
        return names;
      }),
    ),
  );
  expect(taken.flat().sort()).toEqual(Array.from({ length: 20 }, (_, i) => named(i)));
});

test.each([
  ['lost connection', { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }, false, true],
  ['refused connection', { code: 'ECONNREFUSED' }, false, true],
  ['read-only server', { errno: 1290 }, false, true],
  ['Galera node that is not ready', { errno: 1047 }, true, true],
  ['deadlock', { errno: 1213 }, true, false],
  ['lock wait timeout', { errno: 1205 }, true, false],
  ['busy file', { code: 'SQLITE_BUSY' }, true, true],
  ['full disk', { code: 'SQLITE_FULL' }, false, true],
  ['syntax error', { errno: 1064, code: 'ER_PARSE_ERROR' }, false, false],
])('a %s is told from other errors, also when wrapped', (_name, fault, retryable, unavailable) => {
  const cause = Object.assign(new Error('from the driver'), fault);
  for (const error of [cause, new Error('Failed query', { cause })]) {
    expect([isRetryable(error), isUnavailable(error)]).toEqual([retryable, unavailable]);
  }
});
