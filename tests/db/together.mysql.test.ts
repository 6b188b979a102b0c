/** Writes whose answers nobody needs go with the statement after them, and mean the same as one by one. */
import { eq, sql } from 'drizzle-orm';
import type { PoolConnection } from 'mysql2/promise';
import { expect, it } from 'vitest';
import type { Db, Tx } from '../../src/db/client.ts';
import { canKeep, letSendTogether } from '../../src/db/mysql-together.ts';
import { affected, insertMany, rawRows, transact, tryInsert, unanswered } from '../../src/db/ops.ts';
import { raiser } from '../../src/db/raise.ts';
import { samples, tallies, useFixture } from './fixture.ts';

const open = useFixture();
const TIMES = 30;

const namesIn = async (db: Pick<Db, 'select'>) =>
  (await db.select({ name: tallies.name }).from(tallies).orderBy(tallies.name)).map(({ name }) => name);

/** Statements that the server has got on the transaction's connection, this question included. */
async function questionsOf(tx: Tx): Promise<number> {
  const [row] = await rawRows<{ Value: string }>(tx, sql.raw("show session status like 'Questions'"));
  return Number(row?.Value);
}

it('writes go together with the statement after them, in their order', async () => {
  const { db } = await open();
  await db.transaction(async (tx) => {
    const before = await questionsOf(tx);
    await insertMany(unanswered(tx), tallies, [{ name: 'a' }]);
    await unanswered(tx).update(tallies).set({ value: 1 }).where(eq(tallies.name, 'a'));
    await insertMany(unanswered(tx), tallies, [{ name: 'b', value: 2 }]);
    expect(await tx.select({ value: tallies.value }).from(tallies).orderBy(tallies.name)).toEqual([
      { value: 1 },
      { value: 2 },
    ]);
    expect((await questionsOf(tx)) - before).toBe(2);
  });
  expect(await namesIn(db)).toEqual(['a', 'b']);
});

it('the commit takes with it what is left', async () => {
  const { db } = await open();
  await db.transaction((tx) => insertMany(unanswered(tx), tallies, [{ name: 'a' }]));
  expect(await namesIn(db)).toEqual(['a']);
});

it('values of all kinds come as they are, also when the statement is prepared', async () => {
  const { db } = await open();
  for (let n = 0; n < TIMES; n++) {
    const row = {
      id: `${n}`.padStart(32, '0'),
      shortText: `it's; commit; "${n}" \\ ü 🙂 ?`,
      longText: n % 2 ? null : '?; rollback; --',
      large: Number.MAX_SAFE_INTEGER - n,
      flag: n % 2 === 0,
      data: { n: ['?', null] },
      raw: Buffer.from(Array.from({ length: n }, (_, at) => (at * 7 + n) % 256)),
    };
    const read = await db.transaction(async (tx) => {
      await insertMany(unanswered(tx), tallies, [{ name: `n${n}`, label: row.shortText }]);
      await insertMany(unanswered(tx), samples, [row]);
      return tx.select().from(samples).where(eq(samples.id, row.id));
    });
    expect(read).toEqual([expect.objectContaining(row)]);
  }
  expect(await namesIn(db)).toHaveLength(TIMES);
});

it('a statement after them is answered as by itself: rows, counts, numbers of a counter', async () => {
  const { db } = await open();
  await db.insert(tallies).values([{ name: 'a' }, { name: 'b' }]);
  const raise = raiser(tallies.value, tallies.name);
  for (let n = 1; n <= TIMES; n++) {
    await db.transaction(async (tx) => {
      const touch = () =>
        unanswered(tx)
          .update(tallies)
          .set({ active: n % 2 === 0 });
      await touch();
      expect(await raise(tx, ['a'], 3)).toBe(3 * n);
      await touch();
      expect(await raise(tx, ['nobody'], 3)).toBeNull();
      await touch();
      expect(affected(await tx.update(tallies).set({ active: true }))).toBe(2);
      await touch();
      expect(affected(await tx.delete(tallies).where(eq(tallies.name, 'nobody')))).toBe(0);
      await touch();
      expect(await tx.select({ value: tallies.value }).from(tallies).where(eq(tallies.name, 'a'))).toEqual([
        { value: 3 * n },
      ]);
    });
  }
});

