import { count, eq, gt, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { isUnavailable } from '../../src/db/errors.ts';
import { insertMany, rawRows, rawRun } from '../../src/db/ops.ts';
import { asTenant } from '../../src/db/work.ts';
import { createEmptyDatabase } from '../helpers/database.ts';
import { samples, tallies, useFixture } from './fixture.ts';

const open = useFixture();
let database: Database;
beforeEach(async () => {
  database = await open();
});

const ROWS = 2_000;

async function fill(): Promise<void> {
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    name: `n${String(i).padStart(6, '0')}`,
    value: i % 7,
  }));
  await insertMany(database.db, tallies, rows);
}

/** Looks at ROWS³ rows: minutes. */
const endless = sql`select count(*) as n from t_many a, t_many b, t_many c where a.value + b.value + c.value < 0`;

async function openWith(more: { scanTimeoutMs: number }): Promise<[Database, () => Promise<void>]> {
  const { options, remove } = await createEmptyDatabase();
  const opened = await openDatabase({ ...options, ...more });
  await opened.applySchema(['create table t_many (value bigint not null)']);
  const numbers = Array.from({ length: ROWS }, (_, i) => `(${i})`).join(', ');
  await rawRun(opened.db, sql.raw(`insert into t_many values ${numbers}`));
  return [
    opened,
    async () => {
      await opened.close();
      await remove();
    },
  ];
}

describe('a read that looks through many rows', () => {
  it('gives what the usual one gives, in the same order', async () => {
    await fill();
    const page = (db: Database['scan']) =>
      db.select().from(tallies).where(gt(tallies.value, 3)).orderBy(tallies.value, tallies.name).limit(500);
    expect(await page(database.scan)).toEqual(await page(database.db));
    const groups = (db: Database['scan']) =>
      db
        .select({ value: tallies.value, n: count() })
        .from(tallies)
        .groupBy(tallies.value)
        .orderBy(tallies.value);
    expect(await groups(database.scan)).toEqual(await groups(database.db));
    const raw = sql`select name as name, value as n from ${tallies} order by name desc limit 3`;
    expect(await rawRows(database.scan, raw)).toEqual(await rawRows(database.db, raw));
  });

  it('gives every type of column as it is', async () => {
    const row = {
      id: 'a'.repeat(32),
      shortText: 'é😀',
      longText: 'long\n'.repeat(1_000),
      small: -5,
      large: 9_007_199_254_740_991,
      flag: true,
      at: Date.UTC(2026, 0, 1),
      data: { deep: [1, null, 'x'] },
      kind: 'second' as const,
      raw: Buffer.from([0, 255, 1]),
      digest: Buffer.alloc(32, 7),
    };
    await database.db.insert(samples).values([row, { id: 'b'.repeat(32) }]);
    const rows = await database.scan.select().from(samples).orderBy(samples.id);
    expect(rows).toEqual(await database.db.select().from(samples).orderBy(samples.id));
    expect(rows[0]?.data).toEqual(row.data);
  });

  it('sees what was committed just before it, again and again', async () => {
    for (let i = 0; i < 50; i++) {
      await database.db.insert(tallies).values({ name: `n${i}` });
      const rows = await database.scan.select({ n: count() }).from(tallies);
      expect(Number(rows[0]?.n)).toBe(i + 1);
    }
    await database.db.transaction(async (tx) => {
      await tx.insert(tallies).values({ name: 'open' });
      expect(await database.scan.select().from(tallies).where(eq(tallies.name, 'open'))).toEqual([]);
    });
  });

  it('fails with its own error, and the next one works', async () => {
    await expect(rawRows(database.scan, sql`select nothing from nowhere`)).rejects.toThrow();
    expect(await database.scan.select().from(tallies)).toEqual([]);
  });

  it('writes nothing', async () => {
    await database.db.insert(tallies).values({ name: 'a' });
    await expect(rawRun(database.scan as Database['db'], sql`delete from ${tallies}`)).rejects.toThrow();
    expect(await database.db.select().from(tallies)).toHaveLength(1);
  });

  it('leaves the event loop and other reads free, ends after its time, and the next one works', async () => {
    const [own, end] = await openWith({ scanTimeoutMs: 600 });
    let runs = true;
    const failed = rawRows(own.scan, endless)
      .catch((error: unknown) => error)
      .finally(() => {
        runs = false;
      });
    let reads = 0;
    while (runs) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await rawRows(own.db, sql`select 1 as one`);
      if (runs) reads++;
    }
    // What had to wait for it would have to wait until its end.
    expect(reads).toBeGreaterThan(3);
    expect(isUnavailable(await failed)).toBe(true);
    expect(await rawRows(own.scan, sql`select count(*) as n from t_many`)).toEqual([{ n: ROWS }]);
    await end();
  });

  it('has its turn by tenant, however many one of them asks for', async () => {
    const [own, end] = await openWith({ scanTimeoutMs: 20_000 });
    const done: string[] = [];
    const some = sql`select count(*) as n from t_many a, t_many b where a.value + b.value < 0`;
    const ask = (name: string) => rawRows(own.scan, some).then(() => done.push(name));
    const noisy = asTenant(1, () => Array.from({ length: 12 }, () => ask('noisy')));
    await Promise.all([...noisy, asTenant(2, () => ask('quiet'))]);
    expect(done.indexOf('quiet')).toBeLessThan(6);
    await end();
  });

  it('ends when the database is closed, and none begins after that', async () => {
    const [own, end] = await openWith({ scanTimeoutMs: 2_000 });
    const running = [1, 2, 3].map(() => rawRows(own.scan, endless).catch((error: unknown) => error));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await end();
    for (const failed of running) expect(isUnavailable(await failed)).toBe(true);
    const late = await rawRows(own.scan, endless).catch((error: unknown) => error);
    expect(isUnavailable(late)).toBe(true);
  });
});