it('one that fails undoes all, also when the error is caught', async () => {
  const { db } = await open();
  await db.insert(tallies).values({ name: 'taken' });
  const failing = db.transaction(async (tx) => {
    await tx.insert(tallies).values({ name: 'a' });
    await insertMany(unanswered(tx), tallies, [{ name: 'taken' }]);
    await namesIn(tx).catch(() => undefined);
    await tx.insert(tallies).values({ name: 'b' });
  });
  await expect(failing).rejects.toThrow();
  const withCommit = db.transaction(async (tx) => {
    await insertMany(unanswered(tx), tallies, [{ name: 'c' }]);
    await insertMany(unanswered(tx), tallies, [{ name: 'taken' }]);
    await insertMany(unanswered(tx), tallies, [{ name: 'd' }]);
  });
  await expect(withCommit).rejects.toThrow();
  expect(await namesIn(db)).toEqual(['taken']);
});

it('a try that may fail has no part in what was kept back before it', async () => {
  const { db } = await open();
  await db.insert(tallies).values({ name: 'taken' });
  await db.transaction(async (tx) => {
    await insertMany(unanswered(tx), tallies, [{ name: 'a' }]);
    expect(await tryInsert(tx, tallies, { name: 'taken' })).toBe(false);
    expect(await tryInsert(tx, tallies, { name: 'b' })).toBe(true);
  });
  expect(await namesIn(db)).toEqual(['a', 'b', 'taken']);
});

it('what a nested transaction wrote is undone alone', async () => {
  const { db } = await open();
  await db.transaction(async (tx) => {
    await insertMany(unanswered(tx), tallies, [{ name: 'before' }]);
    const nested = tx.transaction(async (inner) => {
      await insertMany(unanswered(inner), tallies, [{ name: 'inside' }]);
      throw new Error('no');
    });
    await expect(nested).rejects.toThrow('no');
    await insertMany(unanswered(tx), tallies, [{ name: 'after' }]);
  });
  expect(await namesIn(db)).toEqual(['after', 'before']);
});

it('a large write goes by itself', async () => {
  const { db } = await open();
  const longText = 'x'.repeat(200_000);
  await db.transaction(async (tx) => {
    const before = await questionsOf(tx);
    await insertMany(unanswered(tx), samples, [{ id: '1'.repeat(32), longText }]);
    expect((await questionsOf(tx)) - before).toBe(2);
  });
  expect(await db.select({ longText: samples.longText }).from(samples)).toEqual([{ longText }]);
});

it('transactions that lose to one another are repeated as a whole', async () => {
  const { db } = await open();
  await db.insert(tallies).values([{ name: 'a' }, { name: 'b' }]);
  const touch = (order: readonly string[]) =>
    transact(
      db,
      async (tx) => {
        for (const name of order) {
          const row = eq(tallies.name, name);
          await unanswered(tx)
            .update(tallies)
            .set({ value: sql`${tallies.value} + 1` })
            .where(row);
          await tx.select().from(tallies).where(row);
        }
      },
      { tries: 20 },
    );
  await Promise.all(Array.from({ length: 10 }, (_, n) => touch(n % 2 ? ['a', 'b'] : ['b', 'a'])));
  expect(await db.select({ value: tallies.value }).from(tallies)).toEqual([{ value: 10 }, { value: 10 }]);
});

it('a server, or a proxy, that takes no compound statement gets the writes one by one', async () => {
  const write = { sql: 'insert into t values (?)', values: [1], match: undefined };
  const connected = (query: () => Promise<unknown>) =>
    Object.assign(Object.create(null), { connection: {}, query }) as PoolConnection;
  const limits = { maxBytes: 1_000_000, timeoutMs: 1_000 };
  const able = connected(() => Promise.resolve());
  await letSendTogether(able, limits);
  expect(canKeep(able, [], write)).toBe(true);
  const unable = connected(() => Promise.reject(Object.assign(new Error('syntax'), { errno: 1064 })));
  await letSendTogether(unable, limits);
  expect(canKeep(unable, [], write)).toBe(false);
  const lost = connected(() => Promise.reject(Object.assign(new Error('gone'), { fatal: true })));
  await expect(letSendTogether(lost, limits)).rejects.toThrow('gone');
});
